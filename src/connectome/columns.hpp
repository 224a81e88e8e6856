// What streamlines are measured by, on the device: maps, directions, and in which column their statistics go.
#pragma once

#include "backend/buffer.hpp"
#include "connectome/metric_table.hpp"
#include "kernels/measure_streamline.hpp"

#include <array>
#include <vector>

namespace arcuate::connectome {

class Columns {
  public:
    /// Of the rows alone: a map that none of them needs is not looked at.
    Columns(const std::vector<ScalarMap>& maps, const std::vector<StreamlineValues>& given, const std::vector<MetricRow>& rows, const Device& device);

    std::int32_t count() const { return count_; }
    /// -1 for the count.
    std::int32_t of(const MetricRow& row) const;
    std::int32_t of_given(std::size_t which) const { return count_ - given_ + static_cast<std::int32_t>(which); }
    /// Medians over vertices of the maps of one group, at most.
    std::int32_t medians() const { return medians_; }
    const Buffer<kernels::MapGroup>& groups() const { return groups_on_device_; }
    const Buffer<kernels::DirectionsColumns>& directions() const { return directions_on_device_; }

  private:
    using OfMap = std::array<std::int32_t, 5>;  ///< by Along; -1 for what nobody wants
    void add_directions(const ScalarMap& map, const OfMap& columns, const Device& device);
    void add_group(const std::vector<const ScalarMap*>& maps, const std::vector<OfMap>& columns, const Device& device);

    std::vector<OfMap> of_map_;
    std::vector<Buffer<float>> values_;
    std::vector<kernels::MapGroup> groups_;
    std::vector<kernels::DirectionsColumns> directions_;
    Buffer<kernels::MapGroup> groups_on_device_;
    Buffer<kernels::DirectionsColumns> directions_on_device_;
    std::int32_t count_ = kernels::first_map_column, given_, medians_ = 0;
};

}  // namespace arcuate::connectome
