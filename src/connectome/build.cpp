#include "arcuate/connectome/build.hpp"

#include "arcuate/core/error.hpp"
#include "backend/buffer.hpp"
#include "backend/launch.hpp"
#include "backend/map_view.hpp"
#include "connectome/assigner.hpp"
#include "connectome/metric_table.hpp"
#include "kernels/add_to_edges.hpp"
#include "kernels/measure_streamline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

namespace arcuate::connectome {

namespace {

using kernels::EdgeStatistic;
using Quantity = MetricRow::Quantity;

constexpr std::size_t max_nodes = 20000;

/// A power of two above twice the largest magnitude.
double bound_of(std::span<const float> values) {
    double largest = 0;
    for (const float value : values)
        if (std::isfinite(value)) largest = std::max(largest, std::fabs(static_cast<double>(value)));
    int exponent = 0;
    std::frexp(largest, &exponent);  // largest < 2^exponent
    return std::ldexp(1.0, exponent + 1);
}

void check(std::span<const Parcellation> parcellations, const std::vector<ScalarMap>& maps, const std::vector<float>& weights) {
    for (const auto& parcellation : parcellations)
        if (parcellation.nodes.size() > max_nodes)
            throw InputError(fmt::format("the parcellation has {} regions (a connectome is a full matrix, of at most {} regions); merge regions",
                                         parcellation.nodes.size(), max_nodes));
    for (const auto& map : maps)
        if (map.image.volumes != 1)
            throw InputError(fmt::format("the map '{}' has {} volumes (a mean along streamlines needs one); choose one volume", map.name, map.image.volumes));
    std::set<std::string> names;
    for (const auto& row : metric_table(maps, !weights.empty()))
        if (!names.insert(row.name).second)
            throw InputError(fmt::format("two metrics would be called '{}' (each map M gets mean_M and others; two maps of one name do not go, nor one called length); give every map its own name", row.name));
    for (const float weight : weights)
        if (!(weight >= 0 && weight < 0x1p24f)) throw InputError(fmt::format("a streamline has the weight {} (weights are from 0 to 2^24); check the file of weights", weight));
}

/// Maps on the device, and the columns of their statistics.
struct Columns {
    Columns(const std::vector<ScalarMap>& images, const std::vector<MetricRow>& rows, const Device& device) {
        for (const auto& map : images) {
            values.emplace_back(device, std::span<const float>(map.image.data));
            host.push_back({view_of_map(map.image.grid, values.back().data()), -1, -1, -1, -1});
        }
        for (const auto& row : rows) {
            if (row.quantity != Quantity::map) continue;
            auto& column = column_of(host[row.map], row.along);
            if (column < 0) column = count++;
            median = median || row.along == Along::median;
        }
        maps = Buffer(device, host);
    }
    static std::int32_t& column_of(kernels::MapColumns& map, Along along) {
        switch (along) {
            case Along::mean: return map.mean;
            case Along::median: return map.median;
            case Along::min: return map.min;
            default: return map.max;
        }
    }
    std::int32_t column_of(const MetricRow& row) {
        switch (row.quantity) {
            case Quantity::one: return -1;
            case Quantity::length: return kernels::length_column;
            case Quantity::inverse_length: return kernels::inverse_length_column;
            default: return column_of(host[row.map], row.along);
        }
    }

    std::vector<Buffer<float>> values;
    std::vector<kernels::MapColumns> host;
    Buffer<kernels::MapColumns> maps;
    std::int32_t count = kernels::first_map_column;
    bool median = false;
};

/// What accumulates for one parcellation.
struct Edges {
    Edges(const Parcellation& parcellation, const std::vector<kernels::EdgeTerm>& plan, const ConnectomeOptions& options, const Device& device)
        : nodes(parcellation.nodes), assigner(parcellation, options.assignment, options.search_mm, device) {
        const auto n = static_cast<std::int64_t>(nodes.size()) + 1;
        n_edges = n * (n + 1) / 2;
        std::int64_t labelled = 0;
        std::vector<double> sizes(1);
        for (const auto& node : nodes) {
            sizes.push_back(static_cast<double>(node.voxels));
            labelled += node.voxels;
        }
        sizes[0] = static_cast<double>(parcellation.labels.grid.voxels() - labelled);
        volumes = Buffer(device, sizes);
        std::vector<std::int64_t> start;
        std::size_t n_squares = 0;
        for (const auto& term : plan) {
            const std::int64_t first = term.statistic == EdgeStatistic::min   ? std::numeric_limits<std::int64_t>::max()
                                       : term.statistic == EdgeStatistic::max ? std::numeric_limits<std::int64_t>::min()
                                                                              : 0;
            firsts.push_back(start.size());
            start.resize(start.size() + static_cast<std::size_t>(n_edges * kernels::EdgeTerm::cells_per_edge(term.statistic)), first);
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

    void keep(std::span<const std::int32_t> rows) {
        for (const auto row : rows) assignments.labels.push_back(row == 0 ? 0 : nodes[static_cast<std::size_t>(row) - 1].label);
        assignments.offsets.push_back(assignments.labels.size());
    }

    std::vector<Node> nodes;
    Assigner assigner;
    std::int64_t n_edges;
    Buffer<double> volumes;
    std::vector<std::size_t> firsts, first_squares;  ///< of each term
    Buffer<std::int64_t> cells, squares;
    Buffer<kernels::EdgeTerm> terms;
    Assignments assignments;
};

}  // namespace

struct ConnectomeBuilder::Impl {
    Impl(std::span<const Parcellation> parcellations, const std::vector<ScalarMap>& maps, const ConnectomeOptions& given, const Device& on)
        : options(given), device(on), rows(choose_metrics(maps, !given.weights.empty(), given.mu, given.metrics)) {
        columns.emplace(maps, rows, device);
        const double weight_bound = given.weights.empty() ? 1.0 : bound_of(given.weights);
        for (const auto& row : rows) {
            const double bound = row.quantity == Quantity::one ? 2.0 : (row.quantity == Quantity::length ? 0x1p12 : (row.quantity == Quantity::inverse_length ? 0x1p10 : bound_of(maps[row.map].image.data)));
            const double weight = row.weighted ? weight_bound : 1.0;
            // A count's squares are the count.
            const bool squares = options.errors && &row != &rows.front() && (row.statistic == EdgeStatistic::sum || row.statistic == EdgeStatistic::mean);
            terms.push_back({.column = columns->column_of(row), .statistic = row.statistic, .weighted = row.weighted, .per_volume = row.per_volume, .scale = 0x1p31 / (bound * weight),
                             .weight_scale = 0x1p30 / weight, .cells = nullptr, .squares = nullptr, .square_scale = squares ? 0x1p31 / (bound * weight * bound * weight) : 0,
                             .weight_square_scale = 0x1p30 / (weight * weight), .mixed_scale = 0x1p31 / (bound * weight * weight)});
        }
        for (const auto& parcellation : parcellations) edges.emplace_back(parcellation, terms, options, device);
    }

    void add(const TractogramView& all, std::int64_t begin, std::int64_t end);

    ConnectomeOptions options;
    Device device;
    std::vector<MetricRow> rows;  ///< count first
    std::optional<Columns> columns;
    std::vector<kernels::EdgeTerm> terms;
    std::vector<Edges> edges;
    std::int64_t streamlines = 0;
};

void ConnectomeBuilder::Impl::add(const TractogramView& all, std::int64_t begin, std::int64_t end) {
    const auto n = static_cast<std::size_t>(end - begin), before = static_cast<std::size_t>(streamlines);
    const auto offsets_here = all.offsets.subspan(static_cast<std::size_t>(begin), n + 1);
    const auto first = offsets_here.front(), last = offsets_here.back();
    if (!options.weights.empty() && before + n > options.weights.size())
        throw InputError(fmt::format("there are {} weights and more streamlines (each streamline needs one); give the weights of this tractogram", options.weights.size()));
    if (before + n > 0x80000000u) throw InputError("there are more than 2^31 streamlines (sums would not hold them); split the tractogram");
    const Buffer<float> positions(device, all.positions.subspan(3 * first, 3 * (last - first)));
    const Buffer<std::uint64_t> offsets(device, offsets_here);
    const Buffer<float> weights(device, options.weights.empty() ? std::span<const float>() : std::span(options.weights).subspan(before, n));
    const kernels::StreamlinesView view{positions.data(), offsets.data(), first};
    Buffer<double> lengths(device, n), values(device, n * static_cast<std::size_t>(columns->count));
    Buffer<float> room(device, columns->median && !options.precise ? last - first : 0);
    launch(device, end - begin,
           kernels::MeasureStreamline{view, columns->maps.data(), static_cast<std::int32_t>(columns->maps.size()), options.precise, columns->count, room.data(), lengths.data(), values.data()});
    const bool lists = options.assignment == Assignment::all_voxels;
    for (auto& e : edges) {
        e.assigner.assign(view, end - begin, static_cast<std::int64_t>(last - first), lengths.data());
        launch(device, end - begin,
               kernels::AddToEdges{e.assigner.nodes().data(), lists ? e.assigner.counts().data() : nullptr, offsets.data(), first, values.data(), columns->count,
                                   options.weights.empty() ? nullptr : weights.data(), e.volumes.data(), e.terms.data(), static_cast<std::int32_t>(e.terms.size())},
               1024);
        if (!options.keep_assignments) continue;
        const auto rows_of = e.assigner.nodes().to_host();
        const auto counts = lists ? e.assigner.counts().to_host() : std::vector<std::int32_t>();
        for (std::size_t i = 0; i < n; ++i)
            e.keep(std::span(rows_of).subspan(lists ? offsets_here[i] - first : 2 * i, lists ? static_cast<std::size_t>(counts[i]) : 2));
    }
    streamlines += end - begin;
}

ConnectomeBuilder::ConnectomeBuilder(std::span<const Parcellation> parcellations, const std::vector<ScalarMap>& maps, const ConnectomeOptions& options,
                                     const Device& device) {
    check(parcellations, maps, options.weights);
    impl_ = std::make_unique<Impl>(parcellations, maps, options, device);
}

ConnectomeBuilder::~ConnectomeBuilder() = default;

void ConnectomeBuilder::append(const TractogramView& streamlines) {
    const std::int64_t chunk = std::max<std::int64_t>(1, impl_->options.chunk);
    for (std::int64_t begin = 0; begin < streamlines.size(); begin += chunk) impl_->add(streamlines, begin, std::min(streamlines.size(), begin + chunk));
}

const Assignments& ConnectomeBuilder::assignments(std::size_t parcellation) const { return impl_->edges.at(parcellation).assignments; }

namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

/// An edge's value of one metric, and its sampling error, from what has accumulated.
struct Accumulated {
    EdgeStatistic statistic;
    const kernels::EdgeTerm& term;
    const std::int64_t *cells, *squares;  ///< squares null: those of a count
    double streamlines;

    double value(std::int64_t edge) const {
        switch (statistic) {
            case EdgeStatistic::sum: return kernels::value_of_wide(cells + 2 * edge, term.scale);
            case EdgeStatistic::mean: {
                const double weight = weights(edge);
                return weight == 0 ? undefined : kernels::value_of_wide(cells + 4 * edge, term.scale) / weight;
            }
            default: {
                const bool none = cells[edge] == (statistic == EdgeStatistic::min ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min());
                return none ? undefined : kernels::value_of_ordered(cells[edge]);
            }
        }
    }
    double sampling_error(std::int64_t edge) const {
        double variance = undefined;
        if (statistic == EdgeStatistic::sum && streamlines > 1) {
            const double sum = value(edge), of_squares = squares ? kernels::value_of_wide<3>(squares + 3 * edge, term.square_scale) : sum;
            variance = (of_squares - sum * sum / streamlines) * streamlines / (streamlines - 1);
        } else if (statistic == EdgeStatistic::mean) {
            const std::int64_t* const own = squares + 9 * edge;
            const double mean = value(edge), w = weights(edge), ww = kernels::value_of_wide<3>(own, term.weight_square_scale), wwx = kernels::value_of_wide<3>(own + 3, term.mixed_scale),
                         wwxx = kernels::value_of_wide<3>(own + 6, term.square_scale), free = w * w - ww;
            if (free > 1e-12 * w * w) variance = (wwxx - 2 * mean * wwx + mean * mean * ww) / free;
        }
        return variance < 0 ? 0 : std::sqrt(variance);
    }
    bool has_error() const { return statistic == EdgeStatistic::sum || statistic == EdgeStatistic::mean; }

  private:
    double weights(std::int64_t edge) const { return kernels::value_of_wide(cells + 4 * edge + 2, term.weight_scale); }
};

}  // namespace

Connectome ConnectomeBuilder::connectome(std::size_t parcellation, bool keep_unassigned) const {
    const auto& s = *impl_;
    const auto& e = s.edges.at(parcellation);
    const auto cells = e.cells.to_host(), squares = e.squares.to_host();
    Connectome out;
    out.streamlines = s.streamlines;
    out.nodes = e.nodes;
    if (keep_unassigned) out.nodes.insert(out.nodes.begin(), {.label = 0, .name = "unassigned", .centre = {undefined, undefined, undefined}});
    const std::size_t n = out.nodes.size(), first_row = keep_unassigned ? 0 : 1;
    /// The matrix of what `of(edge)` gives.
    const auto matrix_of = [&](bool is_sum, const auto& of) {
        std::vector<double> matrix(n * n);
        for (std::size_t high = 0; high < n; ++high)
            for (std::size_t low = 0; low <= high; ++low)
                matrix[high * n + low] = matrix[low * n + high] =
                    s.options.zero_diagonal && high == low ? (is_sum ? 0 : undefined) : of(kernels::edge_of(static_cast<std::int32_t>(low + first_row), static_cast<std::int32_t>(high + first_row)));
        return matrix;
    };
    for (std::size_t t = 0; t < s.rows.size(); ++t) {
        const auto& row = s.rows[t];
        const Accumulated edges{row.statistic, s.terms[t], cells.data() + e.firsts[t], t == 0 ? nullptr : squares.data() + e.first_squares[t], static_cast<double>(s.streamlines)};
        if (t == 0) {
            for (std::size_t k = 1; k <= e.nodes.size(); ++k) out.half_assigned += static_cast<std::int64_t>(edges.value(kernels::edge_of(0, static_cast<std::int32_t>(k))));
            out.assigned = s.streamlines - out.half_assigned - static_cast<std::int64_t>(edges.value(0));
        }
        const bool is_sum = row.statistic == EdgeStatistic::sum;
        out.metrics.push_back({row.name, row.unit, row.description, matrix_of(is_sum, [&](std::int64_t edge) { return row.factor * edges.value(edge); })});
        if (s.options.errors && edges.has_error())
            out.metrics.push_back({row.name + sampling_error_suffix, row.unit, fmt::format("Standard error of {} that follows from the finite number of streamlines.", row.name),
                                   matrix_of(is_sum, [&](std::int64_t edge) { return row.factor * edges.sampling_error(edge); }), row.name, "sampling"});
    }
    return out;
}

}  // namespace arcuate::connectome
