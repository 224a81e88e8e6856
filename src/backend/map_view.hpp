// A scalar map as kernels see it.
#pragma once

#include "arcuate/core/image.hpp"
#include "backend/to_kernel.hpp"
#include "kernels/sample_map.hpp"

namespace arcuate {

inline kernels::MapView view_of_map(const Grid& grid, const float* values) {
    kernels::MapView view{};
    view.values = values;
    view.nx = static_cast<std::int32_t>(grid.size[0]);
    view.ny = static_cast<std::int32_t>(grid.size[1]);
    view.nz = static_cast<std::int32_t>(grid.size[2]);
    view.world_to_voxel = to_kernel_double(inverse(grid.voxel_to_world));
    return view;
}

}  // namespace arcuate
