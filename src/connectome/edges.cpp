#include "connectome/edges.hpp"

#include "connectome/node_search.hpp"
#include "connectome/share_lists.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace arcuate::connectome {

namespace {

using kernels::EdgeStatistic;

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

/// What an extreme begins with; sums with 0.
std::int64_t start_of(EdgeStatistic statistic) {
    switch (statistic) {
        case EdgeStatistic::min: return std::numeric_limits<std::int64_t>::max();
        case EdgeStatistic::max: return std::numeric_limits<std::int64_t>::min();
        default: return 0;
    }
}

}  // namespace

Edges::Edges(const Parcellation& parcellation, const std::vector<kernels::EdgeTerm>& given, const ConnectomeOptions& options, const Device& device)
    : nodes(parcellation.nodes), soft(parcellation.is_soft()), plan(given) {
    const auto n = static_cast<std::int64_t>(nodes.size()) + 1;
    n_edges = n * (n + 1) / 2;
    const Grid& grid = parcellation.labels.grid;
    if (soft) {
        const auto found = voxel_lists(parcellation);
        assigner.emplace(found.of_voxel, grid, options.assignment, options.search_mm, device);
        list_offsets = Buffer(device, found.offsets);
        shares = Buffer(device, found.shares);
        largest = found.largest;
    } else {
        assigner.emplace(node_numbers(parcellation), grid, options.assignment, options.search_mm, device);
        plan.front().square_scale = 0;  // a count's squares are the count
    }
    add_volumes(grid, device);
    std::vector<std::int64_t> start;
    std::size_t n_squares = 0;
    for (const auto& term : plan) {
        firsts.push_back(start.size());
        start.resize(start.size() + static_cast<std::size_t>(n_edges * kernels::EdgeTerm::cells_per_edge(term.statistic)), start_of(term.statistic));
        first_squares.push_back(n_squares);
        if (term.square_scale > 0) n_squares += static_cast<std::size_t>(n_edges * kernels::EdgeTerm::squares_per_edge(term.statistic));
    }
    cells = Buffer(device, start);
    squares = Buffer<std::int64_t>::zeros(device, n_squares);
    auto placed = plan;
    for (std::size_t t = 0; t < placed.size(); ++t) {
        placed[t].cells = cells.data() + firsts[t];
        if (placed[t].square_scale > 0) placed[t].squares = squares.data() + first_squares[t];
    }
    terms = Buffer(device, placed);
}

void Edges::add_volumes(const Grid& grid, const Device& device) {
    double labelled = 0, least = 1;
    std::vector<double> sizes(1);  // of the background first
    for (const auto& node : nodes) {
        sizes.push_back(node.voxels);
        labelled += node.voxels;
        if (node.voxels > 0) least = std::min(least, node.voxels);
    }
    sizes[0] = std::max(0.0, static_cast<double>(grid.voxels()) - labelled);
    volumes = Buffer(device, sizes);
    if (least == 1) return;
    // A soft region of less than a voxel makes large quantities per volume. Weighted by its shares, which are no larger than it, they stay within bounds, but not their
    // squares so weighted.
    int exponent = 0;
    std::frexp(1 / least, &exponent);
    for (auto& term : plan)
        if (term.per_volume) term.spread_scale = std::ldexp(term.spread_scale, -exponent);
}

void Edges::keep(std::span<const std::int32_t> found, bool last_alone) {
    for (auto place : found.subspan(last_alone ? 1 : 0)) {
        if (soft) place = largest[static_cast<std::size_t>(place)];
        assignments.labels.push_back(place == 0 ? 0 : nodes[static_cast<std::size_t>(place) - 1].label);
    }
    assignments.offsets.push_back(assignments.labels.size());
}

double Accumulated::value(std::int64_t edge) const {
    switch (statistic) {
        case EdgeStatistic::sum: return kernels::value_of_wide(cells + 2 * edge, term.scale);
        case EdgeStatistic::mean: {
            const double weight = weights(edge);
            return weight == 0 ? undefined : kernels::value_of_wide(cells + 4 * edge, term.scale) / weight;
        }
        case EdgeStatistic::sd: {
            const std::int64_t* const own = cells + 10 * edge;
            const double w = kernels::value_of_wide(own + 2, term.weight_scale), mean = kernels::value_of_wide(own, term.scale) / w,
                         ww = kernels::value_of_wide<3>(own + 4, term.weight_square_scale), wxx = kernels::value_of_wide<3>(own + 7, term.spread_scale), free = w - ww / w;
            return free > 1e-12 * w ? std::sqrt(std::max(0.0, (wxx - w * mean * mean) / free)) : undefined;
        }
        default: return cells[edge] == start_of(statistic) ? undefined : kernels::value_of_ordered(cells[edge]);
    }
}

double Accumulated::sampling_error(std::int64_t edge) const {
    double variance = undefined;
    if (statistic == EdgeStatistic::sum && streamlines > 1) {
        const double sum = value(edge), of_squares = term.square_scale > 0 ? kernels::value_of_wide<3>(squares + 3 * edge, term.square_scale) : sum;
        variance = (of_squares - sum * sum / streamlines) * streamlines / (streamlines - 1);
    } else if (statistic == EdgeStatistic::mean) {
        const std::int64_t* const own = squares + 9 * edge;
        const double mean = value(edge), w = weights(edge), ww = kernels::value_of_wide<3>(own, term.weight_square_scale), wwx = kernels::value_of_wide<3>(own + 3, term.mixed_scale),
                     wwxx = kernels::value_of_wide<3>(own + 6, term.square_scale), free = w * w - ww;
        if (free > 1e-12 * w * w) variance = (wwxx - 2 * mean * wwx + mean * mean * ww) / free;
    }
    return variance < 0 ? 0 : std::sqrt(variance);
}

}  // namespace arcuate::connectome
