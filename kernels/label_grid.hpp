// A parcellation as kernels see it: where voxels are and which region they belong to.
#pragma once

#include "kernels/dvec3.hpp"

#include <cstdint>

namespace arcuate::kernels {

/// Indices of a voxel, which may be outside the image.
struct Voxel {
    std::int32_t x, y, z;
};

struct LabelGrid {
    const std::int32_t* nodes;  ///< (nz, ny, nx), 1 + the node's row in the connectome; 0 background
    std::int32_t nx, ny, nz;
    DAffine3 world_to_voxel, voxel_to_world;

    /// The point in voxel coordinates, and the voxel that it lies in. False far away (or for NaN): there is nothing, and no int to hold it.
    ARCUATE_HD bool locate(Vec3 world, DVec3& p, Voxel& voxel) const {
        p = transform_point(world_to_voxel, widened(world));
        if (!(abs(p.x) < 1e9 && abs(p.y) < 1e9 && abs(p.z) < 1e9)) return false;
        voxel = {nearest_int(p.x), nearest_int(p.y), nearest_int(p.z)};
        return true;
    }
    ARCUATE_HD bool contains(Voxel v) const { return v.x >= 0 && v.y >= 0 && v.z >= 0 && v.x < nx && v.y < ny && v.z < nz; }
    ARCUATE_HD std::int64_t index(Voxel v) const { return v.x + static_cast<std::int64_t>(nx) * (v.y + static_cast<std::int64_t>(ny) * v.z); }

    /// 1 + the row of the node whose voxel the point lies in, 0 for none.
    ARCUATE_HD std::int32_t node_at(Vec3 world) const {
        DVec3 p;
        Voxel voxel;
        return locate(world, p, voxel) && contains(voxel) ? nodes[index(voxel)] : 0;
    }

    /// A step in voxels, in the world [mm].
    ARCUATE_HD DVec3 in_mm(DVec3 step) const { return transform_direction(voxel_to_world, step); }

  private:
    ARCUATE_HD static std::int32_t nearest_int(double v) {
        const double shifted = v + 0.5;
        const auto truncated = static_cast<std::int32_t>(shifted);
        return truncated - (static_cast<double>(truncated) > shifted ? 1 : 0);
    }
};

}  // namespace arcuate::kernels
