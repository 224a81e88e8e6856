// The map from voxel indices to the scanner, and its inverse: host side, double precision.
#pragma once

#include <array>

namespace arcuate {

using Vec3d = std::array<double, 3>;

/// world = linear * voxel + offset. World is scanner RAS+ [mm]; integer voxel coordinates are voxel centres.
struct Affine {
    std::array<Vec3d, 3> linear{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};  ///< rows; column j is the step along image axis j [mm]
    Vec3d offset{0, 0, 0};                                           ///< centre of voxel (0,0,0) [mm]

    friend bool operator==(const Affine&, const Affine&) = default;
};

Vec3d transform_point(const Affine& affine, const Vec3d& point);
Vec3d transform_direction(const Affine& affine, const Vec3d& direction);
double determinant(const Affine& affine);

/// Length of one step along each image axis [mm].
Vec3d voxel_sizes(const Affine& affine);

/// First `first`, then `then`.
Affine composed(const Affine& then, const Affine& first);

/// Throws InputError where the linear part is singular or not finite.
Affine inverse(const Affine& affine);

/// The nearest rotation (or reflection): the columns made unit length and orthonormal, by polar decomposition.
/// Where a header's axes are already orthogonal, as in any image straight from a scanner, this only divides by the voxel sizes.
Affine orthonormalized(const Affine& affine);

}  // namespace arcuate
