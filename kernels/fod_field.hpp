// The field that trackers walk on: spherical harmonic coefficients of the voxels that have any, found through an index grid.
#pragma once

#include "kernels/sh_basis.hpp"
#include "kernels/vec3.hpp"

#include <cstdint>

namespace arcuate::kernels {

/// Values per voxel in memory: the coefficients, padded with zeros to whole groups of eight (one AVX register, two 16-byte loads).
constexpr int padded_sh_count(int lmax) { return (sh_count(lmax) + 7) / 8 * 8; }

/// The eight voxels around a point and their trilinear weights.
struct Cell {
    std::int32_t row[8];  ///< of FodField::coefficients; row 0 is all zero and stands for voxels without an FOD
    float weight[8];
};

template <int Lmax>
struct FodField {
    static constexpr int stride = padded_sh_count(Lmax);

    const float* coefficients;   ///< (rows, stride)
    const std::int32_t* index;   ///< (nz, ny, nx): row of each voxel, 0 where it has no FOD
    int nx, ny, nz;
    Affine3 world_to_voxel;

    /// Row of a voxel; 0 outside the image.
    ARCUATE_HD std::int32_t row_of(int x, int y, int z) const {
        const bool inside = x >= 0 && y >= 0 && z >= 0 && x < nx && y < ny && z < nz;
        return inside ? index[x + static_cast<std::int64_t>(nx) * (y + static_cast<std::int64_t>(ny) * z)] : 0;
    }

    /// False where the voxel nearest to the point has no FOD: the end of the image, as MRtrix's masked interpolator sees it.
    ARCUATE_HD bool locate(Vec3 world, Cell& cell) const {
        const Vec3 v = transform_point(world_to_voxel, world);
        // Written so that NaN fails too; half a voxel is the reach of the outermost centres.
        if (!(v.x > -0.5f && v.y > -0.5f && v.z > -0.5f && v.x < static_cast<float>(nx) && v.y < static_cast<float>(ny) && v.z < static_cast<float>(nz)))
            return false;
        if (row_of(floor_int(v.x + 0.5f), floor_int(v.y + 0.5f), floor_int(v.z + 0.5f)) == 0) return false;
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

    /// Amplitude of the trilinearly interpolated FOD along a unit direction.
    /// Order of the sums: over the corners within a coefficient, then eight interleaved partial sums over coefficients, then a fixed tree.
    ARCUATE_HD float amplitude(const Cell& cell, Vec3 direction) const {
        float basis[stride];
        for (int j = sh_count(Lmax); j < stride; ++j) basis[j] = 0.0f;
        sh_basis<Lmax, float>(direction.x, direction.y, direction.z, basis);
        float sum[8] = {0, 0, 0, 0, 0, 0, 0, 0};
        ARCUATE_UNROLL
        for (int group = 0; group < stride; group += 8) {
            float c[8] = {0, 0, 0, 0, 0, 0, 0, 0};
            ARCUATE_UNROLL
            for (int k = 0; k < 8; ++k) {
                const float* row = coefficients + static_cast<std::int64_t>(cell.row[k]) * stride + group;
                ARCUATE_UNROLL
                for (int lane = 0; lane < 8; ++lane) c[lane] = fma(cell.weight[k], row[lane], c[lane]);
            }
            ARCUATE_UNROLL
            for (int lane = 0; lane < 8; ++lane) sum[lane] = fma(c[lane], basis[group + lane], sum[lane]);
        }
        return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
    }
};

}  // namespace arcuate::kernels
