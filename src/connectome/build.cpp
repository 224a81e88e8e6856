#include "arcuate/connectome/build.hpp"

#include "arcuate/core/error.hpp"
#include "backend/buffer.hpp"
#include "backend/launch.hpp"
#include "connectome/assigner.hpp"
#include "connectome/columns.hpp"
#include "connectome/metric_table.hpp"
#include "connectome/node_search.hpp"
#include "connectome/share_lists.hpp"
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
double largest_of(std::span<const float> values) {
    double largest = 0;
    for (const float value : values)
        if (std::isfinite(value)) largest = std::max(largest, std::fabs(static_cast<double>(value)));
    int exponent = 0;
    std::frexp(largest, &exponent);  // largest < 2^exponent
    return std::ldexp(1.0, exponent + 1);
}

void check(std::span<const Parcellation> parcellations, const std::vector<ScalarMap>& maps, const ConnectomeOptions& options) {
    for (const auto& parcellation : parcellations) {
        if (parcellation.is_soft() && options.assignment == Assignment::all_voxels)
            throw InputError("a soft parcellation does not go with all-voxels (how likely a streamline is to touch two regions does not follow from how likely each voxel belongs to either); "
                             "choose another way of assignment");
        if (parcellation.nodes.size() > max_nodes)
            throw InputError(fmt::format("the parcellation has {} regions (a connectome is a full matrix, of at most {} regions); merge regions",
                                         parcellation.nodes.size(), max_nodes));
    }
    for (const auto& map : maps) {
        if (map.directions && map.image.volumes % 3)
            throw InputError(fmt::format("the directions '{}' have {} volumes (each direction has three: its vector in scanner coordinates); give the output of sh2peaks or the v1 of arcuate tensor", map.name,
                                         map.image.volumes));
        if (!map.directions && map.image.volumes != 1)
            throw InputError(fmt::format("the map '{}' has {} volumes (a mean along streamlines needs one); choose one volume", map.name, map.image.volumes));
    }
    std::set<std::string> names;
    for (const auto& row : metric_table(maps, !options.weights.empty(), options.mu, options.values))
        if (!names.insert(row.name).second)
            throw InputError(fmt::format("two metrics would be called '{}' (each map or file M gets mean_M and others; two of one name do not go, nor one called length); give every map its own name", row.name));
    for (const auto& v : options.values)
        if (v.name.empty() || std::any_of(v.values.begin(), v.values.end(), [](float value) { return std::isinf(value); }))
            throw InputError(fmt::format("the values '{}' have no name or one is infinite (sums and means would be so, too); repair them, or write nan where a streamline has none", v.name));
    for (const float weight : options.weights)
        if (!(weight >= 0 && weight < 0x1p24f)) throw InputError(fmt::format("a streamline has the weight {} (weights are from 0 to 2^24); check the file of weights", weight));
}

/// What accumulates for one parcellation.
struct Edges {
    Edges(const Parcellation& parcellation, const std::vector<kernels::EdgeTerm>& given, const ConnectomeOptions& options, const Device& device)
        : nodes(parcellation.nodes), soft(parcellation.is_soft()), plan(given) {
        const auto n = static_cast<std::int64_t>(nodes.size()) + 1;
        n_edges = n * (n + 1) / 2;
        const Grid& grid = parcellation.labels.grid;
        if (soft) {
            const auto lists = voxel_lists(parcellation);
            assigner.emplace(lists.of_voxel, grid, options.assignment, options.search_mm, device);
            list_offsets = Buffer(device, lists.offsets);
            shares = Buffer(device, lists.shares);
            largest = lists.largest;
        } else {
            assigner.emplace(node_numbers(parcellation), grid, options.assignment, options.search_mm, device);
            plan.front().square_scale = 0;  // a count's squares are the count
        }
        add_volumes(grid, device);
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

    /// Sizes of the background and of the nodes. A soft region of less than a voxel makes large quantities per volume; weighted by its shares, which are no larger
    /// than it, they stay within bounds, but not their squares so weighted.
    void add_volumes(const Grid& grid, const Device& device) {
        double labelled = 0, least = 1;
        std::vector<double> sizes(1);
        for (const auto& node : nodes) {
            sizes.push_back(node.voxels);
            labelled += node.voxels;
            if (node.voxels > 0) least = std::min(least, node.voxels);
        }
        sizes[0] = std::max(0.0, static_cast<double>(grid.voxels()) - labelled);
        volumes = Buffer(device, sizes);
        int exponent = 0;
        std::frexp(1 / least, &exponent);
        for (auto& term : plan)
            if (term.per_volume && least < 1) term.spread_scale = std::ldexp(term.spread_scale, -exponent);
    }

    kernels::ShareLists lists() const { return {list_offsets.data(), shares.data()}; }

    /// The regions of a streamline, for assignments().
    void keep(std::span<const std::int32_t> found, bool last_alone) {
        for (auto place : found.subspan(last_alone ? 1 : 0)) {
            if (soft) place = largest[static_cast<std::size_t>(place)];
            assignments.labels.push_back(place == 0 ? 0 : nodes[static_cast<std::size_t>(place) - 1].label);
        }
        assignments.offsets.push_back(assignments.labels.size());
    }

    std::vector<Node> nodes;
    bool soft;
    std::vector<kernels::EdgeTerm> plan;     ///< without places in memory
    std::optional<Assigner> assigner;        ///< of a soft parcellation to lists of shares
    Buffer<std::int64_t> list_offsets;
    Buffer<kernels::NodeShare> shares;
    std::vector<std::int32_t> largest;       ///< node of each list
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
        : options(given), device(on), rows(choose_metrics(maps, !given.weights.empty(), given.mu, given.values, given.metrics)), columns(maps, given.values, rows, on) {
        const double w = given.weights.empty() ? 1.0 : largest_of(given.weights);
        for (const auto& row : rows) {
            const double x = bound_of(row, maps), weight = row.weighted ? w : 1.0;
            const bool errors = options.errors && (row.statistic == EdgeStatistic::sum || row.statistic == EdgeStatistic::mean);
            terms.push_back({.column = columns.of(row), .times = row.times ? columns.of_given(*row.times) : -1, .statistic = row.statistic, .weighted = row.weighted, .per_volume = row.per_volume,
                             .scale = 0x1p31 / (x * weight), .weight_scale = 0x1p30 / weight, .weight_square_scale = 0x1p30 / (weight * weight), .spread_scale = 0x1p31 / (x * x * weight),
                             .cells = nullptr, .squares = nullptr, .square_scale = errors ? 0x1p31 / (x * weight * x * weight) : 0, .mixed_scale = 0x1p31 / (x * weight * weight)});
        }
        for (const auto& parcellation : parcellations) edges.emplace_back(parcellation, terms, options, device);
    }

    /// Above the largest magnitude of a quantity, where regions have a voxel at least.
    double bound_of(const MetricRow& row, const std::vector<ScalarMap>& maps) const {
        const double times = row.times ? largest_of(options.values[*row.times].values) : 1;
        switch (row.quantity) {
            case Quantity::one: return 2.0 * times;
            case Quantity::length: return 0x1p12 * times;
            case Quantity::inverse_length: return 0x1p10 * times;
            case Quantity::given: return largest_of(options.values[row.map].values);
            default: return maps[row.map].directions ? 2.0 : largest_of(maps[row.map].image.data);
        }
    }

    void add(const TractogramView& all, std::int64_t begin, std::int64_t end);

    ConnectomeOptions options;
    Device device;
    std::vector<MetricRow> rows;  ///< count first
    Columns columns;
    std::vector<kernels::EdgeTerm> terms;
    std::vector<Edges> edges;
    std::int64_t streamlines = 0;
};

void ConnectomeBuilder::Impl::add(const TractogramView& all, std::int64_t begin, std::int64_t end) {
    const auto n = static_cast<std::size_t>(end - begin), before = static_cast<std::size_t>(streamlines);
    const auto offsets_here = all.offsets.subspan(static_cast<std::size_t>(begin), n + 1);
    const auto first = offsets_here.front(), last = offsets_here.back();
    const auto require = [&](std::size_t there, const char* what) {
        if (before + n > there) throw InputError(fmt::format("there are {} {} and more streamlines (each streamline needs one); give the {} of this tractogram", there, what, what));
    };
    if (!options.weights.empty()) require(options.weights.size(), "weights");
    for (const auto& v : options.values) require(v.values.size(), "values");
    if (before + n > 0x80000000u) throw InputError("there are more than 2^31 streamlines (sums would not hold them); split the tractogram");
    const Buffer<float> positions(device, all.positions.subspan(3 * first, 3 * (last - first)));
    const Buffer<std::uint64_t> offsets(device, offsets_here);
    const Buffer<float> weights(device, options.weights.empty() ? std::span<const float>() : std::span(options.weights).subspan(before, n));
    std::vector<float> given_here;
    for (const auto& v : options.values) given_here.insert(given_here.end(), v.values.begin() + static_cast<std::ptrdiff_t>(before), v.values.begin() + static_cast<std::ptrdiff_t>(before + n));
    const Buffer<float> given(device, given_here);
    const kernels::StreamlinesView view{positions.data(), offsets.data(), first};
    Buffer<double> lengths(device, n), values(device, n * static_cast<std::size_t>(columns.count()));
    const std::int32_t medians = options.precise ? 0 : columns.medians();
    Buffer<float> room(device, static_cast<std::size_t>(medians) * (last - first));
    launch(device, end - begin,
           kernels::MeasureStreamline{.streamlines = view, .groups = columns.groups().data(), .n_groups = static_cast<std::int32_t>(columns.groups().size()), .directions = columns.directions().data(),
                                      .n_directions = static_cast<std::int32_t>(columns.directions().size()), .given = given.data(), .n_given = static_cast<std::int32_t>(options.values.size()),
                                      .n = end - begin, .precise = options.precise, .columns = columns.count(), .room = room.data(), .medians = medians, .lengths = lengths.data(),
                                      .values = values.data()});
    const bool lists = options.assignment == Assignment::all_voxels;
    for (auto& e : edges) {
        e.assigner->assign(view, end - begin, static_cast<std::int64_t>(last - first), lengths.data());
        const auto& found = e.assigner->nodes();
        const kernels::EdgeTerms to{values.data(), columns.count(), options.weights.empty() ? nullptr : weights.data(), e.terms.data(), static_cast<std::int32_t>(e.terms.size())};
        if (e.soft)
            launch(device, end - begin, kernels::AddSharesToEdges{found.data(), e.lists(), options.vector, e.volumes.data(), to}, 1024);
        else
            launch(device, end - begin, kernels::AddToEdges{found.data(), lists ? e.assigner->counts().data() : nullptr, offsets.data(), first, options.vector, e.volumes.data(), to}, 1024);
        if (!options.keep_assignments) continue;
        const auto rows_of = found.to_host();
        const auto counts = lists ? e.assigner->counts().to_host() : std::vector<std::int32_t>();
        for (std::size_t i = 0; i < n; ++i)
            e.keep(std::span(rows_of).subspan(lists ? offsets_here[i] - first : 2 * i, lists ? static_cast<std::size_t>(counts[i]) : 2), options.vector && !lists);
    }
    streamlines += end - begin;
}

ConnectomeBuilder::ConnectomeBuilder(std::span<const Parcellation> parcellations, const std::vector<ScalarMap>& maps, const ConnectomeOptions& options,
                                     const Device& device) {
    check(parcellations, maps, options);
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
    const std::int64_t *cells, *squares;
    double streamlines;

    double value(std::int64_t edge) const {
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
            default: {
                const bool none = cells[edge] == (statistic == EdgeStatistic::min ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min());
                return none ? undefined : kernels::value_of_ordered(cells[edge]);
            }
        }
    }
    double sampling_error(std::int64_t edge) const {
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
    out.vector = s.options.vector;
    const std::size_t n = out.nodes.size(), first_row = keep_unassigned ? 0 : 1;
    const auto edge_of = [&](std::size_t a, std::size_t b) { return kernels::edge_of(static_cast<std::int32_t>(a), static_cast<std::int32_t>(b)); };
    /// The matrix, or vector, of what `of(edge)` gives.
    const auto matrix_of = [&](bool is_sum, const auto& of) {
        std::vector<double> matrix(out.vector ? n : n * n);
        for (std::size_t k = 0; out.vector && k < n; ++k) matrix[k] = of(edge_of(0, k + first_row));
        for (std::size_t high = 0; !out.vector && high < n; ++high)
            for (std::size_t low = 0; low <= high; ++low)
                matrix[high * n + low] = matrix[low * n + high] =
                    s.options.zero_diagonal && high == low ? (is_sum ? 0 : undefined) : of(edge_of(low + first_row, high + first_row));
        return matrix;
    };
    for (std::size_t t = 0; t < s.rows.size(); ++t) {
        const auto& row = s.rows[t];
        const Accumulated edges{row.statistic, e.plan[t], cells.data() + e.firsts[t], squares.data() + e.first_squares[t], static_cast<double>(s.streamlines)};
        if (t == 0) {
            double half = 0;
            for (std::size_t k = 1; k <= e.nodes.size(); ++k) half += edges.value(edge_of(0, k));
            const auto nowhere = edges.value(0), all = static_cast<double>(s.streamlines);
            out.half_assigned = out.vector ? 0 : std::llround(half);
            out.assigned = std::llround(all - nowhere - (out.vector ? 0 : half));
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
