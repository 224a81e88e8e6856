// Which region a point belongs to: that of the nearest labelled voxel centre, if it is closer than a radius (tck2connectome's
// -assignment_radial_search). Of labelled centres at the same distance, the one of the lowest voxel index (x fastest) wins.
//
// Double precision: which of two centres is nearer must not depend on how far from the scanner's origin the brain lies. It is two points per streamline.
#pragma once

#include "kernels/vec3.hpp"

#include <cstdint>

namespace arcuate::kernels {

struct Vec3d {
    double x, y, z;
};

/// A voxel relative to the one that a point lies in.
struct SearchOffset {
    std::int32_t x, y, z;
    double nearest2;  ///< squared distance [mm2] that its centre has at least from any point of the voxel at (0,0,0)
};

struct NodeSearch {
    const std::int32_t* nodes;    ///< (nz, ny, nx), 1 + the node's row in the connectome; 0 background
    std::int32_t nx, ny, nz;
    double world_to_voxel[3][4];  ///< mm -> voxel indices
    double voxel_to_world[3][3];  ///< linear part: voxel steps -> mm
    const SearchOffset* offsets;  ///< ascending in nearest2; all that can hold a centre closer than the radius
    std::int32_t n_offsets;
    double radius2;               ///< [mm2]

    /// 1 + the row of the node, 0 for none. A point that is not finite has none.
    ARCUATE_HD std::int32_t operator()(Vec3 world) const {
        const Vec3d p = in_voxels(world);
        // The voxel that the point lies in, which may be outside the image. Far away (or NaN) there is nothing to find, and no int to hold it.
        if (!(abs(p.x) < 1e9 && abs(p.y) < 1e9 && abs(p.z) < 1e9)) return 0;
        const std::int32_t x = nearest_int(p.x), y = nearest_int(p.y), z = nearest_int(p.z);
        double best2 = radius2;
        std::int32_t best = 0;
        std::int64_t best_voxel = 0;
        for (std::int32_t k = 0; k < n_offsets && offsets[k].nearest2 <= best2; ++k) {
            const std::int32_t vx = x + offsets[k].x, vy = y + offsets[k].y, vz = z + offsets[k].z;
            if (vx < 0 || vy < 0 || vz < 0 || vx >= nx || vy >= ny || vz >= nz) continue;
            const std::int64_t voxel = vx + static_cast<std::int64_t>(nx) * (vy + static_cast<std::int64_t>(ny) * vz);
            const std::int32_t node = nodes[voxel];
            if (node == 0) continue;
            const double distance2 = squared_mm({vx - p.x, vy - p.y, vz - p.z});
            if (distance2 < best2 || (best != 0 && distance2 == best2 && voxel < best_voxel)) {
                best2 = distance2;
                best = node;
                best_voxel = voxel;
            }
        }
        return best;
    }

  private:
    ARCUATE_HD static std::int32_t nearest_int(double v) {
        const double shifted = v + 0.5;
        const auto truncated = static_cast<std::int32_t>(shifted);
        return truncated - (static_cast<double>(truncated) > shifted ? 1 : 0);
    }
    ARCUATE_HD Vec3d in_voxels(Vec3 p) const {
        const auto& m = world_to_voxel;
        const double x = p.x, y = p.y, z = p.z;
        return {fma(m[0][2], z, fma(m[0][1], y, fma(m[0][0], x, m[0][3]))), fma(m[1][2], z, fma(m[1][1], y, fma(m[1][0], x, m[1][3]))),
                fma(m[2][2], z, fma(m[2][1], y, fma(m[2][0], x, m[2][3])))};
    }
    ARCUATE_HD double squared_mm(Vec3d d) const {
        const auto& m = voxel_to_world;
        const double x = fma(m[0][2], d.z, fma(m[0][1], d.y, m[0][0] * d.x));
        const double y = fma(m[1][2], d.z, fma(m[1][1], d.y, m[1][0] * d.x));
        const double z = fma(m[2][2], d.z, fma(m[2][1], d.y, m[2][0] * d.x));
        return fma(z, z, fma(y, y, x * x));
    }
};

}  // namespace arcuate::kernels
