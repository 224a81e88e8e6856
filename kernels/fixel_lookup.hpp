// Which fixel a direction in a voxel belongs to.
#pragma once

#include "kernels/vec3.hpp"

#include <cstdint>

namespace arcuate::kernels {

/// The direction of a net that is nearest to another: uphill from neighbour to neighbour, which in a net of triangles ends nowhere else.
struct NearestDirection {
    static constexpr int neighbours = 6, cells = 64;

    const float* directions;        ///< (n, 3) unit, opposites being one
    const std::int16_t* neighbour;  ///< (n, neighbours), itself as padding
    const std::int16_t* start;      ///< (cells, cells): a direction near the (x, y) in [-1, 1]^2 of the cell, z >= 0

    ARCUATE_HD int operator()(Vec3 d) const {
        const float side = d.z < 0.0f ? -1.0f : 1.0f;
        int at = start[cell(side * d.y) * cells + cell(side * d.x)];
        float best = along(at, d);
        for (int before = -1; before != at;) {
            before = at;
            for (int k = 0; k < neighbours; ++k) {
                const int other = neighbour[before * neighbours + k];
                const float cosine = along(other, d);
                if (cosine > best) {
                    best = cosine;
                    at = other;
                }
            }
        }
        return at;
    }

  private:
    ARCUATE_HD static int cell(float c) {
        const int i = floor_int((c + 1.0f) * (0.5f * static_cast<float>(cells)));
        return i < 0 ? 0 : (i >= cells ? cells - 1 : i);
    }
    ARCUATE_HD float along(int i, Vec3 d) const { return abs(fma(directions[3 * i + 2], d.z, fma(directions[3 * i + 1], d.y, directions[3 * i] * d.x))); }
};

struct FixelLookup {
    std::int32_t nx, ny, nz;
    const std::uint32_t* first;        ///< (voxels + 1)
    const std::int32_t* row;           ///< (voxels), -1: every direction belongs to the first fixel
    const std::uint8_t* lookup;        ///< (rows, row_bytes), four bits per direction
    std::int32_t row_bytes;
    NearestDirection nearest;

    static constexpr std::int64_t none = -1;

    /// The fixel that a path in direction `along` (any length) belongs to.
    ARCUATE_HD std::int64_t operator()(std::int32_t x, std::int32_t y, std::int32_t z, Vec3 along) const {
        if (x < 0 || y < 0 || z < 0 || x >= nx || y >= ny || z >= nz) return none;
        const std::int64_t voxel = x + static_cast<std::int64_t>(nx) * (y + static_cast<std::int64_t>(ny) * z);
        const std::uint32_t begin = first[voxel];
        if (first[voxel + 1] == begin) return none;
        if (row[voxel] < 0) return begin;
        const float norm = length(along);
        if (!(norm > 0.0f)) return none;
        const int d = nearest((1.0f / norm) * along);
        const int lobe = lookup[static_cast<std::int64_t>(row[voxel]) * row_bytes + (d >> 1)] >> (4 * (d & 1)) & 15;
        return lobe == 15 ? none : static_cast<std::int64_t>(begin) + lobe;
    }
};

}  // namespace arcuate::kernels
