// What searches around a streamline's end look at, prepared from the parcellation's grid.
#pragma once

#include "arcuate/core/parcellation.hpp"
#include "kernels/assign_nodes.hpp"

#include <vector>

namespace arcuate::connectome {

/// The label's row in the connectome plus one, 0 for none.
std::int32_t node_number(const std::vector<Node>& nodes, std::int32_t label);

/// Each voxel's row in the connectome plus one, 0 background.
std::vector<std::int32_t> node_numbers(const Parcellation& parcellation);

/// Voxels whose centre can be closer than a radius to a point of the voxel at the origin.
struct Surroundings {
    std::vector<kernels::SearchOffset> offsets;  ///< nearest first
    std::array<std::int32_t, 3> reach{};         ///< along each axis all of them lie within so many voxels
};
/// Throws InputError where there would be millions.
Surroundings surroundings(const Affine& voxel_to_world, double radius_mm);

/// Whether the centre nearest to a point is that of its voxel, as where axes are at right angles, and closer than a radius.
bool own_centre_is_nearest(const Affine& voxel_to_world, double radius_mm);

/// The answer of a radial search in voxels where it is the same for every point: 0 where no voxel of the surroundings has a region; the voxel's own region
/// where no neighbour has another one. -1 elsewhere.
std::vector<std::int32_t> decided_nodes(const std::vector<std::int32_t>& nodes, const Grid& grid, double radius_mm, const Surroundings& around);

}  // namespace arcuate::connectome
