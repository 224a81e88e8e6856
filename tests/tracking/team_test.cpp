// Whole streamlines as a GPU's teams of threads track them, every lane apart, against the processor's: every record and every vertex.
#include "kernels/discrete_fod.hpp"
#include "kernels/ifod1.hpp"
#include "kernels/ifod2.hpp"
#include "kernels/ptt.hpp"
#include "tracking/chunks.hpp"
#include "tracking/fields.hpp"
#include "tracking/fod_params.hpp"
#include "walk_apart.hpp"

#include <gtest/gtest.h>

#include <cstring>

using namespace arcuate;
using namespace arcuate::kernels;
using tracking::Algorithm;

namespace {

const Device& cpu() {
    static const Device device = Device::open("cpu", 1);
    return device;
}

struct Streamlines {
    std::vector<StreamlineRecord> records;
    std::vector<std::vector<Vec3>> vertices;  ///< both halves of each, as far as they were kept
    std::vector<TraceEntry> trace;            ///< where one was asked for

    std::array<int, 10> ends() const {
        std::array<int, 10> out{};
        for (const auto& r : records) ++out[static_cast<std::size_t>(r.outcome)];
        return out;
    }
};

/// How `run` tracks the first n streamlines of a kernel.
template <class Algorithm, class Run>
Streamlines streamlines(TrackStreamline<Algorithm> kernel, std::int64_t n, std::int32_t pages, bool traced, Run run) {
    const tracking::Pool pool(cpu(), pages);
    Buffer<StreamlineRecord> records(cpu(), static_cast<std::size_t>(n));
    Buffer<TraceEntry> entries(cpu(), 4096);
    auto count = Buffer<std::int32_t>::zeros(cpu(), 1);
    kernel.pool = pool.view();
    kernel.records = records.data();
    if (traced) kernel.trace = {entries.data(), count.data(), 4096};
    run(kernel, n);
    Streamlines out{records.to_host(), {}, entries.to_host()};
    out.trace.resize(static_cast<std::size_t>(count.to_host()[0]));
    for (const auto& r : out.records) {
        auto& vertices = out.vertices.emplace_back();
        for (const auto& path : r.path) {
            PathReader read(kernel.pool, path);
            for (std::int32_t v = 0; v < path.count; ++v) vertices.push_back(read());
        }
    }
    return out;
}

template <class T>
bool same_bytes(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

bool same(const StreamlineFate& a, const StreamlineFate& b) {
    return a.vertices == b.vertices && a.outcome == b.outcome && a.stop[0] == b.stop[0] && a.stop[1] == b.stop[1] && a.turned == b.turned && a.length == b.length &&
           a.counts.steps == b.counts.steps && a.counts.arcs == b.counts.arcs && a.counts.end_arcs == b.counts.end_arcs && a.counts.truncated == b.counts.truncated;
}

/// What comes of the streamlines, which are the same both ways.
template <class Algorithm>
Streamlines expect_same(const Algorithm& algorithm, const TrackRules& rules, std::int64_t n, void (*apart)(const void*, std::int64_t, bool), bool traced = false) {
    const TrackStreamline<Algorithm> kernel{algorithm, rules, 1000, {}, nullptr, {}};
    const std::int32_t pages = 4096;
    const auto one = streamlines(kernel, n, pages, traced, [](const auto& k, std::int64_t items) { launch(cpu(), items, k); });
    for (const bool backwards : {false, true}) {
        const auto other = streamlines(kernel, n, pages, traced, [&](const auto& k, std::int64_t items) { apart(&k, items, backwards); });
        for (std::size_t i = 0; i < one.records.size(); ++i) {
            EXPECT_TRUE(same(one.records[i], other.records[i])) << i;
            EXPECT_TRUE(same_bytes(one.vertices[i], other.vertices[i])) << i;
        }
        EXPECT_EQ(one.trace.size(), other.trace.size());
        for (std::size_t i = 0; i < std::min(one.trace.size(), other.trace.size()); ++i) {
            const auto &a = one.trace[i], &b = other.trace[i];
            EXPECT_TRUE(a.half == b.half && a.step == b.step && a.vertices == b.vertices && a.arcs == b.arcs && a.amplitude == b.amplitude && a.end == b.end && a.backtracked == b.backtracked) << i;
        }
    }
    return one;
}

/// An algorithm with all that a launch of it needs.
struct Fixture {
    ScalarImage field;
    tracking::TrackInput input;
    tracking::TrackOptions options;

    Fixture(ScalarImage fod, Algorithm algorithm) : field(std::move(fod)), input(test::whole(field)), options{.algorithm = algorithm, .select = 1} {}

    float voxel_mm() const { return static_cast<float>(mean_voxel_size(field.grid)); }

    Streamlines ifod2(std::int64_t n, bool traced = false) {
        const auto o = tracking::resolve(options, input);
        const tracking::Scene scene(input, o, cpu());
        const tracking::FodOnDevice<8> fod(field, cpu());
        auto params = tracking::ifod2_params(o);
        const auto arcs = tracking::use(tracking::calibrate(params, 8, voxel_mm()), params, cpu());
        return expect_same(Ifod2<8>{fod.view(), params, scene.rules().act.image}, scene.rules(), n, walk_ifod2_apart, traced);
    }
};

ScalarImage along_x() {
    return test::lobes(test::box(30, 8, 8), [](const Vec3d&) { return Vec3d{1, 0, 0}; });
}

}  // namespace

TEST(Team, StoresWhenAllHaveReadAndBeforeAnyReadsAgain) {
    for (const bool backwards : {false, true})
        for (const auto& [before, after] : store_apart(5, backwards)) {
            EXPECT_EQ(before, 5);
            EXPECT_EQ(after, 6);
        }
}

TEST(Team, OfIfod2TracksWhatTheProcessorDoes) {
    Fixture f(test::crossing_lobes(), Algorithm::ifod2);
    const auto ends = f.ifod2(25).ends();
    EXPECT_GT(ends[static_cast<std::size_t>(SeedEnd::accepted)], 5);
    f.options.step = 0.8, f.options.samples = 6, f.options.downsample = 2, f.options.max_length = 15, f.options.trials = 13;
    f.ifod2(25);
}

TEST(Team, OfIfod2KeepsTheRulesOfTissuesAndRegions) {
    Fixture f(along_x(), Algorithm::ifod2);
    f.options.cutoff = 0.3;
    f.options.min_length = 1;
    f.input.anatomy = {test::slab(10, 50, 28, 33), true, true};
    f.input.regions.include = {Sphere{{20, 7, 7}, 7}};
    f.input.regions.exclude = {Sphere{{15, 4, 7}, 3}};
    const auto tracked = f.ifod2(60);
    const auto ends = tracked.ends();
    for (const auto end : {SeedEnd::accepted, SeedEnd::missed_include, SeedEnd::enter_exclude}) EXPECT_GT(ends[static_cast<std::size_t>(end)], 0) << static_cast<int>(end);
    bool cropped = false;
    for (const auto& r : tracked.records) cropped = cropped || r.stop[0] == HalfEnd::enter_cgm || r.stop[1] == HalfEnd::enter_cgm;
    EXPECT_TRUE(cropped);
}

TEST(Team, OfIfod2KeepsTheSameAccountOfAStreamline) {
    Fixture f(along_x(), Algorithm::ifod2);
    f.options.cutoff = 0.3;
    f.input.anatomy = {test::slab(10, 50), true, false};
    const auto trace = f.ifod2(25, true).trace;
    EXPECT_GT(trace.size(), 20u);
    EXPECT_TRUE(std::any_of(trace.begin(), trace.end(), [](const TraceEntry& e) { return e.backtracked; }));
}

TEST(Team, OfIfod1TracksWhatTheProcessorDoes) {
    Fixture f(test::crossing_lobes(), Algorithm::ifod1);
    const auto o = tracking::resolve(f.options, f.input);
    const tracking::Scene scene(f.input, o, cpu());
    const tracking::FodOnDevice<8> fod(f.field, cpu());
    const auto found = tracking::calibrate_directions(tracking::ifod2_params(o), 8);
    auto params = tracking::draw_params(o);
    tracking::calibrated(params.rejection, found);
    const auto fixed = tracking::directions_of(found);
    for (const bool rk4 : {false, true}) {
        const Ifod1<8> ifod1{{fod.view(), params, tracking::ifod2_params(o).one_minus_cos_max, fixed.data(), static_cast<int>(fixed.size() / 3)}, params.step, rk4, 0.5f};
        const auto ends = expect_same(ifod1, scene.rules(), 6, walk_ifod1_apart).ends();
        EXPECT_GT(ends[static_cast<std::size_t>(SeedEnd::accepted)], 0);
    }
}

TEST(Team, OfParallelTransportTracksWhatTheProcessorDoes) {
    Fixture f(test::crossing_lobes(), Algorithm::ptt);
    f.options.step = 0.5, f.options.angle = 20, f.options.probe = 0.7;
    const auto o = tracking::resolve(f.options, f.input);
    const tracking::Scene scene(f.input, o, cpu());
    const tracking::FodOnDevice<8> fod(f.field, cpu());
    auto params = tracking::ptt_params(o);
    const auto curves = tracking::use(tracking::calibrate_curves(params, 8, f.voxel_mm()), params, cpu());
    const auto ends = expect_same(Ptt<8>{fod.view(), params}, scene.rules(), 15, walk_ptt_apart).ends();
    EXPECT_GT(ends[static_cast<std::size_t>(SeedEnd::accepted)], 2);
}

TEST(Team, OfTheDiscretisedFodTracksWhatTheProcessorDoes) {
    Fixture f(test::crossing_lobes(), Algorithm::prob);
    const auto o = tracking::resolve(f.options, f.input);
    const tracking::Scene scene(f.input, o, cpu());
    const tracking::FodOnDevice<8> fod(f.field, cpu());
    const auto planes = tracking::planes_of_directions();
    for (const bool rk4 : {false, true}) {
        const DiscreteFod<8> prob{{fod.view(), {planes.data()}, 0.05f, 0.05f, 0.1f, 0.866f}, static_cast<float>(o.step), rk4, 0.5f};
        const auto ends = expect_same(prob, scene.rules(), 5, walk_discrete_fod_apart).ends();
        EXPECT_GT(ends[static_cast<std::size_t>(SeedEnd::accepted)], 0);
    }
}
