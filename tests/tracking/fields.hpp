// FOD images with an obvious answer, for tests of trackers.
#pragma once

#include "arcuate/conventions.hpp"
#include "arcuate/core/image.hpp"
#include "arcuate/tracking/track.hpp"
#include "kernels/sh_basis.hpp"

#include <algorithm>
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

/// An oblique, anisotropic grid of 18 x 16 x 12 voxels around the origin.
inline Grid oblique_box() {
    Grid grid;
    grid.size = {18, 16, 12};
    grid.voxel_to_world.linear = {{{1.9, 0.3, -0.2}, {-0.3, 2.1, 0.1}, {0.2, -0.1, 2.4}}};
    const Vec3d middle = transform_point(grid.voxel_to_world, {8.5, 7.5, 5.5});
    grid.voxel_to_world.offset = {-middle[0], -middle[1], -middle[2]};
    return grid;
}

/// What a voxel of the crossing has: a direction that turns about an axis beside the grid and climbs, and in half of the voxels a straight one across it.
/// Both fade towards one side, and a ball has nothing.
struct Crossing {
    Vec3d turning, straight;
    double size, share;   ///< of the whole; of the straight one, 0 outside the crossing
};
inline Crossing crossing_at(const Vec3d& p) {
    const double x = p[0] + 21, y = p[1] + 17, r = std::hypot(x, y), n = std::sqrt(1 + 0.3 * 0.3);
    const double hole = std::hypot(p[0] - 6, p[1] + 8, p[2] - 5);
    return {{-y / (r * n), x / (r * n), 0.3 / n}, {0.48, 0.6, 0.64}, hole < 5 ? 0 : std::clamp(0.75 - 0.045 * p[1], 0.0, 1.0), p[2] > 0 ? 0.45 : 0};
}
/// `set(voxel, crossing)` for every voxel.
inline void for_each_crossing(const Grid& grid, const std::function<void(std::int64_t, const Crossing&)>& set) {
    for (std::int64_t z = 0, v = 0; z < grid.size[2]; ++z)
        for (std::int64_t y = 0; y < grid.size[1]; ++y)
            for (std::int64_t x = 0; x < grid.size[0]; ++x, ++v) set(v, crossing_at(transform_point(grid.voxel_to_world, {double(x), double(y), double(z)})));
}
inline ScalarImage crossing_lobes() {
    ScalarImage fod(oblique_box(), 45);
    for_each_crossing(fod.grid, [&](std::int64_t v, const Crossing& c) {
        const auto a = lobe(c.turning), b = lobe(c.straight);
        for (std::size_t j = 0; j < 45; ++j) fod.at(v, static_cast<std::int64_t>(j)) = static_cast<float>(c.size * (a[j] + c.share * b[j]));
    });
    return fod;
}

/// A sink that keeps what it gets.
struct Collect : StreamlineSink {
    Tractogram all;
    void append(const TractogramView& some) override {
        for (std::int64_t s = 0; s < some.size(); ++s) all.append(some.streamline(s));
        all.per_streamline.resize(some.per_streamline.size());
        for (std::size_t i = 0; i < some.per_streamline.size(); ++i) {
            const DataArray& from = some.per_streamline[i];
            DataArray& to = all.per_streamline[i];
            static_cast<DataField&>(to) = from;
            to.values.insert(to.values.end(), from.values.begin(), from.values.end());
        }
    }
};

/// Tissue from -1 to 59 mm along x, in voxels of 1 mm: cortex up to `left` and from `right` on, white matter between, CSF where y is above 11 mm.
inline ScalarImage slab(double left, double right, double sgm_from = 1e9, double sgm_to = 1e9) {
    Grid grid = box(62, 18, 18, 1);
    grid.voxel_to_world.offset = {-1, -1, -1};
    ScalarImage t(grid, 5);
    for (std::int64_t z = 0, v = 0; z < 18; ++z)
        for (std::int64_t y = 0; y < 18; ++y)
            for (std::int64_t x = 0; x < 62; ++x, ++v) {
                const double mm = static_cast<double>(x) - 1, side = static_cast<double>(y) - 1;
                const int tissue = side > 11 ? 3 : mm < left || mm > right ? 0 : mm >= sgm_from && mm <= sgm_to ? 1 : 2;
                t.at(v, tissue) = 1;
            }
    return t;
}

/// Seeds everywhere, and a mask where one is given. The image must outlive the input.
inline tracking::TrackInput whole(const ScalarImage& field, const std::optional<Mask>& mask = {}) {
    tracking::TrackInput input{.field = field};
    input.seeds.push_back(tracking::seeds_in(full_mask(field.grid)));
    if (mask) input.regions.mask.emplace_back(*mask);
    return input;
}

}  // namespace arcuate::test
