#include "arcuate/dwi/brain_mask.hpp"

#include "arcuate/core/error.hpp"
#include "dwi/otsu.hpp"
#include "dwi/shell.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

namespace arcuate::dwi {

namespace {

/// Calls visit(voxel, neighbours, count) with the indices of the voxels that share a face, for every voxel in order.
template <class Visit>
void for_each_voxel(const Grid& grid, const Visit& visit) {
    const auto& n = grid.size;
    const std::array<std::int64_t, 3> stride{1, n[0], n[0] * n[1]};
    std::array<std::int64_t, 6> neighbours{};
    std::int64_t v = 0;
    for (std::int64_t z = 0; z < n[2]; ++z)
        for (std::int64_t y = 0; y < n[1]; ++y)
            for (std::int64_t x = 0; x < n[0]; ++x, ++v) {
                std::size_t count = 0;
                const std::array<std::int64_t, 3> at{x, y, z};
                for (std::size_t axis = 0; axis < 3; ++axis) {
                    if (at[axis] > 0) neighbours[count++] = v - stride[axis];
                    if (at[axis] + 1 < n[axis]) neighbours[count++] = v + stride[axis];
                }
                visit(v, neighbours, count);
            }
}

/// Takes off (value 0) or adds (value 1) a layer, `times` times. What lies beyond the image does not count: a brain cut by the field of view stays so.
void shift_surface(Mask& mask, std::uint8_t value, int times) {
    for (int i = 0; i < times; ++i) {
        const Mask before = mask;
        for_each_voxel(mask.grid, [&](std::int64_t v, const auto& neighbours, std::size_t count) {
            for (std::size_t k = 0; k < count; ++k)
                if (before.at(neighbours[k]) == value) mask.at(v) = value;
        });
    }
}

/// 1 where most of the voxels around, itself among them, are inside; on a tie it stays as it is.
Mask median_filtered(const Mask& mask) {
    Mask out = mask;
    const auto& n = mask.grid.size;
    std::int64_t v = 0;
    for (std::int64_t z = 0; z < n[2]; ++z)
        for (std::int64_t y = 0; y < n[1]; ++y)
            for (std::int64_t x = 0; x < n[0]; ++x, ++v) {
                int inside = 0, outside = 0;
                for (std::int64_t k = std::max<std::int64_t>(z - 1, 0); k <= std::min(z + 1, n[2] - 1); ++k)
                    for (std::int64_t j = std::max<std::int64_t>(y - 1, 0); j <= std::min(y + 1, n[1] - 1); ++j)
                        for (std::int64_t i = std::max<std::int64_t>(x - 1, 0); i <= std::min(x + 1, n[0] - 1); ++i)
                            ++(mask.at(mask.grid.index(i, j, k)) ? inside : outside);
                if (inside != outside) out.at(v) = inside > outside;
            }
    return out;
}

/// Parts of the voxels with this value that hang together by faces: their labels from 1 on, and what each has.
struct Parts {
    std::vector<std::int32_t> label;  ///< per voxel, 0 elsewhere
    std::vector<std::int64_t> size{0};
    std::vector<bool> at_border{false};  ///< reaches the border of the image
};
Parts find_parts(const Mask& mask, std::uint8_t value) {
    Parts out;
    out.label.assign(mask.data.size(), 0);
    const auto& n = mask.grid.size;
    const std::array<std::int64_t, 3> stride{1, n[0], n[0] * n[1]};
    std::vector<std::int64_t> open;
    for (std::int64_t start = 0; start < mask.grid.voxels(); ++start) {
        if (mask.at(start) != value || out.label[static_cast<std::size_t>(start)] != 0) continue;
        const auto label = static_cast<std::int32_t>(out.size.size());
        out.size.push_back(0);
        out.at_border.push_back(false);
        open.assign(1, start);
        out.label[static_cast<std::size_t>(start)] = label;
        while (!open.empty()) {
            const auto v = open.back();
            open.pop_back();
            ++out.size.back();
            const std::array<std::int64_t, 3> at{v % n[0], v / n[0] % n[1], v / stride[2]};
            for (std::size_t axis = 0; axis < 3; ++axis)
                for (const std::int64_t step : {-1, 1}) {
                    if (at[axis] + step < 0 || at[axis] + step >= n[axis]) {
                        out.at_border.back() = true;
                        continue;
                    }
                    const auto next = v + step * stride[axis];
                    if (mask.at(next) != value || out.label[static_cast<std::size_t>(next)] != 0) continue;
                    out.label[static_cast<std::size_t>(next)] = label;
                    open.push_back(next);
                }
        }
    }
    return out;
}

/// The first of equally large ones.
void keep_largest_part(Mask& mask) {
    const Parts parts = find_parts(mask, 1);
    const auto largest = static_cast<std::int32_t>(std::max_element(parts.size.begin(), parts.size.end()) - parts.size.begin());
    for (std::size_t v = 0; v < mask.data.size(); ++v) mask.data[v] = largest > 0 && parts.label[v] == largest;
}

/// A hole is background that does not reach the border of the image.
void fill_holes(Mask& mask) {
    const Parts parts = find_parts(mask, 0);
    for (std::size_t v = 0; v < mask.data.size(); ++v)
        if (!mask.data[v] && !parts.at_border[static_cast<std::size_t>(parts.label[v])]) mask.data[v] = 1;
}

/// The largest part of what is thicker than 2 * scale voxels, grown back within the mask.
void cut_bridges(Mask& mask, int scale) {
    if (scale <= 0) return;
    Mask core = mask;
    shift_surface(core, 0, scale);
    keep_largest_part(core);
    shift_surface(core, 1, scale + 1);  // one more than was taken off, so that corners stay
    for (std::size_t v = 0; v < mask.data.size(); ++v) mask.data[v] = mask.data[v] && core.data[v];
}

/// Otsu's threshold splits noise, too: where there is a background, the bright side is at least twice as bright as the dark one, on average.
bool has_background(const std::vector<double>& values, double threshold) {
    double sum[2] = {0, 0}, count[2] = {0, 0};
    for (const double value : values) {
        if (!std::isfinite(value)) continue;
        sum[value > threshold] += value;
        count[value > threshold] += 1;
    }
    return count[0] > 0 && count[1] > 0 && sum[1] / count[1] >= 2 * (sum[0] / count[0]);
}

}  // namespace

Mask brain_mask(const Series& dwi, const GradientTable& gradients, const BrainMaskOptions& options) {
    Mask mask(dwi.grid, 1, 0);
    require_consistent(dwi, gradients, mask);
    if (options.clean_scale < 0 || options.erode < 0 || options.dilate < 0) throw InputError("a number of voxels to clean, erode or dilate by is negative; give 0 or more");
    const auto& size = dwi.grid.size;
    if (std::min({size[0], size[1], size[2]}) < 12)
        throw InputError(fmt::format("no brain mask can be computed from an image of {}x{}x{} voxels (fewer than 12 along an axis do not hold a brain and what is around it); "
                                     "give a mask with --mask, or --mask all for every voxel",
                                     size[0], size[1], size[2]));
    bool split = false;
    std::vector<double> mean(static_cast<std::size_t>(dwi.grid.voxels()));
    for (const auto& shell : find_shells(gradients)) {
        std::fill(mean.begin(), mean.end(), 0.0);
        dwi.visit([&](const auto& read) {
            for (const auto volume : shell.volumes)
                for (std::size_t v = 0; v < mean.size(); ++v) mean[v] += static_cast<double>(read(static_cast<std::int64_t>(v), volume));
        });
        for (double& value : mean) value /= static_cast<double>(shell.volumes.size());
        std::vector<double> finite;
        std::copy_if(mean.begin(), mean.end(), std::back_inserter(finite), [](double value) { return std::isfinite(value); });
        if (finite.empty()) continue;
        const double threshold = otsu_threshold(std::move(finite));
        if (!has_background(mean, threshold)) continue;
        split = true;
        for (std::size_t v = 0; v < mean.size(); ++v)
            if (std::isfinite(mean[v]) && mean[v] > threshold) mask.data[v] = 1;
    }
    if (!split)
        throw InputError("no brain mask can be computed (no shell has a dark background around something at least twice as bright); check the image, or give a mask with --mask, "
                         "or --mask all for every voxel");
    mask = median_filtered(mask);
    keep_largest_part(mask);
    cut_bridges(mask, options.clean_scale);
    keep_largest_part(mask);
    fill_holes(mask);
    shift_surface(mask, 0, options.erode);
    shift_surface(mask, 1, options.dilate);
    if (std::none_of(mask.data.begin(), mask.data.end(), [](auto inside) { return inside != 0; }))
        throw InputError(fmt::format("no brain mask can be computed (nothing is left of the bright voxels that is thicker than {} voxels); check the image, lower --clean, or give a "
                                     "mask with --mask",
                                     2 * options.clean_scale));
    return mask;
}

}  // namespace arcuate::dwi
