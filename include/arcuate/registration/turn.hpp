// Images whose values are directions, turned along with their place; nothing is resampled.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/image.hpp"
#include "arcuate/core/progress.hpp"

#include <string>
#include <vector>

namespace arcuate::registration {

/// What a voxel's values are, in the conventions of conventions.hpp; all in the world frame.
enum class Kind {
    scalar,    ///< numbers that do not turn: maps, labels, a diffusion series whose directions are in its .bvec
    vectors,   ///< x, y, z of one direction or several: main directions, peaks
    tensor,    ///< xx, yy, zz, xy, xz, yz
    kurtosis,  ///< fifteen values in the order of `arcuate kurtosis`
    fod        ///< spherical harmonics
};

/// Turns the values of every voxel by the linear part of `motion` and moves the grid by the whole of it. The linear part must be a rotation (see
/// require_rigid) unless the kind is scalar. Throws InputError where the number of volumes does not suit the kind.
void move_image(ScalarImage& image, Kind kind, const Affine& motion, const Device& device, Progress& progress = silent());

/// The grid after `motion`: voxel indices stay, their places move.
Grid moved(const Grid& grid, const Affine& motion);

/// The same motion with the nearest rotation, which keeps the place of `centre`. Throws InputError where the linear part scales, shears or mirrors by more than
/// `tolerance`; `name` says whose it is.
Affine require_rigid(const Affine& motion, const Vec3d& centre, const std::string& name, double tolerance = 1e-3);

/// The matrices of spherical harmonics of orders 0, 2, ..., lmax, one after the other, row-major: coefficients of f(R^-1 d) from those of f(d)
/// (recursion of Ivanic & Ruedenberg 1996, J Phys Chem 100:6342, with its correction, 102:9099).
std::vector<double> sh_rotation(int lmax, const Affine& rotation);

/// The image at the voxels of `grid`, after `motion`: trilinear, 0 beyond the image's voxels and beside values that are not finite.
ScalarImage resampled(const ScalarImage& image, const Affine& motion, const Grid& grid, const Device& device);
/// The label of the nearest voxel.
LabelImage resampled(const LabelImage& labels, const Affine& motion, const Grid& grid, const Device& device);

}  // namespace arcuate::registration
