// Evenly spread axes: for gradient tables, for the constraint of spherical deconvolution, for the first search of peaks and for lobes.
#pragma once

#include "arcuate/core/affine.hpp"

#include <cstdint>
#include <vector>

namespace arcuate {

/// `n` unit vectors that repel each other and each other's opposites as charges do (Jones et al. 1999, Magn Reson Med 42:515), z >= 0.
/// Computed, not tabulated; the same on every machine.
std::vector<Vec3d> repelled_directions(int n);

/// `n` of them, z > 0, that repel their mirror images (x, y, -z) as well: with those 2 n axes, in pairs whose spherical harmonics have their terms in common.
std::vector<Vec3d> repelled_pairs(int n);

/// Axes with their neighbours: a net of triangles over the sphere on which functions of a direction are sampled, opposite directions being one.
struct DirectionNet {
    static constexpr int max_neighbours = 6;

    std::vector<Vec3d> directions;         ///< (n, 3) unit, z >= 0
    std::vector<std::int16_t> neighbours;  ///< (n, max_neighbours) ends of a direction's edges; itself as padding where it has five
};

/// The icosahedron with every edge halved `halvings` times and brought back to the sphere: 5 4^halvings + 1 axes. Four halvings give 1281, 4 degrees
/// apart, as dense as the samples of Smith et al. 2013 (NeuroImage 67:298).
DirectionNet geodesic_net(int halvings);

}  // namespace arcuate
