// The value of a scalar map at a point, by trilinear interpolation.
#pragma once

#include "kernels/dvec3.hpp"

#include <cstdint>

namespace arcuate::kernels {

struct MapView {
    const float* values;  ///< (nz, ny, nx)
    std::int32_t nx, ny, nz;
    DAffine3 world_to_voxel;

    /// False where the map has no value: beyond half a voxel from the outermost centres, or where one of the voxels that
    /// would contribute is not finite. Within that last half voxel the outermost voxel's value continues.
    ARCUATE_HD bool sample(Vec3 world, float& value) const {
        const DVec3 v = transform_point(world_to_voxel, widened(world));
        // Written so that NaN fails too.
        if (!(v.x >= -0.5 && v.y >= -0.5 && v.z >= -0.5 && v.x <= nx - 0.5 && v.y <= ny - 0.5 && v.z <= nz - 0.5)) return false;
        // Voxel 0 and the half voxel before it are both above -1.
        const int x = static_cast<int>(v.x + 1.0) - 1, y = static_cast<int>(v.y + 1.0) - 1, z = static_cast<int>(v.z + 1.0) - 1;
        const double fx = v.x - x, fy = v.y - y, fz = v.z - z;
        double sum = 0;
        ARCUATE_UNROLL
        for (int k = 0; k < 8; ++k) {
            const int dx = k & 1, dy = k >> 1 & 1, dz = k >> 2;
            const double weight = (dx ? fx : 1.0 - fx) * (dy ? fy : 1.0 - fy) * (dz ? fz : 1.0 - fz);
            const std::int64_t voxel = inside(x + dx, nx) + static_cast<std::int64_t>(nx) * (inside(y + dy, ny) + static_cast<std::int64_t>(ny) * inside(z + dz, nz));
            if (weight > 0.0) sum = fma(weight, static_cast<double>(values[voxel]), sum);  // a NaN beside a point that does not touch it does no harm
        }
        value = static_cast<float>(sum);
        return is_finite(value);
    }

    /// The value of a voxel; false outside the map or where it is not finite.
    ARCUATE_HD bool at(std::int32_t x, std::int32_t y, std::int32_t z, float& value) const {
        if (x < 0 || y < 0 || z < 0 || x >= nx || y >= ny || z >= nz) return false;
        value = values[x + static_cast<std::int64_t>(nx) * (y + static_cast<std::int64_t>(ny) * z)];
        return is_finite(value);
    }

  private:
    ARCUATE_HD static std::int32_t inside(std::int32_t i, std::int32_t n) { return i < 0 ? 0 : (i >= n ? n - 1 : i); }
};

}  // namespace arcuate::kernels
