#include "arcuate/connectome/build.hpp"

#include "arcuate/core/error.hpp"
#include "backend/buffer.hpp"
#include "backend/launch.hpp"
#include "backend/vertices.hpp"
#include "connectome/columns.hpp"
#include "connectome/edges.hpp"
#include "connectome/metric_table.hpp"
#include "kernels/measure_streamline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace arcuate::connectome {

namespace {

using kernels::EdgeStatistic;
using Quantity = MetricRow::Quantity;

constexpr std::size_t max_nodes = 20000;
constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

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
    const VerticesOnDevice positions(device, all, first, last);
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

const Device* ConnectomeBuilder::reads_on() const { return &impl_->device; }

const Assignments& ConnectomeBuilder::assignments(std::size_t parcellation) const { return impl_->edges.at(parcellation).assignments; }

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
