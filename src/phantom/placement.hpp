// Where a phantom's box lies in the scanner, and the grid that fills it.
#pragma once

#include "arcuate/core/image.hpp"

namespace arcuate::phantom {

/// The box's frame (mm, origin in its middle) in the scanner: tilted about the x and the z axis by rational rotations, origin not at its middle.
Affine box_to_world();

/// A grid that fills the box; image axis i runs from right to left, so the determinant is negative.
struct Placement {
    Grid grid;
    double voxel = 0;  ///< [mm]

    Vec3d box_point(double i, double j, double k) const {
        return {-(i - 0.5 * static_cast<double>(grid.size[0] - 1)) * voxel, (j - 0.5 * static_cast<double>(grid.size[1] - 1)) * voxel,
                (k - 0.5 * static_cast<double>(grid.size[2] - 1)) * voxel};
    }
};

/// `box_mm`: the box's edges [mm].
Placement place(const Vec3d& box_mm, double voxel_size);

/// Indices of a voxel along each axis.
inline std::array<std::int64_t, 3> voxel_index(const Grid& grid, std::int64_t voxel) {
    return {voxel % grid.size[0], voxel / grid.size[0] % grid.size[1], voxel / (grid.size[0] * grid.size[1])};
}

/// Middle of one of `pieces` pieces of a voxel along an axis, in voxels from the voxel's centre.
inline double piece_offset(int piece, int pieces) { return (piece + 0.5) / pieces - 0.5; }

}  // namespace arcuate::phantom
