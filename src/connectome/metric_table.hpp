// What an edge can be given: one row per metric.
#pragma once

#include "arcuate/connectome/build.hpp"
#include "kernels/add_to_edges.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace arcuate::connectome {

enum class Along { mean, median, min, max, sd };  ///< of a map's values along a streamline

struct MetricRow {
    std::string name, unit, description;
    enum class Quantity { one, length, inverse_length, map, given } quantity = Quantity::one;
    std::size_t map = 0;          ///< which map, where the quantity is one; which of the streamlines' own values
    std::optional<std::size_t> times{};  ///< which of the streamlines' own values multiplies it
    Along along = Along::mean;
    kernels::EdgeStatistic statistic = kernels::EdgeStatistic::sum;
    bool weighted = true;
    bool per_volume = false;
    bool usual = true;            ///< has no statistic in front that another would be expected for
    bool by_default = false;
    double factor = 1;            ///< of the value
};

std::vector<MetricRow> metric_table(const std::vector<ScalarMap>& maps, bool weighted, double mu, std::span<const StreamlineValues> values);

/// The rows of these names and the count, in the order of the table; the default ones where there are none. Throws InputError naming those that there are.
std::vector<MetricRow> choose_metrics(const std::vector<ScalarMap>& maps, bool weighted, double mu, std::span<const StreamlineValues> values, const std::vector<std::string>& names);

}  // namespace arcuate::connectome
