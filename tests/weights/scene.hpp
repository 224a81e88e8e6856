// Fixels and streamlines made by hand and at random for the tests of this folder.
#pragma once

#include "arcuate/weights/sift2.hpp"

#include "kernels/philox.hpp"

#include <array>

namespace arcuate::weights {

/// One fixel in every voxel, whatever the direction.
inline Fixels one_fixel_each(const Grid& grid, float fibre_density = 1) {
    Fixels f;
    f.grid = grid;
    f.net = geodesic_net(4);
    const auto n = static_cast<std::size_t>(grid.voxels());
    for (std::size_t v = 0; v <= n; ++v) f.first.push_back(static_cast<std::uint32_t>(v));
    f.fibre_density.assign(n, fibre_density);
    f.peak.assign(n, 1);
    f.direction.assign(3 * n, 0);
    f.mean_direction.assign(3 * n, 0);
    f.lookup_row.assign(n, -1);
    return f;
}

inline Grid oblique_grid() { return {{9, 8, 7}, {{{{0.3, -1.9, 0.5}, {1.7, 0.4, -0.6}, {0.4, 0.5, 2.4}}}, {2, -9, -9}}}; }

/// Streamlines that wander through the grid and out of it, with steps of up to a voxel and a half.
inline Tractogram random_walks(const Grid& grid, int streamlines) {
    Tractogram t;
    for (int s = 0; s < streamlines; ++s) {
        std::vector<float> line;
        const auto item = static_cast<std::uint64_t>(s);
        const auto r = kernels::Philox{5, item, kernels::Purpose::seed, 0}(0);
        Vec3d p = transform_point(grid.voxel_to_world, {kernels::uniform(r.v[0]) * 8.0, kernels::uniform(r.v[1]) * 7.0, kernels::uniform(r.v[2]) * 6.0});
        float drift[3];
        kernels::uniform_direction(r.v[3], r.v[1], drift[0], drift[1], drift[2]);
        for (std::uint32_t v = 0; v < 3 + static_cast<std::uint32_t>(s % 23); ++v) {
            const auto step = kernels::Philox{6, item, kernels::Purpose::seed, v}(0);
            for (std::size_t axis = 0; axis < 3; ++axis) {
                line.push_back(static_cast<float>(p[axis]));
                p[axis] += static_cast<double>(drift[axis] + 2 * (kernels::uniform(step.v[axis]) - 0.5f));
            }
        }
        t.append(line);
    }
    return t;
}

}  // namespace arcuate::weights
