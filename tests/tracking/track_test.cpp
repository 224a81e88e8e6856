// The tracker as a whole: where streamlines go, why they end, and that nothing but seed and field decides it.
#include "arcuate/tracking/track.hpp"

#include "arcuate/connectome/build.hpp"
#include "arcuate/core/error.hpp"
#include "devices.hpp"
#include "tracking/fields.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <set>

using namespace arcuate;
using tracking::Outcome;
using tracking::Stop;

namespace {

struct Result {
    Tractogram tracks;
    tracking::TrackSummary summary;
};

Result run(const ScalarImage& fod, const tracking::TrackOptions& options, const Device& device = Device::open("cpu", 2), const std::optional<Mask>& mask = {}) {
    test::Collect sink;
    auto summary = tracking::track(test::whole(fod, mask), options, device, sink);
    return {std::move(sink.all), summary};
}

double polyline_length(std::span<const float> s) {
    double sum = 0;
    for (std::size_t v = 3; v < s.size(); v += 3)
        sum += std::sqrt(std::pow(s[v] - s[v - 3], 2) + std::pow(s[v + 1] - s[v - 2], 2) + std::pow(s[v + 2] - s[v - 1], 2));
    return sum;
}

ScalarImage straight() {
    return test::lobes(test::box(30, 8, 8), [](const Vec3d&) { return Vec3d{1, 0, 0}; });
}

class Track : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(Track);

}  // namespace

TEST_P(Track, StraightFibresCarryStreamlinesFromSideToSide) {
    tracking::TrackOptions o;
    o.select = 200;
    o.min_length = 50;  // of 60 mm
    const auto [tracks, summary] = run(straight(), o, device());
    ASSERT_EQ(tracks.size(), 200);
    for (std::int64_t s = 0; s < tracks.size(); ++s) {
        const auto line = tracks.view().streamline(s);
        EXPECT_GE(std::fabs(line[line.size() - 3] - line[0]), 40.0f);  // x: both halves, in one order
        EXPECT_NEAR(polyline_length(line), std::clamp(polyline_length(line), 50.0, 200.0), 0);
    }
}

TEST_P(Track, EverySeedHasOneOutcomeAndEveryHalfOneEnd) {
    tracking::TrackOptions o;
    o.seeds = 500;
    o.min_length = 30;
    const auto s = run(straight(), o, device()).summary;
    EXPECT_EQ(s.seeds, 500);
    EXPECT_EQ(std::accumulate(s.outcome.begin(), s.outcome.end(), std::int64_t{0}), 500);
    EXPECT_EQ(std::accumulate(s.stop.begin(), s.stop.end(), std::int64_t{0}), 1000);
    EXPECT_GT(s.outcome[std::size_t(Outcome::too_short)], 0);
    EXPECT_GT(s.outcome[std::size_t(Outcome::accepted)], 0);
    EXPECT_EQ(s.outcome[std::size_t(Outcome::accepted)], s.accepted);
    EXPECT_GT(s.stop[std::size_t(Stop::exit_image)], 0);
}

// A circle of radius 12 mm: streamlines stay near their radius. The FOD's width lets them wander, so the mean is what is bounded.
TEST_P(Track, CurvedFibresAreFollowed) {
    const auto fod = test::lobes(test::box(24, 24, 3), [](const Vec3d& p) {
        const double x = p[0] - 23, y = p[1] - 23, r = std::sqrt(x * x + y * y) + 1e-9;
        return Vec3d{-y / r, x / r, 0};
    });
    Mask ring(fod.grid, 1);
    for (std::int64_t z = 0, v = 0; z < 3; ++z)
        for (std::int64_t y = 0; y < 24; ++y)
            for (std::int64_t x = 0; x < 24; ++x, ++v) ring.at(v) = std::fabs(std::hypot(2.0 * x - 23, 2.0 * y - 23) - 14) < 5;
    tracking::TrackOptions o;
    o.select = 100;
    o.min_length = 20;
    test::Collect sink;
    auto input = test::whole(fod, ring);
    input.seeds = {tracking::seeds_in(ring)};
    const auto summary = tracking::track(input, o, device(), sink);
    EXPECT_EQ(summary.accepted, 100);
    for (std::size_t v = 0; v < sink.all.positions.size(); v += 3) {
        const double r = std::hypot(sink.all.positions[v] - 23, sink.all.positions[v + 1] - 23);
        ASSERT_GT(r, 14 - 5 - 1.5);  // inside the mask's voxels: half a voxel's diagonal beyond
        ASSERT_LT(r, 14 + 5 + 1.5);
    }
    EXPECT_GT(summary.stop[std::size_t(Stop::exit_mask)], 0);
}

TEST_P(Track, MaximumLengthIsExact) {
    tracking::TrackOptions o;
    o.select = 50;
    o.min_length = 10;
    o.max_length = 21.5;
    const auto [tracks, summary] = run(straight(), o, device());
    int at_maximum = 0;
    for (std::int64_t s = 0; s < tracks.size(); ++s) {
        const double length = polyline_length(tracks.view().streamline(s));
        EXPECT_LE(length, 21.5 + 1e-4);
        at_maximum += length > 21.5 - 1e-4;
    }
    EXPECT_GT(at_maximum, 20);
    EXPECT_GT(summary.stop[std::size_t(Stop::length_exceeded)], 20);
}

TEST_P(Track, UnidirectionalStreamlinesStartAtTheirSeed) {
    tracking::TrackOptions o;
    o.seeds = 50;
    o.min_length = 2;
    o.unidirectional = true;
    const auto s = run(straight(), o, device()).summary;
    EXPECT_GE(s.stop[std::size_t(Stop::not_tracked)], 50);  // the second half of every seed
}

TEST(TrackBytes, DoNotDependOnThreadsChunksOrDevice) {
    const auto fod = test::lobes(test::box(12, 12, 12), [](const Vec3d& p) {
        const double a = 0.1 * p[1], b = 0.05 * p[2];
        const double n = std::sqrt(1 + a * a + b * b);
        return Vec3d{1 / n, a / n, b / n};
    });
    tracking::TrackOptions o;
    o.select = 150;
    o.seed = 42;
    const auto expected = run(fod, o, Device::open("cpu", 1));
    ASSERT_EQ(expected.tracks.size(), 150);
    for (const std::int64_t chunk : {1, 37, 300})
        for (const int threads : {1, 2, 3}) {
            o.chunk = chunk;
            for (const Device& d : test::devices(threads)) {
                if (d.is_cuda() && threads != 2) continue;  // they are the host's
                const auto got = run(fod, o, d);
                EXPECT_EQ(got.tracks.positions, expected.tracks.positions) << d.name() << ", chunk " << chunk;
                EXPECT_EQ(got.tracks.offsets, expected.tracks.offsets);
                EXPECT_EQ(got.summary.seeds, expected.summary.seeds);
                EXPECT_EQ(got.summary.arcs, expected.summary.arcs);
            }
        }
    // Plans for less memory, down to where there is none.
    o.chunk = 0;
    int done = 0, refused = 0;
    for (std::int64_t memory = 64 << 20; memory >= 1 << 15; memory /= 2) {
        try {
            const auto got = run(fod, o, Device::open("cpu", 2, memory));
            EXPECT_EQ(refused, 0) << memory << " bytes suffice, and more did not";
            EXPECT_EQ(got.tracks.positions, expected.tracks.positions) << memory << " bytes";
            ++done;
        } catch (const DeviceError& error) {
            EXPECT_THAT(error.what(), testing::HasSubstr("of device memory are not enough"));
            ++refused;
        }
    }
    EXPECT_GE(done, 3);
    EXPECT_GE(refused, 1);
}

// What reads vertices on a device is given them there, without the way over the host: the same matrices, for any chunks, and where memory is so scarce that some chunks go that way after all.
TEST(TrackBytes, VerticesThatStayOnTheDeviceAreTheSame) {
    const auto fod = straight();
    LabelImage labels(fod.grid, 1);
    for (std::int64_t v = 0; v < labels.grid.voxels(); ++v) labels.at(v) = v % 30 < 8 ? 1 : v % 30 < 22 ? 2 : 3;
    const auto parcellation = make_parcellation(labels, "thirds");
    tracking::TrackOptions o;
    o.select = 150;
    o.min_length = 20;
    connectome::ConnectomeBuilder from_host(parcellation, {}, {.search_mm = 3}, Device::open("cpu", 2));
    from_host.append(run(fod, o).tracks.view());
    const auto expected = from_host.connectome();
    ASSERT_EQ(expected.streamlines, 150);
    const auto connectome_on = [&](const Device& device, const tracking::TrackControl& control = {}) {
        connectome::ConnectomeBuilder builder(parcellation, {}, {.search_mm = 3}, device);
        EXPECT_TRUE(builder.reads_on()->is_same(device));
        tracking::track(test::whole(fod), o, device, builder, silent(), control);
        return builder.connectome();
    };
    const auto expect_same = [&](const Connectome& got, const std::string& where) {
        ASSERT_EQ(got.metrics.size(), expected.metrics.size());
        EXPECT_EQ(got.streamlines, expected.streamlines) << where;
        for (std::size_t m = 0; m < got.metrics.size(); ++m)
            for (std::size_t k = 0; k < got.metrics[m].matrix.size(); ++k) {
                const double a = got.metrics[m].matrix[k], b = expected.metrics[m].matrix[k];
                EXPECT_TRUE(a == b || (std::isnan(a) && std::isnan(b))) << where << ", " << got.metrics[m].name << ' ' << k;
            }
    };
    tracking::TrackControl in_batches;
    in_batches.batch = 70;
    for (const std::int64_t chunk : {0, 1, 37, 300})
        for (const int threads : {1, 2, 3}) {
            o.chunk = chunk;
            for (const Device& d : test::devices(threads)) {
                if (d.is_cuda() && threads != 2) continue;
                expect_same(connectome_on(d), d.name());
                expect_same(connectome_on(d, in_batches), d.name() + " in batches");
            }
        }
    o.chunk = 0;
    int done = 0;
    for (std::int64_t memory = 64 << 20; memory >= 1 << 17; memory /= 2) try {
            expect_same(connectome_on(Device::open("cpu", 2, memory)), std::to_string(memory) + " bytes");
            ++done;
        } catch (const DeviceError& error) {
            EXPECT_THAT(error.what(), testing::HasSubstr("memory"));
        }
    EXPECT_GE(done, 3);
}

TEST(TrackBytes, FewerStreamlinesAreAPrefixOfMore) {
    tracking::TrackOptions o;
    o.select = 20;
    const auto few = run(straight(), o);
    o.select = 60;
    const auto more = run(straight(), o);
    ASSERT_LT(few.tracks.positions.size(), more.tracks.positions.size());
    EXPECT_TRUE(std::equal(few.tracks.positions.begin(), few.tracks.positions.end(), more.tracks.positions.begin()));
}

// Whoever decides at the ends of batches decides alike for every chunk and number of threads.
TEST(TrackBytes, BatchesEndAtTheSameStreamlines) {
    const auto fod = straight();
    struct Sizes : test::Collect {
        std::vector<std::int64_t> ends{0};
        void append(const TractogramView& some) override {
            test::Collect::append(some);
            ends.push_back(ends.back() + some.size());
        }
    };
    tracking::TrackOptions o;
    o.algorithm = tracking::Algorithm::sd;
    o.select = 200;
    o.min_length = 30;
    const auto expected = run(fod, o).tracks.positions;
    std::optional<tracking::TrackSummary> stopped;
    for (const int threads : {1, 2, 3})
        for (const std::int64_t chunk : {1, 77, 1000}) {
            o.chunk = chunk;
            Sizes sink;
            tracking::TrackControl control;
            control.batch = 60;
            tracking::track(test::whole(fod), o, Device::open("cpu", threads), sink, silent(), control);
            EXPECT_EQ(sink.all.positions, expected);
            for (const std::int64_t end : {60, 120, 180, 200}) EXPECT_TRUE(std::find(sink.ends.begin(), sink.ends.end(), end) != sink.ends.end()) << end << " at chunks of " << chunk;

            // Stopped at 120: the summary, seeds included, is that of 120 streamlines.
            test::Collect some;
            std::int64_t accepted = 0;
            control.after_batch = [&](const tracking::TrackSummary& s) { accepted = s.accepted; };
            control.stop = [&] { return accepted >= 120; };
            const auto summary = tracking::track(test::whole(fod), o, Device::open("cpu", threads), some, silent(), control);
            EXPECT_EQ(some.all.size(), 120);
            if (!stopped) {
                auto fewer = o;
                fewer.select = 120;
                stopped = run(fod, fewer).summary;
            }
            EXPECT_EQ(summary, *stopped);
        }
}

TEST(TrackBytes, AnotherSeedIsAnotherTractogram) {
    tracking::TrackOptions o;
    o.select = 20;
    const auto one = run(straight(), o);
    o.seed = 1;
    EXPECT_NE(one.tracks.positions, run(straight(), o).tracks.positions);
}

TEST(TrackInput, WrongInputIsRefusedWithASentence) {
    tracking::TrackOptions o;
    o.select = 1;
    const Grid grid = test::box(4, 4, 4);
    EXPECT_THROW(run(ScalarImage(grid, 44, 1.0f), o), InputError);  // not an even-order series
    EXPECT_THROW(run(ScalarImage(grid, 45, 0.0f), o), InputError);  // zero everywhere
    EXPECT_THROW(run(ScalarImage(grid, 45, std::numeric_limits<float>::quiet_NaN()), o), InputError);
    test::Collect sink;
    const auto fod = straight();
    auto no_seed = test::whole(fod);
    no_seed.seeds = {tracking::seeds_in(Mask(grid, 1, 0))};
    EXPECT_THROW(tracking::track(no_seed, o, Device::open(), sink), InputError);
    const auto refused = [&](auto change) {
        tracking::TrackOptions wrong;
        change(wrong);
        EXPECT_THROW(tracking::resolve(wrong, test::whole(fod)), InputError);
    };
    refused([](auto& w) { w.step = -1; });
    refused([](auto& w) { w.step = std::numeric_limits<double>::quiet_NaN(); });
    refused([](auto& w) { w.angle = -1; });
    refused([](auto& w) { w.angle = 91; });
    refused([](auto& w) { w.min_length = 50, w.max_length = 10; });
    refused([](auto& w) { w.select = 0, w.seeds = 0; });
    refused([](auto& w) { w.samples = 1; });
    refused([](auto& w) { w.downsample = -1; });
}

TEST(TrackDefaults, AreThePeers) {
    const auto o = tracking::resolve({}, test::whole(ScalarImage(test::box(4, 4, 4, 2.5), 45)));
    EXPECT_DOUBLE_EQ(o.step, 1.25);
    EXPECT_DOUBLE_EQ(o.min_length, 12.5);
    EXPECT_DOUBLE_EQ(o.max_length, 250);
    EXPECT_EQ(o.select, 5000);
    EXPECT_EQ(o.seeds, 5000000);
    EXPECT_DOUBLE_EQ(o.seed_cutoff, 0.1);
    tracking::TrackOptions only_seeds;
    only_seeds.seeds = 10;
    EXPECT_EQ(tracking::resolve(only_seeds, test::whole(ScalarImage(test::box(4, 4, 4), 45))).select, 0);
}

// Parallel transport is told a radius of curvature by its papers: the angle follows the step, so that a shorter step does not bend more sharply.
TEST(TrackDefaults, OfParallelTransportAreTrekkers) {
    const auto fod = ScalarImage(test::box(4, 4, 4, 2.5), 45);
    const auto resolved = [&](double step) { return tracking::resolve({.algorithm = tracking::Algorithm::ptt, .step = step}, test::whole(fod)); };
    const auto o = resolved(0);
    EXPECT_DOUBLE_EQ(o.step, 0.0625);
    EXPECT_DOUBLE_EQ(o.probe, 0.625);
    EXPECT_EQ(o.downsample, 20);
    for (const double step : {0.0, 0.125, 0.5, 1.5}) {
        const auto r = resolved(step);
        EXPECT_NEAR(r.step / (2 * std::sin(r.angle * M_PI / 360)), 1.25, 1e-5) << step;
    }
    EXPECT_DOUBLE_EQ(resolved(2).angle, 90);
    EXPECT_DOUBLE_EQ(tracking::resolve({.algorithm = tracking::Algorithm::ptt, .angle = 30}, test::whole(fod)).angle, 30);
}

TEST(FactInput, ThreeNaNsAreNoPeak) {
    ScalarImage peaks(test::box(12, 6, 6), 6);
    for (std::int64_t v = 0; v < peaks.grid.voxels(); ++v) peaks.at(v, 0) = 1;
    tracking::TrackOptions o{.algorithm = tracking::Algorithm::fact, .select = 20};
    const auto tracked = [&] {
        test::Collect sink;
        tracking::track(test::whole(peaks), o, Device::open(), sink);
        return sink.all.positions;
    };
    const auto plain = tracked();
    for (std::int64_t v = 0; v < peaks.grid.voxels(); ++v)
        for (std::int64_t k = 3; k < 6; ++k) peaks.at(v, k) = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(tracked(), plain);
    peaks.at(7, 4) = 0;  // and two of them a broken one
    EXPECT_THROW(tracked(), InputError);
}

// A generator that chunks restart would give them the same seeds.
TEST(TrackBytes, NoChunkRepeatsTheNumbersOfAnother) {
    const auto fod = straight();
    tracking::TrackOptions o;
    o.select = 2000;
    o.chunk = 50;
    o.unidirectional = true;
    test::Collect sink;
    tracking::track(test::whole(fod), o, Device::open(), sink);
    const auto all = sink.all.view();
    ASSERT_EQ(all.size(), o.select);
    std::set<std::array<float, 3>> seeds;
    for (std::int64_t i = 0; i < all.size(); ++i) {
        const auto line = all.streamline(i);
        EXPECT_TRUE(seeds.insert({line[0], line[1], line[2]}).second) << i;
    }
}
