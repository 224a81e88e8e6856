// A scalar map as kernels see it.
#pragma once

#include "arcuate/core/image.hpp"

#include "kernels/sample_map.hpp"

namespace arcuate {

inline kernels::MapView view_of_map(const Grid& grid, const float* values) {
    kernels::MapView view{};
    view.values = values;
    view.nx = static_cast<std::int32_t>(grid.size[0]);
    view.ny = static_cast<std::int32_t>(grid.size[1]);
    view.nz = static_cast<std::int32_t>(grid.size[2]);
    const Affine back = inverse(grid.voxel_to_world);
    for (int r = 0; r < 3; ++r) {
        for (int c = 0; c < 3; ++c) view.world_to_voxel.m[r][c] = static_cast<float>(back.linear[r][c]);
        view.world_to_voxel.m[r][3] = static_cast<float>(back.offset[r]);
    }
    return view;
}

}  // namespace arcuate
