#include "arcuate/connectome/build.hpp"

#include "arcuate/core/error.hpp"
#include "backend/buffer.hpp"
#include "backend/launch.hpp"
#include "backend/map_view.hpp"
#include "connectome/node_search.hpp"
#include "kernels/add_to_edges.hpp"
#include "kernels/measure_streamline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace arcuate::connectome {

namespace {

constexpr std::size_t max_nodes = 20000;
constexpr double length_scale = 0x1p24;  // per mm
constexpr double weight_scale = 0x1p24;

/// A power of two that takes the map's largest magnitude into [2^30, 2^31).
double scale_of(const ScalarImage& image) {
    double largest = 0;
    for (const float value : image.data)
        if (std::isfinite(value)) largest = std::max(largest, std::fabs(static_cast<double>(value)));
    if (largest == 0) return 1;
    int exponent = 0;
    std::frexp(largest, &exponent);  // largest in [2^(exponent-1), 2^exponent)
    return std::ldexp(1.0, 31 - exponent);
}

void check(const Parcellation& parcellation, const std::vector<ScalarMap>& maps) {
    if (parcellation.nodes.size() > max_nodes)
        throw InputError(fmt::format("the parcellation has {} regions (a connectome is a full matrix, of at most {} regions); merge regions",
                                     parcellation.nodes.size(), max_nodes));
    std::set<std::string> names{"length"};
    for (const auto& map : maps) {
        if (!names.insert(map.name).second)
            throw InputError(fmt::format("two maps are called '{}' (edges get mean_{} of each; mean_length is taken); give every map its own name", map.name, map.name));
        if (map.image.volumes != 1)
            throw InputError(fmt::format("the map '{}' has {} volumes (a mean along streamlines needs one); choose one volume", map.name, map.image.volumes));
    }
}

}  // namespace

struct ConnectomeBuilder::Impl {
    Impl(const Parcellation& parcellation, const std::vector<ScalarMap>& maps, const ConnectomeOptions& given, const Device& on)
        : options(given), device(on), nodes(parcellation.nodes), finder(parcellation, given.radial_search_mm, on) {
        std::vector<kernels::MapView> views;
        std::vector<double> scales;
        for (const auto& map : maps) {
            names.emplace_back(map.name, map.unit);
            map_values.emplace_back(device, std::span<const float>(map.image.data));
            views.push_back(view_of_map(map.image.grid, map_values.back().data()));
            scales.push_back(scale_of(map.image));
        }
        map_views = Buffer(device, views);
        map_scales = Buffer(device, scales);
        host_scales = scales;
        const auto n = static_cast<std::int64_t>(nodes.size());
        n_edges = n * (n + 1) / 2;
        const auto cells = static_cast<std::size_t>(n_edges);
        counts = Buffer<std::int64_t>::zeros(device, cells);
        weight_sums = Buffer<std::int64_t>::zeros(device, cells);
        length_sums = Buffer<std::int64_t>::zeros(device, cells);
        map_weights = Buffer<std::int64_t>::zeros(device, cells * maps.size());
        map_sums = Buffer<std::int64_t>::zeros(device, cells * maps.size());
    }

    void add(const TractogramView& all, std::int64_t begin, std::int64_t end);

    ConnectomeOptions options;
    Device device;
    std::vector<Node> nodes;
    NodeFinder finder;
    std::vector<std::pair<std::string, std::string>> names;  // of the maps, with units
    std::vector<Buffer<float>> map_values;
    Buffer<kernels::MapView> map_views;
    Buffer<double> map_scales;
    std::vector<double> host_scales;
    std::int64_t n_edges = 0;
    Buffer<std::int64_t> counts, weight_sums, length_sums, map_weights, map_sums;
    std::vector<std::int32_t> assignments;
    std::int64_t assigned = 0;
};

void ConnectomeBuilder::Impl::add(const TractogramView& all, std::int64_t begin, std::int64_t end) {
    const auto n = static_cast<std::size_t>(end - begin), n_maps = names.size();
    const auto offsets_here = all.offsets.subspan(static_cast<std::size_t>(begin), n + 1);
    const auto first = offsets_here.front(), last = offsets_here.back();
    const Buffer<float> positions(device, all.positions.subspan(3 * first, 3 * (last - first)));
    const Buffer<std::uint64_t> offsets(device, offsets_here);
    const std::size_t streamlines_before = assignments.size() / 2;
    if (!options.weights.empty() && streamlines_before + n > options.weights.size())
        throw InputError(fmt::format("there are {} weights and more streamlines (each streamline needs one); give the weights of this tractogram", options.weights.size()));
    const Buffer<float> weights(device, options.weights.empty() ? std::span<const float>() : std::span(options.weights).subspan(streamlines_before, n));
    Buffer<std::int32_t> ends(device, 2 * n);
    Buffer<double> lengths(device, n), means(device, n * n_maps);
    const auto n_maps_int = static_cast<std::int32_t>(n_maps);
    launch(device, end - begin,
           kernels::MeasureStreamline{positions.data(), offsets.data(), first, finder.view(), map_views.data(), n_maps_int, ends.data(), lengths.data(), means.data()});
    launch(device, end - begin,
           kernels::AddToEdges{ends.data(), lengths.data(), means.data(), n_maps_int, n_edges, options.weights.empty() ? nullptr : weights.data(),
                               length_scale, weight_scale, map_scales.data(), counts.data(), weight_sums.data(), length_sums.data(), map_weights.data(), map_sums.data()},
           1024);
    const auto rows = ends.to_host();
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t side = 0; side < 2; ++side) {
            const auto row = rows[2 * i + side];
            assignments.push_back(row == 0 ? 0 : nodes[static_cast<std::size_t>(row) - 1].label);
        }
        assigned += rows[2 * i] != 0 && rows[2 * i + 1] != 0;
    }
}

ConnectomeBuilder::ConnectomeBuilder(const Parcellation& parcellation, const std::vector<ScalarMap>& maps, const ConnectomeOptions& options,
                                     const Device& device) {
    check(parcellation, maps);
    for (const float weight : options.weights)
        if (!(weight >= 0 && weight < 0x1p24f)) throw InputError(fmt::format("a streamline has the weight {} (weights are from 0 to 2^24); check the file of weights", weight));
    impl_ = std::make_unique<Impl>(parcellation, maps, options, device);
}

ConnectomeBuilder::~ConnectomeBuilder() = default;

void ConnectomeBuilder::append(const TractogramView& streamlines) {
    const std::int64_t chunk = std::max<std::int64_t>(1, impl_->options.chunk);
    for (std::int64_t begin = 0; begin < streamlines.size(); begin += chunk) impl_->add(streamlines, begin, std::min(streamlines.size(), begin + chunk));
}

const std::vector<std::int32_t>& ConnectomeBuilder::assignments() const { return impl_->assignments; }

Connectome ConnectomeBuilder::connectome() const {
    const auto& s = *impl_;
    const auto n = s.nodes.size();
    Connectome out;
    out.nodes = s.nodes;
    out.streamlines = static_cast<std::int64_t>(s.assignments.size() / 2);
    out.assigned = s.assigned;
    // Fills the full matrix from one value per edge.
    const auto add = [&](std::string name, std::string unit, std::string description, const auto& value) {
        EdgeMetric metric{std::move(name), std::move(unit), std::move(description), std::vector<double>(n * n)};
        std::size_t edge = 0;  // in the order of kernels::edge_of
        for (std::size_t high = 0; high < n; ++high)
            for (std::size_t low = 0; low <= high; ++low, ++edge) metric.matrix[high * n + low] = metric.matrix[low * n + high] = value(edge);
        out.metrics.push_back(std::move(metric));
    };
    const auto mean = [](std::int64_t sum, std::int64_t weight, double scale) {
        return weight == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(sum) / scale / (static_cast<double>(weight) / weight_scale);
    };
    const auto counts = s.counts.to_host(), lengths = s.length_sums.to_host();
    const auto weights = s.weight_sums.to_host();
    const auto map_weights = s.map_weights.to_host(), map_sums = s.map_sums.to_host();
    add("count", "streamlines", "Number of streamlines that connect the two regions.", [&](std::size_t e) { return static_cast<double>(counts[e]); });
    if (!s.options.weights.empty())
        add("weight", "", "Sum of the weights of the streamlines that connect the two regions.",
            [&](std::size_t e) { return static_cast<double>(weights[e]) / weight_scale; });
    add("mean_length", "mm", "Mean length of the streamlines that connect the two regions.", [&](std::size_t e) { return mean(lengths[e], weights[e], length_scale); });
    for (std::size_t m = 0; m < s.names.size(); ++m) {
        const auto& [name, unit] = s.names[m];
        const std::size_t first = m * static_cast<std::size_t>(s.n_edges);
        add("mean_" + name, unit, fmt::format("Mean over streamlines of the length-weighted mean of {} along each.", name),
            [&](std::size_t e) { return mean(map_sums[first + e], map_weights[first + e], s.host_scales[m]); });
    }
    return out;
}

}  // namespace arcuate::connectome
