// An image on another grid.
#pragma once

#include "kernels/sample_map.hpp"

namespace arcuate::kernels {

/// One item per voxel of the new grid: the trilinear value of the image there, 0 where it has none.
struct ResampleLinear {
    MapView image;  ///< its world_to_voxel begins at voxels of the new grid
    std::int32_t nx, ny;
    float* out;

    ARCUATE_HD void operator()(std::int64_t i) const {
        const Vec3 voxel{static_cast<float>(i % nx), static_cast<float>(i / nx % ny), static_cast<float>(i / (static_cast<std::int64_t>(nx) * ny))};
        float value = 0;
        out[i] = image.sample(voxel, value) ? value : 0.0f;
    }
};

/// The same for labels: that of the voxel whose centre is nearest, 0 outside the image.
struct ResampleNearest {
    const std::int32_t* labels;
    std::int32_t image_nx, image_ny, image_nz, nx, ny;
    DAffine3 to_voxel;  ///< voxel of the new grid -> voxel of the image
    std::int32_t* out;

    ARCUATE_HD void operator()(std::int64_t i) const {
        const DVec3 voxel{static_cast<double>(i % nx), static_cast<double>(i / nx % ny), static_cast<double>(i / (static_cast<std::int64_t>(nx) * ny))};
        const DVec3 v = transform_point(to_voxel, voxel);
        out[i] = 0;
        if (!(v.x >= -0.5 && v.y >= -0.5 && v.z >= -0.5 && v.x < image_nx - 0.5 && v.y < image_ny - 0.5 && v.z < image_nz - 0.5)) return;
        const auto x = static_cast<std::int32_t>(v.x + 0.5), y = static_cast<std::int32_t>(v.y + 0.5), z = static_cast<std::int32_t>(v.z + 0.5);
        out[i] = labels[x + static_cast<std::int64_t>(image_nx) * (y + static_cast<std::int64_t>(image_ny) * z)];
    }
};

}  // namespace arcuate::kernels
