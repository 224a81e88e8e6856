#include "connectome/columns.hpp"

#include "backend/map_view.hpp"

#include <algorithm>
#include <cmath>

namespace arcuate::connectome {

namespace {

using Quantity = MetricRow::Quantity;

std::size_t place_of(Along along) { return static_cast<std::size_t>(along); }

bool same_place(const Grid& a, const Grid& b) { return a.size == b.size && a.voxel_to_world == b.voxel_to_world; }

/// Unit vectors, those of a voxel together.
std::vector<float> axes_of(const ScalarImage& image) {
    std::vector<float> axes(image.data.size());
    for (std::int64_t voxel = 0; voxel < image.grid.voxels(); ++voxel)
        for (std::int64_t k = 0; k < image.volumes; k += 3) {
            const Vec3d v{static_cast<double>(image.at(voxel, k)), static_cast<double>(image.at(voxel, k + 1)), static_cast<double>(image.at(voxel, k + 2))};
            const double length = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
            if (!(length > 0 && std::isfinite(length))) continue;
            for (std::size_t axis = 0; axis < 3; ++axis) axes[static_cast<std::size_t>(voxel * image.volumes + k) + axis] = static_cast<float>(v[axis] / length);
        }
    return axes;
}

}  // namespace

Columns::Columns(const std::vector<ScalarMap>& maps, const std::vector<StreamlineValues>& given, const std::vector<MetricRow>& rows, const Device& device)
    : of_map_(maps.size(), {-1, -1, -1, -1, -1}), given_(static_cast<std::int32_t>(given.size())) {
    for (const auto& row : rows)
        if (row.quantity == Quantity::map)
            if (auto& column = of_map_[row.map][place_of(row.along)]; column < 0) column = count_++;
    count_ += given_;

    std::vector<std::vector<std::size_t>> groups;  // of maps on one grid
    for (std::size_t m = 0; m < maps.size(); ++m) {
        if (std::all_of(of_map_[m].begin(), of_map_[m].end(), [](auto column) { return column < 0; })) continue;
        if (maps[m].directions) {
            add_directions(maps[m], of_map_[m], device);
            continue;
        }
        const auto group = std::find_if(groups.begin(), groups.end(),
                                        [&](const auto& of) { return of.size() < kernels::MapGroup::most && same_place(maps[of.front()].image.grid, maps[m].image.grid); });
        if (group == groups.end()) groups.push_back({m});
        else group->push_back(m);
    }
    for (const auto& group : groups) {
        std::vector<const ScalarMap*> members;
        std::vector<OfMap> columns;
        for (const auto m : group) {
            members.push_back(&maps[m]);
            columns.push_back(of_map_[m]);
        }
        add_group(members, columns, device);
    }
    groups_on_device_ = Buffer(device, groups_);
    directions_on_device_ = Buffer(device, directions_);
}

void Columns::add_directions(const ScalarMap& map, const OfMap& columns, const Device& device) {
    values_.emplace_back(device, axes_of(map.image));
    const auto& grid = map.image.grid;
    directions_.push_back({{values_.back().data(), static_cast<std::int32_t>(grid.size[0]), static_cast<std::int32_t>(grid.size[1]), static_cast<std::int32_t>(grid.size[2]),
                            static_cast<std::int32_t>(map.image.volumes / 3), to_kernel(inverse(grid.voxel_to_world))},
                           columns[place_of(Along::mean)], columns[place_of(Along::sd)]});
}

void Columns::add_group(const std::vector<const ScalarMap*>& maps, const std::vector<OfMap>& columns, const Device& device) {
    const auto& grid = maps.front()->image.grid;
    const std::size_t lanes = maps.size() == 1 ? 1 : kernels::MapGroup::most, voxels = static_cast<std::size_t>(grid.voxels());
    std::vector<float> values(lanes * voxels);
    kernels::MapGroup group{};
    group.maps = static_cast<std::int32_t>(maps.size());
    std::int32_t medians = 0;
    for (std::size_t k = 0; k < maps.size(); ++k) {
        for (std::size_t v = 0; v < voxels; ++v) values[lanes * v + k] = maps[k]->image.data[v];
        const auto& c = columns[k];
        group.columns[k] = {c[place_of(Along::mean)], c[place_of(Along::median)], c[place_of(Along::min)], c[place_of(Along::max)]};
        medians += group.columns[k].median >= 0;
        group.extremes = group.extremes || group.columns[k].min >= 0 || group.columns[k].max >= 0;
    }
    medians_ = std::max(medians_, medians);
    values_.emplace_back(device, values);
    group.map = view_of_map(grid, values_.back().data());
    groups_.push_back(group);
}

std::int32_t Columns::of(const MetricRow& row) const {
    switch (row.quantity) {
        case Quantity::one: return -1;
        case Quantity::length: return kernels::length_column;
        case Quantity::inverse_length: return kernels::inverse_length_column;
        case Quantity::given: return of_given(row.map);
        default: return of_map_[row.map][place_of(row.along)];
    }
}

}  // namespace arcuate::connectome
