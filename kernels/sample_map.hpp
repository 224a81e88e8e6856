// The value of a scalar map at a point, by trilinear interpolation.
#pragma once

#include "kernels/dvec3.hpp"
#include "kernels/lanes.hpp"

#include <cstdint>

namespace arcuate::kernels {

struct MapView {
    const float* values;  ///< (nz, ny, nx)
    std::int32_t nx, ny, nz;
    DAffine3 world_to_voxel;

    /// False where the map has no value: beyond half a voxel from the outermost centres, or where one of the voxels that
    /// would contribute is not finite. Within that last half voxel the outermost voxel's value continues.
    ARCUATE_HD bool sample(Vec3 world, float& value) const { return sample_lanes<Double1>(world, &value) && is_finite(value); }

    /// The same of Lanes::count maps whose values lie side by side, (nz, ny, nx, count). False beyond the image alone: `out` may hold what is not finite.
    template <class Lanes>
    ARCUATE_HD bool sample_lanes(Vec3 world, float* out) const {
        const DVec3 v = transform_point(world_to_voxel, widened(world));
        // Written so that NaN fails too.
        if (!(v.x >= -0.5 && v.y >= -0.5 && v.z >= -0.5 && v.x <= nx - 0.5 && v.y <= ny - 0.5 && v.z <= nz - 0.5)) return false;
        // Voxel 0 and the half voxel before it are both above -1.
        const int x = static_cast<int>(v.x + 1.0) - 1, y = static_cast<int>(v.y + 1.0) - 1, z = static_cast<int>(v.z + 1.0) - 1;
        const double fx = v.x - x, fy = v.y - y, fz = v.z - z;
        const std::int64_t row = nx, slice = row * ny;
        const std::int64_t xs[2] = {inside(x, nx), inside(x + 1, nx)}, ys[2] = {row * inside(y, ny), row * inside(y + 1, ny)}, zs[2] = {slice * inside(z, nz), slice * inside(z + 1, nz)};
        Lanes sum = Lanes::all(0.0);
        ARCUATE_UNROLL
        for (int k = 0; k < 8; ++k) {
            const int dx = k & 1, dy = k >> 1 & 1, dz = k >> 2;
            const double weight = (dx ? fx : 1.0 - fx) * (dy ? fy : 1.0 - fy) * (dz ? fz : 1.0 - fz);
            if (weight > 0.0) sum = fma(Lanes::all(weight), Lanes::load(values + Lanes::count * (xs[dx] + ys[dy] + zs[dz])), sum);  // a NaN beside a point that does not touch it does no harm
        }
        sum.store(out);
        return true;
    }

    /// The values of a voxel of `count` maps side by side; null outside.
    ARCUATE_HD const float* at(std::int32_t x, std::int32_t y, std::int32_t z, std::int32_t count) const {
        if (x < 0 || y < 0 || z < 0 || x >= nx || y >= ny || z >= nz) return nullptr;
        return values + count * (x + static_cast<std::int64_t>(nx) * (y + static_cast<std::int64_t>(ny) * z));
    }

  private:
    ARCUATE_HD static std::int32_t inside(std::int32_t i, std::int32_t n) { return i < 0 ? 0 : (i >= n ? n - 1 : i); }
};

}  // namespace arcuate::kernels
