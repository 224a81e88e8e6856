// Tracking and what follows it, on one thread. items_per_second: points, steps, streamlines, or streamlines times iterations, as each says.
#include "arcuate/connectome/build.hpp"
#include "arcuate/dwi/fixels.hpp"
#include "arcuate/dwi/tensor.hpp"
#include "arcuate/tracking/track.hpp"
#include "arcuate/weights/sift2.hpp"
#include "backend/map_view.hpp"
#include "kernels/add_to_edges.hpp"
#include "kernels/philox.hpp"
#include "kernels/tissues.hpp"
#include "synthetic.hpp"
#include "tracking/field.hpp"

#include <benchmark/benchmark.h>

namespace arcuate::bench {
namespace {

namespace k = kernels;

struct Dropped : StreamlineSink {
    void append(const TractogramView&) override {}
};
struct Kept : StreamlineSink {
    Tractogram all;
    void append(const TractogramView& more) override {
        for (std::int64_t n = 0; n < more.size(); ++n) all.append(more.streamline(n));
    }
};

/// Points of white matter with a direction each, jittered within their voxels.
struct Place {
    k::Vec3 point, direction;
};
const std::vector<Place>& places() {
    static const auto made = [] {
        std::vector<Place> out;
        const auto& grid = brain().white.grid;
        for (const auto voxel : voxels_inside(brain().white, "white matter")) {
            const auto random = k::Philox{1, static_cast<std::uint64_t>(voxel), k::Purpose::seed, 0}(0), turn = k::Philox{1, static_cast<std::uint64_t>(voxel), k::Purpose::seed, 0}(1);
            const auto jitter = [&](int axis) { return static_cast<double>(k::uniform(random.v[axis])) - 0.5; };
            const std::int64_t x = voxel % grid.size[0], y = voxel / grid.size[0] % grid.size[1], z = voxel / (grid.size[0] * grid.size[1]);
            const auto p = transform_point(grid.voxel_to_world, {static_cast<double>(x) + jitter(0), static_cast<double>(y) + jitter(1), static_cast<double>(z) + jitter(2)});
            Place place{{static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2])}, {}};
            k::uniform_direction(turn.v[0], turn.v[1], place.direction.x, place.direction.y, place.direction.z);
            out.push_back(place);
        }
        return out;
    }();
    return made;
}

/// sum over places of value(place).
template <class Value>
void over_places(benchmark::State& state, const Value& value) {
    const auto& all = places();
    for (auto _ : state) {
        float sum = 0;
        for (const auto& place : all) sum += value(place);
        benchmark::DoNotOptimize(sum);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(all.size()));
}

void fod_amplitude(benchmark::State& state) {
    const tracking::FodOnDevice<8> fod(brain().fod, processor());
    const auto field = fod.view();
    over_places(state, [&](const Place& at) { return k::amplitude_at(field, at.point, at.direction); });
}
BENCHMARK(fod_amplitude);

void fod_interpolation(benchmark::State& state) {
    const tracking::FodOnDevice<8> fod(brain().fod, processor());
    const auto field = fod.view();
    over_places(state, [&](const Place& at) {
        k::Cell cell;
        float c[k::FodField<8>::stride];
        if (!field.locate(at.point, cell)) return 0.0f;
        field.interpolate(cell, c);
        return c[0] + c[k::FodField<8>::stride - 1];
    });
}
BENCHMARK(fod_interpolation);

void map_interpolation(benchmark::State& state) {
    ScalarImage map(brain().fod.grid, 1);
    std::copy_n(brain().fod.data.begin(), map.data.size(), map.data.begin());
    const auto view = view_of_map(map.grid, map.data.data());
    over_places(state, [&](const Place& at) {
        float value = 0;
        return view.sample(at.point, value) ? value : 0.0f;
    });
}
BENCHMARK(map_interpolation);

void tissue_interpolation(benchmark::State& state) {
    const auto& t = brain().tissues;
    std::vector<float> rows(static_cast<std::size_t>(t.grid.voxels() * k::TissueImage::stride), 0.0f);
    for (std::int64_t voxel = 0; voxel < t.grid.voxels(); ++voxel)
        for (std::int64_t v = 0; v < 5; ++v) rows[static_cast<std::size_t>(voxel * k::TissueImage::stride + v)] = t.at(voxel, v);
    const k::TissueImage image{rows.data(), static_cast<int>(t.grid.size[0]), static_cast<int>(t.grid.size[1]), static_cast<int>(t.grid.size[2]),
                               to_kernel(inverse(t.grid.voxel_to_world)), static_cast<float>(mean_voxel_size(t.grid))};
    over_places(state, [&](const Place& at) { return image.at(at.point).wm; });
}
BENCHMARK(tissue_interpolation);

/// Whole runs of a few hundred seeds, set-up included. Items: steps.
void track(benchmark::State& state, tracking::Algorithm algorithm, bool tissues) {
    const auto kind = tracking::row_of(algorithm).field;
    const bool on_brain = kind == tracking::FieldKind::fod;
    const auto& p = one_shell();
    const TensorModel tensor = kind == tracking::FieldKind::signal ? dwi::tensor_model(p.gradients) : TensorModel{};
    tracking::TrackInput input{.field = on_brain ? brain().fod : kind == tracking::FieldKind::signal ? p.sessions[0].dwi : p.directions,
                               .seeds = {tracking::seeds_in(on_brain ? brain().white : p.mask)}, .tensor = &tensor};
    if (tissues) input.anatomy = tracking::Anatomy{brain().tissues, true, true};
    std::int64_t steps = 0;
    for (auto _ : state) {
        Dropped sink;
        steps += tracking::track(input, {.algorithm = algorithm, .seed = 1, .select = 0, .seeds = 400}, processor(), sink).steps;
    }
    state.SetItemsProcessed(steps);
}
#define BENCH_TRACK(name, algorithm, tissues) \
    BENCHMARK_CAPTURE(track, name, tracking::Algorithm::algorithm, tissues)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()
BENCH_TRACK(ifod2, ifod2, false);
BENCH_TRACK(ifod2_act, ifod2, true);
BENCH_TRACK(ifod1, ifod1, false);
BENCH_TRACK(sd, sd, false);
BENCH_TRACK(ptt, ptt, false);
BENCH_TRACK(prob, prob, false);
BENCH_TRACK(tensor_det, tensor_det, false);
BENCH_TRACK(tensor_prob, tensor_prob, false);
BENCH_TRACK(fact, fact, false);

const Tractogram& tracks() {
    static const auto made = [] {
        Kept sink;
        tracking::track({.field = brain().fod, .seeds = {tracking::seeds_in(brain().white)}, .anatomy = tracking::Anatomy{brain().tissues, true, true}},
                        {.seed = 1, .select = 5000}, processor(), sink);
        return std::move(sink.all);
    }();
    return made;
}
const Fixels& fixels() {
    static const auto made = dwi::segment_fods(brain().fod, {}, processor());
    return made;
}

/// Items: streamlines.
void map_streamlines_to_fixels(benchmark::State& state) {
    const auto lines = tracks().view();
    weights::FixelLengths lengths(fixels(), processor(), 1 << 15, 0);
    for (auto _ : state) lengths.append(lines);
    state.SetItemsProcessed(state.iterations() * lines.size());
}
BENCHMARK(map_streamlines_to_fixels)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();

/// Items: streamlines times iterations.
void sift2_iteration(benchmark::State& state) {
    weights::FixelLengths lengths(fixels(), processor());
    lengths.append(tracks().view());
    std::int64_t iterations = 0;
    for (auto _ : state) iterations += static_cast<std::int64_t>(weights::sift2(fixels(), lengths, {.max_iters = 20}, processor()).iterations.size()) - 1;
    state.SetItemsProcessed(iterations * tracks().size());
}
BENCHMARK(sift2_iteration)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();

/// Ends to nodes, lengths, means of a map, sums. Items: streamlines.
void connectome_append(benchmark::State& state) {
    ScalarImage map(brain().tissues.grid, 1);
    std::copy_n(brain().tissues.data.begin() + static_cast<std::ptrdiff_t>(2 * map.data.size()), map.data.size(), map.data.begin());
    connectome::ConnectomeBuilder builder(brain().parcellation, {{"white", "", map}}, {}, processor());
    const auto lines = tracks().view();
    for (auto _ : state) builder.append(lines);
    state.SetItemsProcessed(state.iterations() * lines.size());
}
BENCHMARK(connectome_append)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();

/// The sums alone. Items: streamlines.
void add_to_edges(benchmark::State& state) {
    constexpr std::int64_t n = 1 << 14, nodes = 84, edges = (nodes + 1) * (nodes + 2) / 2;
    std::vector<std::int32_t> ends;
    std::vector<double> values;  // length, mean of a map
    for (std::uint64_t i = 0; i < n; ++i) {
        const auto random = k::Philox{1, i, k::Purpose::seed, 0}(0);
        for (int e = 0; e < 2; ++e) ends.push_back(1 + static_cast<std::int32_t>(random.v[e] % nodes));
        values.push_back(20 + 100 * static_cast<double>(k::uniform(random.v[2])));
        values.push_back(static_cast<double>(k::uniform(random.v[3])));
    }
    const std::vector<double> volumes(nodes + 1, 100.0);
    std::vector<std::int64_t> counts(2 * edges), lengths(4 * edges), means(4 * edges);
    const auto term = [](std::int32_t column, k::EdgeStatistic statistic, double scale, std::vector<std::int64_t>& cells) {
        k::EdgeTerm out{};
        out.column = column;
        out.times = -1;
        out.statistic = statistic;
        out.scale = scale;
        out.weight_scale = 0x1p30;
        out.cells = cells.data();
        return out;
    };
    const k::EdgeTerm terms[] = {term(-1, k::EdgeStatistic::sum, 0x1p30, counts), term(0, k::EdgeStatistic::mean, 0x1p19, lengths), term(1, k::EdgeStatistic::mean, 0x1p29, means)};
    const k::AddToEdges add{ends.data(), nullptr, nullptr, 0, false, volumes.data(), {values.data(), 2, nullptr, terms, 3}};
    for (auto _ : state) {
        for (std::int64_t i = 0; i < n; ++i) add(i);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * n);
}
BENCHMARK(add_to_edges);

}  // namespace
}  // namespace arcuate::bench
