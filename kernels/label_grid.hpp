// A parcellation as kernels see it: where voxels are and which region they belong to.
//
// Double precision: which of two centres is nearer must not depend on how far from the scanner's origin the brain lies.
#pragma once

#include "kernels/vec3.hpp"

#include <cstdint>

namespace arcuate::kernels {

struct Vec3d {
    double x, y, z;
};

/// Indices of a voxel, which may be outside the image.
struct Voxel {
    std::int32_t x, y, z;
};

struct LabelGrid {
    const std::int32_t* nodes;    ///< (nz, ny, nx), 1 + the node's row in the connectome; 0 background
    std::int32_t nx, ny, nz;
    double world_to_voxel[3][4];  ///< mm -> voxel indices
    double voxel_to_world[3][3];  ///< linear part: voxel steps -> mm

    /// The point in voxel coordinates, and the voxel that it lies in. False far away (or for NaN): there is nothing, and no int to hold it.
    ARCUATE_HD bool locate(Vec3 world, Vec3d& p, Voxel& voxel) const {
        const auto& m = world_to_voxel;
        const double x = world.x, y = world.y, z = world.z;
        p = {fma(m[0][2], z, fma(m[0][1], y, fma(m[0][0], x, m[0][3]))), fma(m[1][2], z, fma(m[1][1], y, fma(m[1][0], x, m[1][3]))),
             fma(m[2][2], z, fma(m[2][1], y, fma(m[2][0], x, m[2][3])))};
        if (!(abs(p.x) < 1e9 && abs(p.y) < 1e9 && abs(p.z) < 1e9)) return false;
        voxel = {nearest_int(p.x), nearest_int(p.y), nearest_int(p.z)};
        return true;
    }
    ARCUATE_HD bool contains(Voxel v) const { return v.x >= 0 && v.y >= 0 && v.z >= 0 && v.x < nx && v.y < ny && v.z < nz; }
    ARCUATE_HD std::int64_t index(Voxel v) const { return v.x + static_cast<std::int64_t>(nx) * (v.y + static_cast<std::int64_t>(ny) * v.z); }

    /// 1 + the row of the node whose voxel the point lies in, 0 for none.
    ARCUATE_HD std::int32_t node_at(Vec3 world) const {
        Vec3d p;
        Voxel voxel;
        return locate(world, p, voxel) && contains(voxel) ? nodes[index(voxel)] : 0;
    }

    /// A step in voxels, in the world [mm].
    ARCUATE_HD Vec3d in_mm(Vec3d d) const {
        const auto& m = voxel_to_world;
        return {fma(m[0][2], d.z, fma(m[0][1], d.y, m[0][0] * d.x)), fma(m[1][2], d.z, fma(m[1][1], d.y, m[1][0] * d.x)),
                fma(m[2][2], d.z, fma(m[2][1], d.y, m[2][0] * d.x))};
    }

  private:
    ARCUATE_HD static std::int32_t nearest_int(double v) {
        const double shifted = v + 0.5;
        const auto truncated = static_cast<std::int32_t>(shifted);
        return truncated - (static_cast<double>(truncated) > shifted ? 1 : 0);
    }
};

ARCUATE_HD double dot(Vec3d a, Vec3d b) { return fma(a.z, b.z, fma(a.y, b.y, a.x * b.x)); }

}  // namespace arcuate::kernels
