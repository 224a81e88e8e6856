#include "connectome/node_search.hpp"

#include "arcuate/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace arcuate::connectome {

namespace {

double norm(const Vec3d& v) { return std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]); }

/// A point lies within half a voxel of its own voxel's centre, at most this far [mm]; with more than rounding can add, so that no centre is missed for it.
double half_voxel_mm(const Affine& voxel_to_world) {
    double out = 0;
    for (int corner = 0; corner < 4; ++corner)
        out = std::max(out, norm(transform_direction(voxel_to_world, {0.5, corner & 1 ? 0.5 : -0.5, corner & 2 ? 0.5 : -0.5})));
    return out * (1 + 1e-9);
}

/// Axes at right angles: a point's nearest voxel centre is then that of the voxel it lies in.
bool is_orthogonal(const Affine& affine) {
    std::array<Vec3d, 3> axis;
    for (std::size_t i = 0; i < 3; ++i) {
        Vec3d unit{0, 0, 0};
        unit[i] = 1;
        axis[i] = transform_direction(affine, unit);
    }
    for (std::size_t i = 0; i < 3; ++i) {
        const auto &a = axis[i], &b = axis[(i + 1) % 3];
        if (std::abs(a[0] * b[0] + a[1] * b[1] + a[2] * b[2]) > 1e-5 * norm(a) * norm(b)) return false;
    }
    return true;
}

/// Not 0 where a voxel with a node is among the surroundings.
std::vector<std::uint8_t> within_reach(const std::vector<std::int32_t>& nodes, const Grid& grid, const Surroundings& around) {
    struct Run {
        std::int32_t first, last;  ///< along x
    };
    std::map<std::array<std::int32_t, 2>, Run> runs;  // by the steps along y and z: surroundings have no gap
    for (const auto& o : around.offsets) {
        auto& run = runs.try_emplace({o.y, o.z}, Run{o.x, o.x}).first->second;
        run = {std::min(run.first, o.x), std::max(run.last, o.x)};
    }
    const auto nx = static_cast<std::int32_t>(grid.size[0]), reach = around.reach[0];
    constexpr std::int32_t none = std::numeric_limits<std::int32_t>::max();
    std::vector<std::int32_t> next(static_cast<std::size_t>(nx + 2 * reach), none);  // from x - reach on, the first that has a node
    std::vector<std::uint8_t> near(nodes.size());
    for (std::int64_t z = 0; z < grid.size[2]; ++z)
        for (std::int64_t y = 0; y < grid.size[1]; ++y) {
            const std::int32_t* const row = nodes.data() + grid.index(0, y, z);
            for (std::int32_t x = nx - 1, found = none; x >= -reach; --x) {
                if (x >= 0 && row[x] != 0) found = x;
                next[static_cast<std::size_t>(x + reach)] = found;
            }
            if (next.front() == none) continue;
            for (const auto& [step, run] : runs) {
                if (!grid.contains(0, y - step[0], z - step[1])) continue;
                std::uint8_t* const out = near.data() + grid.index(0, y - step[0], z - step[1]);
                const std::int32_t* const from = next.data() + reach + run.first;
                for (std::int32_t x = 0; x < nx; ++x) out[x] |= static_cast<std::uint8_t>(from[x] <= x + run.last);
            }
        }
    return near;
}

}  // namespace

std::int32_t node_number(const std::vector<Node>& nodes, std::int32_t label) {
    // Labels may be sparse (FreeSurfer's reach 14 175), so they are looked up by bisection.
    const auto at = std::lower_bound(nodes.begin(), nodes.end(), label, [](const Node& node, std::int32_t l) { return node.label < l; });
    return at != nodes.end() && at->label == label ? static_cast<std::int32_t>(at - nodes.begin()) + 1 : 0;
}

std::vector<std::int32_t> node_numbers(const Parcellation& parcellation) {
    std::vector<std::int32_t> out(parcellation.labels.data.size(), 0);
    std::int32_t label = 0, number = 0;  // neighbours mostly share a label
    for (std::size_t v = 0; v < out.size(); ++v) {
        if (parcellation.labels.data[v] == 0) continue;
        if (parcellation.labels.data[v] != label) {
            label = parcellation.labels.data[v];
            number = node_number(parcellation.nodes, label);
        }
        out[v] = number;
    }
    return out;
}

Surroundings surroundings(const Affine& voxel_to_world, double radius_mm) {
    constexpr double max_offsets = 1 << 24;
    const double half_voxel = half_voxel_mm(voxel_to_world);
    // Row i of the inverse, times a length in mm, bounds the voxel index i of whatever is that close.
    const Affine back = inverse(voxel_to_world);
    Surroundings out;
    auto& [offsets, reach] = out;
    double box = 1;
    for (int axis = 0; axis < 3; ++axis) {
        const double steps = (radius_mm + half_voxel) * norm(back.linear[axis]);
        box *= 2 * steps + 1;
        if (!(box <= max_offsets))
            throw InputError(fmt::format("a search of {} mm covers millions of voxels; choose a few voxels (4 mm is usual)", radius_mm));
        reach[axis] = static_cast<std::int32_t>(steps) + 1;
    }
    for (std::int32_t z = -reach[2]; z <= reach[2]; ++z)
        for (std::int32_t y = -reach[1]; y <= reach[1]; ++y)
            for (std::int32_t x = -reach[0]; x <= reach[0]; ++x) {
                const double nearest = std::max(0.0, norm(transform_direction(voxel_to_world, {double(x), double(y), double(z)})) - half_voxel);
                if (nearest < radius_mm) offsets.push_back({x, y, z, nearest * nearest});
            }
    std::stable_sort(offsets.begin(), offsets.end(), [](const auto& a, const auto& b) { return a.nearest2 < b.nearest2; });
    return out;
}

bool own_centre_is_nearest(const Affine& voxel_to_world, double radius_mm) { return is_orthogonal(voxel_to_world) && half_voxel_mm(voxel_to_world) < radius_mm; }

std::vector<std::int32_t> decided_nodes(const std::vector<std::int32_t>& nodes, const Grid& grid, double radius_mm, const Surroundings& around) {
    const auto near = within_reach(nodes, grid, around);
    const bool own_is_nearest = own_centre_is_nearest(grid.voxel_to_world, radius_mm);
    std::vector<std::int32_t> out(nodes.size(), -1);
    std::size_t v = 0;
    for (std::int64_t z = 0; z < grid.size[2]; ++z)
        for (std::int64_t y = 0; y < grid.size[1]; ++y)
            for (std::int64_t x = 0; x < grid.size[0]; ++x, ++v) {
                if (!near[v]) out[v] = 0;
                if (nodes[v] == 0 || !own_is_nearest) continue;
                bool alone = true;  // a point on the face between two regions is as near to both
                for (int k = 0; alone && k < 27; ++k) {
                    const std::int64_t nx = x + k % 3 - 1, ny = y + k / 3 % 3 - 1, nz = z + k / 9 - 1;
                    if (!grid.contains(nx, ny, nz)) continue;
                    const auto other = nodes[static_cast<std::size_t>(grid.index(nx, ny, nz))];
                    alone = other == 0 || other == nodes[v];
                }
                if (alone) out[v] = nodes[v];
            }
    return out;
}

}  // namespace arcuate::connectome
