// Grids for tests.
#pragma once

#include "arcuate/core/image.hpp"

#include <array>
#include <cstdint>

namespace arcuate::test {

/// 2 x 3 x 4 mm voxels, axes permuted and turned 30 degrees about z, negative determinant, away from the origin.
inline Grid oblique_grid(std::array<std::int64_t, 3> size) {
    const double c = 0.8660254037844387, s = 0.5;
    Grid grid;
    grid.size = size;
    grid.voxel_to_world.linear = {{{0, -3 * s, 4 * c}, {0, 3 * c, 4 * s}, {2, 0, 0}}};
    grid.voxel_to_world.offset = {-10.5, 20.25, -30.125};
    return grid;
}

}  // namespace arcuate::test
