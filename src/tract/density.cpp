#include "arcuate/tract/density.hpp"

#include "arcuate/core/error.hpp"
#include "backend/map_view.hpp"
#include "kernels/mean_along.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace arcuate::tract {

namespace {

Vec3d vertex(std::span<const float> p, std::size_t v) {
    return {static_cast<double>(p[3 * v]), static_cast<double>(p[3 * v + 1]), static_cast<double>(p[3 * v + 2])};
}

Affine corner_coordinates(const Grid& grid) {
    Affine affine = inverse(grid.voxel_to_world);
    for (double& value : affine.offset) value += 0.5;
    return affine;
}

}  // namespace

DensityMap::DensityMap(const Grid& grid, Contrast contrast)
    : grid_(grid), contrast_(contrast), world_to_corner_(corner_coordinates(grid)), counts_(static_cast<std::size_t>(grid.voxels()), 0) {
    if (contrast != Contrast::count) sums_.resize(counts_.size() * (contrast == Contrast::colour ? 3 : 1), 0.0);
}

DensityMap::DensityMap(const Grid& grid, ScalarImage map) : DensityMap(grid, Contrast::mean) {
    if (map.volumes != 1) throw InputError(fmt::format("the map has {} volumes (one value per place is averaged); give a 3-D image", map.volumes));
    map_ = std::move(map);
}

DensityMap::DensityMap(const Grid& grid, std::string data_name) : DensityMap(grid, Contrast::mean) { data_name_ = std::move(data_name); }

/// Voxel boundaries cut the segment from a to b (corner coordinates) into pieces; each lies in the voxel of its middle.
void DensityMap::add_segment(const Vec3d& a, const Vec3d& b, const Vec3d& walked) {
    crossings_.assign({0.0, 1.0});
    for (std::size_t i = 0; i < 3; ++i) {
        const double low = std::max(std::min(a[i], b[i]), 0.0), high = std::min(std::max(a[i], b[i]), static_cast<double>(grid_.size[i]));
        for (double boundary = std::ceil(low); boundary <= high; ++boundary)
            if (const double t = (boundary - a[i]) / (b[i] - a[i]); t > 0 && t < 1) crossings_.push_back(t);
    }
    std::sort(crossings_.begin(), crossings_.end());
    for (std::size_t c = 0; c + 1 < crossings_.size(); ++c) {
        const double part = crossings_[c + 1] - crossings_[c];
        if (!(part > 0)) continue;
        const double middle = 0.5 * (crossings_[c] + crossings_[c + 1]);
        std::int64_t voxel[3];
        bool inside = true;
        for (std::size_t i = 0; inside && i < 3; ++i) {
            const double at = std::floor(a[i] + middle * (b[i] - a[i]));
            inside = at >= 0 && at < static_cast<double>(grid_.size[i]);
            if (inside) voxel[i] = static_cast<std::int64_t>(at);
        }
        if (!inside) continue;
        visits_.push_back({grid_.index(voxel[0], voxel[1], voxel[2]), {part * walked[0], part * walked[1], part * walked[2]}});
    }
}

/// Fills visits_: each voxel once, ascending.
void DensityMap::visit(std::span<const float> vertices) {
    visits_.clear();
    const std::size_t n = vertices.size() / 3;
    if (n == 0) return;
    Vec3d from = vertex(vertices, 0), a = transform_point(world_to_corner_, from);
    if (n == 1) add_segment(a, a, {0, 0, 0});
    for (std::size_t v = 1; v < n; ++v) {
        const Vec3d to = vertex(vertices, v), b = transform_point(world_to_corner_, to);
        add_segment(a, b, {std::abs(to[0] - from[0]), std::abs(to[1] - from[1]), std::abs(to[2] - from[2])});
        from = to;
        a = b;
    }
    std::stable_sort(visits_.begin(), visits_.end(), [](const Visit& x, const Visit& y) { return x.voxel < y.voxel; });
    std::size_t last = 0;
    for (std::size_t i = 1; i < visits_.size(); ++i) {
        if (visits_[i].voxel != visits_[last].voxel) {
            visits_[++last] = visits_[i];
            continue;
        }
        for (std::size_t k = 0; k < 3; ++k) visits_[last].walked[k] += visits_[i].walked[k];
    }
    if (!visits_.empty()) visits_.resize(last + 1);
}

double DensityMap::value_of(const TractogramView& streamlines, std::int64_t s) const {
    if (map_) {
        const auto vertices = streamlines.streamline(s);
        return kernels::mean_along(vertices.data(), static_cast<std::int64_t>(vertices.size() / 3), view_of_map(map_->grid, map_->data.data()));
    }
    for (const auto& array : streamlines.per_streamline)
        if (array.name == data_name_ && array.columns == 1) return array.values[static_cast<std::size_t>(s)];
    throw InputError(fmt::format("the tractogram has no quantity '{}' of one value per streamline (see arcuate tract info); give another name", data_name_));
}

void DensityMap::append(const TractogramView& streamlines) {
    for (std::int64_t s = 0; s < streamlines.size(); ++s) {
        const double value = contrast_ == Contrast::mean ? value_of(streamlines, s) : 0;
        if (!std::isfinite(value)) continue;
        visit(streamlines.streamline(s));
        for (const auto& [voxel, walked] : visits_) {
            const auto v = static_cast<std::size_t>(voxel);
            ++counts_[v];
            if (contrast_ == Contrast::mean) sums_[v] += value;
            if (contrast_ != Contrast::colour) continue;
            const double length = std::sqrt(walked[0] * walked[0] + walked[1] * walked[1] + walked[2] * walked[2]);
            for (std::size_t k = 0; length > 0 && k < 3; ++k) sums_[v + k * counts_.size()] += walked[k] / length;
        }
    }
}

LabelImage DensityMap::counts() const {
    LabelImage image(grid_, 1);
    image.data = counts_;
    return image;
}

ScalarImage DensityMap::means() const {
    ScalarImage image(grid_, 1, std::numeric_limits<float>::quiet_NaN());
    for (std::size_t v = 0; v < counts_.size(); ++v)
        if (counts_[v] > 0) image.data[v] = static_cast<float>(sums_[v] / counts_[v]);
    return image;
}

ScalarImage DensityMap::colours() const {
    ScalarImage image(grid_, 3);
    for (std::size_t i = 0; i < sums_.size(); ++i) image.data[i] = static_cast<float>(sums_[i]);
    return image;
}

}  // namespace arcuate::tract
