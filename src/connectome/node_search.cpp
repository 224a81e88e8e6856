#include "connectome/node_search.hpp"

#include "arcuate/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace arcuate::connectome {

namespace {

/// Each voxel's row in the connectome plus one. Labels may be sparse (FreeSurfer's reach 14 175), so they are looked up by bisection.
std::vector<std::int32_t> node_numbers(const Parcellation& parcellation) {
    const auto& nodes = parcellation.nodes;
    std::vector<std::int32_t> out(parcellation.labels.data.size(), 0);
    std::int32_t label = 0, number = 0;  // neighbours mostly share a label
    for (std::size_t v = 0; v < out.size(); ++v) {
        if (parcellation.labels.data[v] == 0) continue;
        if (parcellation.labels.data[v] != label) {
            label = parcellation.labels.data[v];
            const auto at = std::lower_bound(nodes.begin(), nodes.end(), label, [](const Node& node, std::int32_t l) { return node.label < l; });
            number = at != nodes.end() && at->label == label ? static_cast<std::int32_t>(at - nodes.begin()) + 1 : 0;
        }
        out[v] = number;
    }
    return out;
}

double norm(const Vec3d& v) { return std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]); }

}  // namespace

std::vector<kernels::SearchOffset> search_offsets(const Affine& voxel_to_world, double radius_mm) {
    constexpr double max_offsets = 1 << 24;
    // A point lies within half a voxel of its own voxel's centre, at most this far [mm]:
    double half_voxel = 0;
    for (int corner = 0; corner < 4; ++corner)
        half_voxel = std::max(half_voxel, norm(transform_direction(voxel_to_world, {0.5, corner & 1 ? 0.5 : -0.5, corner & 2 ? 0.5 : -0.5})));
    half_voxel *= 1 + 1e-9;  // more than rounding can add, so that no centre is missed for it
    // Row i of the inverse, times a length in mm, bounds the voxel index i of whatever is that close.
    const Affine back = inverse(voxel_to_world);
    std::array<std::int32_t, 3> reach{};
    double box = 1;
    for (int axis = 0; axis < 3; ++axis) {
        const double steps = (radius_mm + half_voxel) * norm(back.linear[axis]);
        box *= 2 * steps + 1;
        if (!(box <= max_offsets))
            throw InputError(fmt::format("a radial search of {} mm covers millions of voxels; choose a radius of a few voxels (4 mm is usual)", radius_mm));
        reach[axis] = static_cast<std::int32_t>(steps) + 1;
    }
    std::vector<kernels::SearchOffset> offsets;
    for (std::int32_t z = -reach[2]; z <= reach[2]; ++z)
        for (std::int32_t y = -reach[1]; y <= reach[1]; ++y)
            for (std::int32_t x = -reach[0]; x <= reach[0]; ++x) {
                const double nearest = std::max(0.0, norm(transform_direction(voxel_to_world, {double(x), double(y), double(z)})) - half_voxel);
                if (nearest < radius_mm) offsets.push_back({x, y, z, nearest * nearest});
            }
    std::stable_sort(offsets.begin(), offsets.end(), [](const auto& a, const auto& b) { return a.nearest2 < b.nearest2; });
    return offsets;
}

NodeFinder::NodeFinder(const Parcellation& parcellation, double radius_mm, const Device& device) {
    if (!(radius_mm > 0)) throw InputError(fmt::format("a radial search of {} mm finds nothing; give a radius above zero (4 mm is usual)", radius_mm));
    const Grid& grid = parcellation.labels.grid;
    const auto offsets = search_offsets(grid.voxel_to_world, radius_mm);
    nodes_ = Buffer(device, node_numbers(parcellation));
    offsets_ = Buffer(device, offsets);
    const Affine back = inverse(grid.voxel_to_world);
    view_.nodes = nodes_.data();
    view_.nx = static_cast<std::int32_t>(grid.size[0]);
    view_.ny = static_cast<std::int32_t>(grid.size[1]);
    view_.nz = static_cast<std::int32_t>(grid.size[2]);
    for (int r = 0; r < 3; ++r) {
        for (int c = 0; c < 3; ++c) {
            view_.world_to_voxel[r][c] = back.linear[r][c];
            view_.voxel_to_world[r][c] = grid.voxel_to_world.linear[r][c];
        }
        view_.world_to_voxel[r][3] = back.offset[r];
    }
    view_.offsets = offsets_.data();
    view_.n_offsets = static_cast<std::int32_t>(offsets.size());
    view_.radius2 = radius_mm * radius_mm;
}

}  // namespace arcuate::connectome
