// FOD images with an obvious answer, for tests of trackers.
#pragma once

#include "arcuate/conventions.hpp"
#include "arcuate/core/image.hpp"
#include "arcuate/tracking/track.hpp"
#include "kernels/sh_basis.hpp"

#include <cmath>
#include <functional>

namespace arcuate::test {

/// Coefficients of a smooth lobe (a delta function damped by exp(-l(l+1)/60)) of amplitude ~1 along a unit direction and its opposite.
inline std::vector<float> lobe(const Vec3d& d) {
    double y[45];
    kernels::sh_basis<8, double>(d[0], d[1], d[2], y);
    std::vector<float> out(45);
    double along = 0;
    for (int l = 0; l <= 8; l += 2) {
        const double damping = std::exp(-l * (l + 1) / 60.0);
        for (int m = -l; m <= l; ++m) {
            out[static_cast<std::size_t>(sh_index(l, m))] = static_cast<float>(damping * y[sh_index(l, m)]);
            along += damping * y[sh_index(l, m)] * y[sh_index(l, m)];
        }
    }
    for (auto& c : out) c = static_cast<float>(c / along);
    return out;
}

inline Grid box(std::int64_t nx, std::int64_t ny, std::int64_t nz, double voxel_mm = 2) {
    Grid grid;
    grid.size = {nx, ny, nz};
    for (int axis = 0; axis < 3; ++axis) grid.voxel_to_world.linear[axis][axis] = voxel_mm;
    return grid;
}

/// One lobe per voxel, along the unit direction that `direction` gives for its centre [mm].
inline ScalarImage lobes(const Grid& grid, const std::function<Vec3d(const Vec3d&)>& direction) {
    ScalarImage fod(grid, 45);
    for (std::int64_t z = 0, v = 0; z < grid.size[2]; ++z)
        for (std::int64_t y = 0; y < grid.size[1]; ++y)
            for (std::int64_t x = 0; x < grid.size[0]; ++x, ++v) {
                const auto c = lobe(direction(transform_point(grid.voxel_to_world, {double(x), double(y), double(z)})));
                for (std::int64_t j = 0; j < 45; ++j) fod.at(v, j) = c[static_cast<std::size_t>(j)];
            }
    return fod;
}

/// A sink that keeps what it gets.
struct Collect : StreamlineSink {
    Tractogram all;
    void append(const TractogramView& some) override {
        for (std::int64_t s = 0; s < some.size(); ++s) all.append(some.streamline(s));
    }
};

/// Seeds everywhere, and a mask where one is given. The image must outlive the input.
inline tracking::TrackInput whole(const ScalarImage& field, const std::optional<Mask>& mask = {}) {
    tracking::TrackInput input{.field = field};
    input.seeds.push_back(tracking::seeds_in(full_mask(field.grid)));
    if (mask) input.regions.mask.emplace_back(*mask);
    return input;
}

}  // namespace arcuate::test
