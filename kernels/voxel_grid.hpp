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
    const std::int32_t* index;   ///< (nz, ny, nx): row of each voxel, 0 where it has no data
    int nx, ny, nz;
    Affine3 world_to_voxel;

    /// Row of a voxel; 0 outside the image.
    ARCUATE_HD std::int32_t row_of(int x, int y, int z) const {
        const bool inside = x >= 0 && y >= 0 && z >= 0 && x < nx && y < ny && z < nz;
        return inside ? index[x + static_cast<std::int64_t>(nx) * (y + static_cast<std::int64_t>(ny) * z)] : 0;
    }

    /// Row of the voxel nearest to voxel coordinates; 0 outside. Written so that NaN is outside; half a voxel is the reach of the outermost centres.
    ARCUATE_HD std::int32_t nearest(Vec3 v) const {
        if (!(v.x > -0.5f && v.y > -0.5f && v.z > -0.5f && v.x < static_cast<float>(nx) && v.y < static_cast<float>(ny) && v.z < static_cast<float>(nz))) return 0;
        return row_of(floor_int(v.x + 0.5f), floor_int(v.y + 0.5f), floor_int(v.z + 0.5f));
    }

    /// False where the voxel nearest to the point has no data: the end of the image, as MRtrix's masked interpolator sees it.
    ARCUATE_HD bool locate(Vec3 world, Cell& cell) const {
        const Vec3 v = transform_point(world_to_voxel, world);
        if (nearest(v) == 0) return false;
        const int x = floor_int(v.x), y = floor_int(v.y), z = floor_int(v.z);
        const float fx = v.x - static_cast<float>(x), fy = v.y - static_cast<float>(y), fz = v.z - static_cast<float>(z);
        ARCUATE_UNROLL
        for (int k = 0; k < 8; ++k) {
            const int dx = k & 1, dy = k >> 1 & 1, dz = k >> 2;
            cell.row[k] = row_of(x + dx, y + dy, z + dz);
            cell.weight[k] = (dx ? fx : 1.0f - fx) * (dy ? fy : 1.0f - fy) * (dz ? fz : 1.0f - fz);
        }
        return true;
    }
};

}  // namespace arcuate::kernels
