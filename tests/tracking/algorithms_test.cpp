// Every algorithm of the table on a field whose answer is plain, and what decides the bytes: nothing but seed and images.
#include "arcuate/core/error.hpp"
#include "arcuate/tracking/track.hpp"
#include "devices.hpp"
#include "tracking/fields.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

using namespace arcuate;
using namespace arcuate::tracking;

namespace {

/// Fibres along x, 60 mm long, as the field that an algorithm walks on.
struct Straight {
    ScalarImage field;
    TensorModel model;
    TrackInput input{.field = field};

    explicit Straight(Algorithm algorithm) {
        const Grid grid = test::box(30, 8, 8);
        switch (row_of(algorithm).field) {
            case FieldKind::peaks:
                field = ScalarImage(grid, 6);
                for (std::int64_t v = 0; v < grid.voxels(); ++v) field.at(v, 0) = 0.8f, field.at(v, 4) = 0.05f;  // the second is below the cutoff
                break;
            case FieldKind::signal: make_signal(grid); break;
            default: field = test::lobes(grid, [](const Vec3d&) { return Vec3d{1, 0, 0}; });
        }
        input.seeds.push_back(seeds_in(full_mask(grid)));
        if (row_of(algorithm).field == FieldKind::signal) input.tensor = &model;
    }

    /// Seven volumes determine the seven parameters exactly: b = 0, and six directions whose dyads are a basis.
    void make_signal(const Grid& grid) {
        const double g[7][3] = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {M_SQRT1_2, M_SQRT1_2, 0}, {M_SQRT1_2, 0, M_SQRT1_2}, {0, M_SQRT1_2, M_SQRT1_2}};
        const double b = 1000, d[3] = {1.7e-3, 0.3e-3, 0.3e-3};
        model.volumes = 7;
        model.inverse.assign(49, 0);
        field = ScalarImage(grid, 7);
        for (int v = 0; v < 7; ++v) {
            for (const double x : {-b * g[v][0] * g[v][0], -b * g[v][1] * g[v][1], -b * g[v][2] * g[v][2], -2 * b * g[v][0] * g[v][1], -2 * b * g[v][0] * g[v][2], -2 * b * g[v][1] * g[v][2], 1.0})
                model.design.push_back(x);
            const double s = 1000 * std::exp(-b * (d[0] * g[v][0] * g[v][0] + d[1] * g[v][1] * g[v][1] + d[2] * g[v][2] * g[v][2]));
            for (std::int64_t i = 0; i < grid.voxels(); ++i) field.at(i, v) = static_cast<float>(s);
        }
        // By hand: xx = (ln S0 - ln S_x) / b, xy = (ln S0 - ln S_xy) / b - (xx + yy) / 2.
        const auto at = [&](int row, int v) -> double& { return model.inverse[static_cast<std::size_t>(row * 7 + v)]; };
        for (int k = 0; k < 3; ++k) at(k, 0) = 1 / b, at(k, 1 + k) = -1 / b;
        const int pair[3][2] = {{0, 1}, {0, 2}, {1, 2}};
        for (int k = 0; k < 3; ++k) {
            at(3 + k, 4 + k) = -1 / b;
            for (const int axis : pair[k]) at(3 + k, 1 + axis) = 0.5 / b;
        }
        at(6, 0) = 1;
    }
};

Tractogram run(const TrackInput& input, const TrackOptions& o, std::span<const Device> devices, TrackSummary* summary = nullptr, const TrackControl& control = {}) {
    test::Collect sink;
    const auto s = track(input, o, devices, sink, silent(), control);
    if (summary) *summary = s;
    return std::move(sink.all);
}

class EveryAlgorithm : public testing::TestWithParam<int> {
  protected:
    Algorithm algorithm() const { return static_cast<Algorithm>(GetParam()); }
    double step() const { return algorithm() == Algorithm::ptt ? 0.2 : 0; }  ///< [mm]: ptt's own is shorter, and takes its time
    bool null() const { return algorithm() == Algorithm::nulldist1 || algorithm() == Algorithm::nulldist2; }
};
INSTANTIATE_TEST_SUITE_P(, EveryAlgorithm, testing::Range(0, static_cast<int>(Algorithm::count)), [](const auto& spec) {
    std::string name = algorithms[static_cast<std::size_t>(spec.param)].name;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

}  // namespace

TEST_P(EveryAlgorithm, StandsInItsOwnRow) { EXPECT_EQ(algorithms[static_cast<std::size_t>(GetParam())].id, algorithm()); }

TEST_P(EveryAlgorithm, FollowsStraightFibres) {
    const Straight straight(algorithm());
    TrackOptions o{.algorithm = algorithm(), .select = 60, .step = step(), .chunk = 100};
    for (const Device& d : test::devices()) {
        TrackSummary s;
        const auto tracks = run(straight.input, o, std::span(&d, 1), &s);
        EXPECT_EQ(tracks.size(), 60) << d.name();
        EXPECT_EQ(std::accumulate(s.outcome.begin(), s.outcome.end(), std::int64_t{0}), s.seeds);
        EXPECT_EQ(std::accumulate(s.stop.begin(), s.stop.end(), std::int64_t{0}), 2 * s.seeds);
        if (null()) continue;
        double along = 0, aside = 0;
        for (std::int64_t i = 0; i < tracks.size(); ++i) {
            const auto line = tracks.view().streamline(i);
            along += std::fabs(static_cast<double>(line[line.size() - 3] - line[0]));
            aside += std::hypot(static_cast<double>(line[line.size() - 2] - line[1]), static_cast<double>(line[line.size() - 1] - line[2]));
        }
        EXPECT_GT(along, 3 * aside);
        if (!row_of(algorithm()).backtracks) {
            EXPECT_LT(aside / 60, 1e-2) << "a deterministic streamline, or one without noise, stays on its line";
        }
    }
}

TEST_P(EveryAlgorithm, BytesDoNotDependOnThreadsChunksOrDevices) {
    const Straight straight(algorithm());
    const Device one = Device::open("cpu", 1);
    std::vector<std::vector<Device>> sets{{Device::open("cpu", 2)}, {Device::open("cpu", 3)}, Device::open_all("cpu,cpu", 2)};
    for (const Device& d : test::devices()) sets.push_back({d});
    for (const FodPrecision precision : {FodPrecision::single, FodPrecision::half}) {
        TrackOptions o{.algorithm = algorithm(), .seed = 5, .select = 40, .step = step(), .fod_precision = precision};
        if (precision == FodPrecision::half && algorithm() != Algorithm::ifod2) {
            EXPECT_THROW(resolve(o, straight.input), InputError);
            continue;
        }
        TrackSummary expected_summary;
        const auto expected = run(straight.input, o, std::span(&one, 1), &expected_summary);
        for (const std::int64_t chunk : {0, 1, 100})
            for (const auto& devices : sets) {
                if (chunk == 0 && devices.front().is_cuda()) continue;  // its own choice is of many more than these: track_test has it
                o.chunk = chunk;
                TrackSummary s;
                const auto got = run(straight.input, o, devices, &s);
                EXPECT_EQ(got.positions, expected.positions) << devices.front().name() << " x " << devices.size() << ", chunk " << chunk;
                EXPECT_EQ(got.offsets, expected.offsets);
                EXPECT_EQ(s, expected_summary);
            }
    }
}

TEST(SeveralGpus, GiveTheSameBytesAsOneProcessor) {
    std::vector<Device> two;
    try {
        two = Device::open_all("cuda:0,1", 2);
    } catch (const DeviceError& error) {
        GTEST_SKIP() << error.what();
    }
    const Straight straight(Algorithm::ifod2);
    const Device one = Device::open("cpu", 1);
    for (const Algorithm algorithm : {Algorithm::ifod2, Algorithm::sd}) {
        const TrackOptions o{.algorithm = algorithm, .seed = 5, .select = 40, .chunk = 11};
        TrackSummary expected_summary, summary;
        const auto expected = run(straight.input, o, std::span(&one, 1), &expected_summary);
        const auto got = run(straight.input, o, two, &summary);
        EXPECT_EQ(got.positions, expected.positions) << row_of(algorithm).name;
        EXPECT_EQ(got.offsets, expected.offsets);
        EXPECT_EQ(summary, expected_summary);
    }
}

TEST_P(EveryAlgorithm, GoesOnWhereItWasInterrupted) {
    const Straight straight(algorithm());
    TrackOptions o{.algorithm = algorithm(), .select = 40, .step = step(), .seed_data = true, .chunk = 7};
    const Device cpu = Device::open("cpu", 2);
    TrackSummary whole_summary;
    const auto whole = run(straight.input, o, std::span(&cpu, 1), &whole_summary);
    for (const int batches : {1, 2, 3}) {
        int left = batches;
        TrackControl control;
        control.stop = [&] { return left-- == 0; };
        TrackSummary s;
        auto tracks = run(straight.input, o, std::span(&cpu, 1), &s, control);
        ASSERT_LT(s.seeds, whole_summary.seeds);
        const auto rest = run(straight.input, o, std::span(&cpu, 1), &s, {.done = s});
        tracks.positions.insert(tracks.positions.end(), rest.positions.begin(), rest.positions.end());
        EXPECT_EQ(tracks.positions, whole.positions);
        for (std::size_t i = 0; i < 3; ++i) {
            auto values = tracks.per_streamline.empty() ? std::vector<double>{} : tracks.per_streamline[i].values;
            values.insert(values.end(), rest.per_streamline[i].values.begin(), rest.per_streamline[i].values.end());
            EXPECT_EQ(values, whole.per_streamline[i].values) << whole.per_streamline[i].name;
        }
        EXPECT_EQ(s, whole_summary);
    }
}

TEST_P(EveryAlgorithm, IsExplainedStepByStep) {
    const Straight straight(algorithm());
    TrackOptions o{.algorithm = algorithm(), .seeds = 30, .min_length = 0, .downsample = 1};
    const Device cpu = Device::open("cpu", 1);
    TrackSummary s;
    const auto tracks = run(straight.input, o, std::span(&cpu, 1), &s);
    std::int64_t at = 0;
    for (std::int64_t id = 0; id < 30; ++id) {
        const auto e = explain(straight.input, o, cpu, id);
        if (e.outcome != Outcome::accepted) continue;
        const auto line = tracks.view().streamline(at++);
        EXPECT_EQ(e.vertices, static_cast<std::int64_t>(line.size() / 3));
        ASSERT_FALSE(e.steps.empty());
        EXPECT_TRUE(e.steps.back().end.has_value());
        // Every vertex that a step ends at is one of the streamline's.
        for (const auto& step : e.steps) {
            if (step.end) continue;
            double nearest = 1e9;
            for (std::size_t v = 0; v < line.size(); v += 3)
                nearest = std::min(nearest, std::hypot(step.position[0] - static_cast<double>(line[v]), step.position[1] - static_cast<double>(line[v + 1]), step.position[2] - static_cast<double>(line[v + 2])));
            ASSERT_EQ(nearest, 0);
        }
    }
    EXPECT_EQ(at, tracks.size());
}

TEST_P(EveryAlgorithm, StreamlinesKnowTheirSeeds) {
    const Straight straight(algorithm());
    const Device cpu = Device::open("cpu", 2);
    for (const bool unidirectional : {false, true})
        for (const int downsample : {1, 4}) {
            const TrackOptions o{.algorithm = algorithm(), .seeds = 15, .step = step(), .downsample = downsample, .unidirectional = unidirectional, .seed_data = true, .chunk = 17};
            const auto tracks = run(straight.input, o, std::span(&cpu, 1));
            ASSERT_GT(tracks.size(), 0);
            ASSERT_EQ(tracks.per_streamline.size(), 3u);
            const auto &ids = tracks.per_streamline[0].values, &vertices = tracks.per_streamline[1].values, &points = tracks.per_streamline[2].values;
            ASSERT_EQ(ids.size(), static_cast<std::size_t>(tracks.size()));
            for (std::size_t s = 0; s < ids.size(); ++s) {
                const auto line = tracks.view().streamline(static_cast<std::int64_t>(s));
                const auto e = explain(straight.input, o, cpu, static_cast<std::int64_t>(ids[s]));
                EXPECT_EQ(e.outcome, Outcome::accepted);
                EXPECT_EQ(e.vertices, static_cast<std::int64_t>(line.size() / 3));
                const auto seed = static_cast<std::size_t>(vertices[s]);
                ASSERT_LT(seed, line.size() / 3);
                if (unidirectional) {
                    EXPECT_EQ(seed, 0u);
                }
                for (std::size_t axis = 0; axis < 3; ++axis) EXPECT_EQ(static_cast<double>(line[3 * seed + axis]), points[3 * s + axis]);
                // The first half runs from the seed to the streamline's beginning, in whole steps but for its end.
                std::int64_t of_first = 0;
                for (const auto& step : e.steps)
                    if (step.half == 0) of_first = step.vertices;
                if (!unidirectional) {
                    EXPECT_EQ(static_cast<std::int64_t>(seed), (of_first - 1 + downsample - 1) / downsample);
                }
            }
        }
}

TEST_P(EveryAlgorithm, RungeKuttaIsRefusedWhereItDoesNotApply) {
    const Straight straight(algorithm());
    TrackOptions o{.algorithm = algorithm(), .select = 10, .rk4 = true};
    const Device cpu = Device::open("cpu", 1);
    if (row_of(algorithm()).step_rk4 > 0)
        EXPECT_GT(run(straight.input, o, std::span(&cpu, 1)).size(), 0);
    else
        EXPECT_THROW(run(straight.input, o, std::span(&cpu, 1)), InputError);
}

TEST_P(EveryAlgorithm, AnExponentIsRefusedWhereThereAreNoCandidates) {
    const Straight straight(algorithm());
    const TrackOptions o{.algorithm = algorithm(), .select = 10, .power = 2};
    const Device cpu = Device::open("cpu", 1);
    if (row_of(algorithm()).power > 0)
        EXPECT_GT(run(straight.input, o, std::span(&cpu, 1)).size(), 0);
    else
        EXPECT_THROW(run(straight.input, o, std::span(&cpu, 1)), InputError);
}
