// Evenly spread axes: for gradient tables, for the constraint of spherical deconvolution, for the first search of peaks.
#pragma once

#include "arcuate/core/affine.hpp"

#include <vector>

namespace arcuate {

/// `n` unit vectors that repel each other and each other's opposites as charges do (Jones et al. 1999, Magn Reson Med 42:515), z >= 0.
/// Computed, not tabulated; the same on every machine.
std::vector<Vec3d> repelled_directions(int n);

}  // namespace arcuate
