#include "connectome/metric_table.hpp"

#include "arcuate/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace arcuate::connectome {

namespace {

using kernels::EdgeStatistic;
using Quantity = MetricRow::Quantity;

struct StatisticName {
    EdgeStatistic statistic;
    const char* name;
    const char* text;
};
constexpr StatisticName statistics[] = {{EdgeStatistic::sum, "sum", "Sum"}, {EdgeStatistic::mean, "mean", "Mean"}, {EdgeStatistic::min, "min", "Least"}, {EdgeStatistic::max, "max", "Greatest"},
                                        {EdgeStatistic::sd, "sd", "Standard deviation"}};

/// Every statistic of a quantity over an edge's streamlines; the row's own is the usual one, which has the row's name. The row's description is that
/// of the quantity.
void add_all(std::vector<MetricRow>& rows, const MetricRow& of, const std::string& quantity) {
    for (const auto& s : statistics) {
        auto& row = rows.emplace_back(of);
        row.statistic = s.statistic;
        const bool own = s.statistic == of.statistic;
        row.usual = of.usual && own;
        row.by_default = of.by_default && own;
        if (!own) row.name = fmt::format("{}_{}", s.name, quantity);
        row.description = fmt::format("{} over streamlines of {}.", s.text, of.description);
    }
}

/// What is there without maps. Times the value of a name, where there is one: rows that are not usual.
void add_geometry(std::vector<MetricRow>& rows, const std::string& name, std::optional<std::size_t> times) {
    const bool usual = !times;
    const std::string before = usual ? "" : name + "_", text = usual ? "" : name + " x ", unit = usual ? "" : " x " + name;
    const std::string of_volumes = "2 / (V1 + V2), V the regions' sizes in voxels", of_both = "2 / (length (V1 + V2)), V the regions' sizes in voxels";
    const auto add = [&](const char* front, const char* quantity, MetricRow row) {
        row.name = front + before + quantity;
        row.unit += unit;
        row.description = text + row.description;
        row.times = times;
        row.usual = usual;
        add_all(rows, row, before + quantity);
    };
    add("mean_", "length", {.name = "", .unit = "mm", .description = "the length", .quantity = Quantity::length, .statistic = EdgeStatistic::mean, .by_default = usual});
    add("", "inverse_length", {.name = "", .unit = "1/mm", .description = "1 / length", .quantity = Quantity::inverse_length});
    add("", "inverse_volume", {.name = "", .unit = "1/voxel", .description = of_volumes, .per_volume = true});
    add("", "density", {.name = "", .unit = "1/(mm voxel)", .description = of_both, .quantity = Quantity::inverse_length, .per_volume = true});
}

void add_directions(std::vector<MetricRow>& rows, const std::string& name, std::size_t map) {
    const std::string cosine = fmt::format("|cos| between each and the best aligned of the directions {} in its voxel", name);
    const MetricRow row{.name = name, .unit = "", .description = "the length-weighted mean of " + cosine, .quantity = Quantity::map, .map = map, .statistic = EdgeStatistic::mean, .by_default = true};
    add_all(rows, row, name);
    auto spread = row;
    spread.name = name + "_spread";
    spread.description = "the standard deviation, along each, of " + cosine;
    spread.along = Along::sd;
    add_all(rows, spread, spread.name);
}

}  // namespace

std::vector<MetricRow> metric_table(const std::vector<ScalarMap>& maps, bool weighted, double mu, std::span<const StreamlineValues> values) {
    std::vector<MetricRow> rows;
    rows.push_back({.name = "count", .unit = "streamlines", .description = "Number of streamlines that connect the two regions.", .weighted = false, .by_default = true});
    if (weighted) rows.push_back({.name = "weight", .unit = "", .description = "Sum of the weights of the streamlines that connect the two regions.", .by_default = true});
    if (weighted && mu > 0)
        rows.push_back({.name = "fibre_bundle_capacity", .unit = "1/mm", .description = "mu x the sum of the weights of the streamlines that connect the two regions: fibre density times cross-section, over the voxel's volume.",
                        .by_default = true, .factor = mu});
    add_geometry(rows, "", {});
    constexpr struct {
        Along along;
        const char *name, *text;
    } ways[] = {{Along::mean, "mean", "the length-weighted mean"}, {Along::median, "median", "the median"}, {Along::min, "min", "the least value"}, {Along::max, "max", "the greatest value"}};
    for (std::size_t m = 0; m < maps.size(); ++m) {
        if (maps[m].directions) {
            add_directions(rows, maps[m].name, m);
            continue;
        }
        for (const auto& way : ways) {
            const std::string quantity = fmt::format("{}_{}", way.name, maps[m].name);
            add_all(rows, {.name = quantity, .unit = maps[m].unit, .description = fmt::format("{} of {} along each", way.text, maps[m].name), .quantity = Quantity::map, .map = m,
                           .along = way.along, .statistic = EdgeStatistic::mean, .by_default = way.along == Along::mean},
                    quantity);
        }
    }
    for (std::size_t v = 0; v < values.size(); ++v) {
        const auto& name = values[v].name;
        add_all(rows, {.name = "mean_" + name, .unit = "", .description = name, .quantity = Quantity::given, .map = v, .statistic = EdgeStatistic::mean, .by_default = true}, name);
        add_geometry(rows, name, v);
    }
    std::stable_sort(rows.begin(), rows.end(), [](const MetricRow& a, const MetricRow& b) { return a.usual > b.usual; });
    return rows;
}

std::vector<MetricRow> choose_metrics(const std::vector<ScalarMap>& maps, bool weighted, double mu, std::span<const StreamlineValues> values, const std::vector<std::string>& names) {
    const auto table = metric_table(maps, weighted, mu, values);
    const auto named = [&](const std::string& name) { return std::find_if(table.begin(), table.end(), [&](const MetricRow& row) { return row.name == name; }); };
    for (const auto& name : names)
        if (named(name) == table.end())
            throw InputError(fmt::format("there is no metric '{}' (there are: {}; with sum_, mean_, sd_, min_ or max_ in front they are combined over streamlines in another way); choose one of these",
                                         name, fmt::join(metric_names(maps, weighted, true, mu, values), ", ")));
    std::vector<MetricRow> rows;
    for (const auto& row : table)
        if (names.empty() ? row.by_default : row.name == "count" || std::find(names.begin(), names.end(), row.name) != names.end()) rows.push_back(row);
    return rows;
}

std::vector<std::string> metric_names(const std::vector<ScalarMap>& maps, bool weighted, bool usual, double mu, std::span<const StreamlineValues> values) {
    std::vector<std::string> names;
    for (const auto& row : metric_table(maps, weighted, mu, values))
        if (row.usual || !usual) names.push_back(row.name);
    return names;
}

}  // namespace arcuate::connectome
