// Where the voxels of a field are: which of an image's voxels have data, and the eight around a point with their weights.
#pragma once

#include "kernels/vec3.hpp"

#include <cstdint>

namespace arcuate::kernels {

/// The eight voxels around a point and their trilinear weights; corner k is k&1 voxel further in x, k>>1&1 in y, k>>2 in z.
struct Cell {
    std::int32_t row[8];  ///< of the field; row 0 is all zero and stands for voxels without data
    float weight[8];
};

/// An image whose voxels with data are rows of a packed array.
struct VoxelGrid {
    const std::int32_t* index;   ///< (nz + 2, ny + 2, nx + 2): row of each voxel, 0 where it has no data; a voxel without around the image saves looking for its ends
    int nx, ny, nz;
    Affine3 world_to_voxel;

    /// Whether the point is nearest to a voxel of the image: half a voxel is the reach of the outermost centres. False for NaN.
    ARCUATE_HD bool covers(Vec3 v) const {
        return v.x >= -0.5f && v.y >= -0.5f && v.z >= -0.5f && v.x < static_cast<float>(nx) - 0.5f && v.y < static_cast<float>(ny) - 0.5f && v.z < static_cast<float>(nz) - 0.5f;
    }
    /// Where in `index` a voxel is; one beyond the image is allowed.
    ARCUATE_HD const std::int32_t* at(int x, int y, int z) const {
        return index + (x + 1 + static_cast<std::int64_t>(nx + 2) * (y + 1 + static_cast<std::int64_t>(ny + 2) * (z + 1)));
    }

    /// Row of the voxel nearest to voxel coordinates; 0 outside.
    ARCUATE_HD std::int32_t nearest(Vec3 v) const { return covers(v) ? *at(floor_int(v.x + 0.5f), floor_int(v.y + 0.5f), floor_int(v.z + 0.5f)) : 0; }

    /// False where the voxel nearest to the point has no data: the end of the image, as MRtrix's masked interpolator sees it.
    ARCUATE_HOT bool locate(Vec3 world, Cell& cell) const {
        return locate_voxel(transform_point(world_to_voxel, world), cell);
    }
    /// The same, of voxel coordinates.
    ARCUATE_HOT bool locate_voxel(Vec3 v, Cell& cell) const {
        if (!covers(v)) return false;
        const int x = floor_int(v.x), y = floor_int(v.y), z = floor_int(v.z);
        const float fx = v.x - static_cast<float>(x), fy = v.y - static_cast<float>(y), fz = v.z - static_cast<float>(z);
        const std::int32_t* const corner = at(x, y, z);
        const std::int64_t row = nx + 2, slice = row * (ny + 2);
        if (corner[(fx >= 0.5f ? 1 : 0) + (fy >= 0.5f ? row : 0) + (fz >= 0.5f ? slice : 0)] == 0) return false;
        ARCUATE_UNROLL
        for (int k = 0; k < 8; ++k) {
            const int dx = k & 1, dy = k >> 1 & 1, dz = k >> 2;
            cell.row[k] = corner[dx + dy * row + dz * slice];
            cell.weight[k] = (dx ? fx : 1.0f - fx) * (dy ? fy : 1.0f - fy) * (dz ? fz : 1.0f - fz);
        }
        return true;
    }
};

}  // namespace arcuate::kernels
