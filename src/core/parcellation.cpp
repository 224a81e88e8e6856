#include "arcuate/core/parcellation.hpp"

#include "arcuate/core/connectome.hpp"
#include "arcuate/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <map>

namespace arcuate {

namespace {

constexpr std::int32_t max_label = 65535;
constexpr double rounding_below = -1e-3, rounding_above = 1.05;  ///< what a share may be, and the sum of a voxel's

Vec3d indices(const Grid& grid, std::int64_t voxel) {
    const auto [nx, ny, nz] = grid.size;
    return {static_cast<double>(voxel % nx), static_cast<double>(voxel / nx % ny), static_cast<double>(voxel / (nx * ny))};
}

std::string place(const Grid& grid, std::int64_t voxel) {
    const auto at = indices(grid, voxel);
    return fmt::format("voxel ({}, {}, {})", at[0], at[1], at[2]);
}

/// Sums of shares over regions, by voxel.
std::vector<double> sums_of(const Grid& grid, std::span<const VoxelShare> values) {
    std::vector<double> sums(static_cast<std::size_t>(grid.voxels()));
    for (const auto& v : values)
        if (v.value > 0) sums[static_cast<std::size_t>(v.voxel)] += static_cast<double>(v.value);
    return sums;
}

bool is_percent(std::span<const VoxelShare> values, double largest_sum) {
    return largest_sum >= 95 && largest_sum <= 100 * rounding_above && std::all_of(values.begin(), values.end(), [](const VoxelShare& v) { return v.value == std::floor(v.value); });
}

/// Refuses what no share can be.
void check_shares(const Grid& grid, std::span<const VoxelShare> values, const std::vector<double>& sums, double unit, const std::string& name) {
    const char* const what = "a 4-D parcellation has a volume for each region, of its probability or share in every voxel";
    for (const auto& v : values) {
        const double share = unit * static_cast<double>(v.value);
        if (!(share >= rounding_below && share <= rounding_above))
            throw InputError(fmt::format("{} holds {} at {} of volume {} ({}: 0 to 1, or whole percent); {}", name, v.value, place(grid, v.voxel), v.label, what,
                                         share < 0 ? "set what is negative to 0" : "scale it, or give one volume of labels"));
    }
    for (std::size_t v = 0; v < sums.size(); ++v)
        if (unit * sums[v] > rounding_above)
            throw InputError(fmt::format("{} adds up to {:.4g} at {} ({}, and at most 1 together); divide every voxel by its sum", name, unit * sums[v], place(grid, static_cast<std::int64_t>(v)), what));
}

}  // namespace

Parcellation make_parcellation(LabelImage labels, const std::string& name) {
    struct Sum {
        Vec3d position{0, 0, 0};
        std::int64_t voxels = 0;
    };
    std::map<std::int32_t, Sum> regions;
    const auto& size = labels.grid.size;
    for (std::int64_t z = 0, v = 0; z < size[2]; ++z)
        for (std::int64_t y = 0; y < size[1]; ++y)
            for (std::int64_t x = 0; x < size[0]; ++x, ++v) {
                const auto label = labels.at(v);
                if (label == 0) continue;
                if (label < 0)
                    throw InputError(fmt::format("{} has the negative label {} at voxel ({}, {}, {}); labels are 0 for background and positive for regions",
                                                 name, label, x, y, z));
                if (label > max_label)
                    throw InputError(fmt::format("{} has the label {} at voxel ({}, {}, {}) (labels go up to {}; is it another kind of image?); give a parcellation", name, label, x, y, z,
                                                 max_label));
                auto& sum = regions[label];
                sum.position[0] += static_cast<double>(x);
                sum.position[1] += static_cast<double>(y);
                sum.position[2] += static_cast<double>(z);
                ++sum.voxels;
            }
    if (regions.empty())
        throw InputError(fmt::format("{} has no positive label (every voxel is background); give an image whose regions are numbered from 1", name));
    Parcellation out;
    for (const auto& [label, sum] : regions) {
        const auto n = static_cast<double>(sum.voxels);
        out.nodes.push_back({label, std::to_string(label), transform_point(labels.grid.voxel_to_world, {sum.position[0] / n, sum.position[1] / n, sum.position[2] / n}), n});
    }
    out.labels = std::move(labels);
    return out;
}

Parcellation make_soft_parcellation(const Grid& grid, std::int64_t regions, std::span<const VoxelShare> values, const std::string& name) {
    const auto sums = sums_of(grid, values);
    const double largest = *std::max_element(sums.begin(), sums.end());
    Parcellation out;
    out.percent = is_percent(values, largest);
    const double unit = out.percent ? 0.01 : 1;
    check_shares(grid, values, sums, unit, name);
    if (!(largest > 0)) throw InputError(fmt::format("{} is 0 everywhere (no voxel belongs to a region); give the share of each region as a volume", name));

    const auto voxels = static_cast<std::size_t>(grid.voxels());
    out.offsets.assign(voxels + 1, 0);
    for (const auto& v : values) out.offsets[static_cast<std::size_t>(v.voxel) + 1] += v.value > 0;
    for (std::size_t v = 0; v < voxels; ++v) out.offsets[v + 1] += out.offsets[v];
    out.shares.resize(out.offsets.back());
    out.labels = LabelImage(grid, 1, 0);
    for (std::int64_t k = 1; k <= regions; ++k) out.nodes.push_back({static_cast<std::int32_t>(k), std::to_string(k), {0, 0, 0}, 0});
    auto next = out.offsets;
    std::vector<float> most(voxels);
    for (const auto& v : values) {
        if (!(v.value > 0)) continue;
        const auto voxel = static_cast<std::size_t>(v.voxel);
        const double value = unit * static_cast<double>(v.value), sum = unit * sums[voxel];
        const Share share{v.label, static_cast<float>(sum > 1 ? value / sum : value)};
        out.shares[next[voxel]++] = share;
        if (share.share > most[voxel]) {
            most[voxel] = share.share;
            out.labels.data[voxel] = v.label;
        }
        auto& node = out.nodes[static_cast<std::size_t>(v.label) - 1];
        const auto at = indices(grid, v.voxel);
        for (std::size_t axis = 0; axis < 3; ++axis) node.centre[axis] += static_cast<double>(share.share) * at[axis];
        node.voxels += static_cast<double>(share.share);
    }
    for (auto& node : out.nodes) {
        for (auto& x : node.centre) x = node.voxels > 0 ? x / node.voxels : std::numeric_limits<double>::quiet_NaN();
        node.centre = transform_point(grid.voxel_to_world, node.centre);
    }
    return out;
}

std::string hemisphere(const std::string& name) {
    bool left = false, right = false;
    std::string word;
    for (std::size_t i = 0; i <= name.size(); ++i) {
        if (i < name.size() && std::isalnum(static_cast<unsigned char>(name[i]))) {
            word += static_cast<char>(std::tolower(static_cast<unsigned char>(name[i])));
            continue;
        }
        left = left || word == "left" || word == "lh" || word == "l";
        right = right || word == "right" || word == "rh" || word == "r";
        word.clear();
    }
    return left == right ? "" : (left ? "L" : "R");
}

const EdgeMetric& Connectome::metric(const std::string& name) const {
    std::string known;
    for (const auto& m : metrics) {
        if (m.name == name) return m;
        known += (known.empty() ? "" : ", ") + m.name;
    }
    throw InputError(fmt::format("the connectome has no metric '{}' (it has: {})", name, known));
}

}  // namespace arcuate
