// Dynamic seeds: densities come to balance, and the bytes do not depend on how a run is cut up.
#include "arcuate/tracking/dynamic_seeds.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/dwi/fixels.hpp"
#include "arcuate/weights/sift2.hpp"
#include "devices.hpp"
#include "tracking/fields.hpp"

#include <gtest/gtest.h>

#include <numeric>

using namespace arcuate;
using namespace arcuate::tracking;

namespace {

/// Two fixels in two voxels, and a density that the test says.
struct TwoFixels {
    Fixels fixels;
    std::vector<double> density{0, 0};
    test::Collect sink;
    TwoFixels(float first, float second) {
        fixels.grid = test::box(2, 1, 1);
        fixels.first = {0, 1, 2};
        fixels.fibre_density = {first, second};
    }
    DynamicSeeds seeds() {
        return {fixels, sink, [this] { return density; }};
    }
};

/// Fibres along x; the upper half has three times the fibre density of the lower.
class DynamicSeeding : public test::OnEachDevice {
  protected:
    static ScalarImage two_densities() {
        ScalarImage fod = test::lobes(test::box(16, 8, 4), [](const Vec3d&) { return Vec3d{1, 0, 0}; });
        for (std::int64_t v = 0; v < fod.grid.voxels(); ++v)
            for (std::int64_t j = 0; v / 16 % 8 >= 4 && j < fod.volumes; ++j) fod.at(v, j) *= 3;
        return fod;
    }
    ScalarImage fod = two_densities();
    Fixels fixels = dwi::segment_fods(fod, {}, Device::open("cpu", 2));
    TrackOptions options{.algorithm = Algorithm::ifod1, .seed = 3, .select = 3000, .step = 1};

    struct Result {
        Tractogram tracks;
        std::vector<double> density;
    };
    Result run(std::span<const Device> devices, std::int64_t chunk = 0, std::int64_t stop_at = 0) {
        options.chunk = chunk;
        test::Collect sink;
        weights::FixelLengths lengths(fixels, devices.front(), 1 << 15, 0);
        DynamicSeeds dynamic(fixels, lengths, [&] { return lengths.track_density(); });
        TrackInput input{.field = fod};
        input.seeds.push_back({.kind = Seeds::Kind::dynamic, .name = "the FOD", .dynamic = &dynamic});
        if (stop_at == 0) {
            track(input, options, devices, sink);
            return {std::move(sink.all), lengths.track_density()};
        }
        // Interrupted, and everything but what a checkpoint keeps forgotten.
        TrackControl control;
        control.after_batch = [&](const TrackSummary& s) { control.done = s; };
        control.stop = [&] { return control.done.accepted >= stop_at; };
        track(input, options, devices, sink, silent(), control);
        EXPECT_LT(control.done.accepted, options.select);
        weights::FixelLengths again(fixels, devices.front(), 7, 0);
        again.go_on_from(lengths.sums());
        DynamicSeeds resumed(fixels, again, [&] { return again.track_density(); });
        resumed.state = dynamic.state;
        input.seeds.front().dynamic = &resumed;
        track(input, options, devices, sink, silent(), {.done = control.done});
        return {std::move(sink.all), again.track_density()};
    }
    Result run(std::int64_t chunk = 0, std::int64_t stop_at = 0) { return run(std::span(&device(), 1), chunk, stop_at); }

    /// Summed over the fixels of both halves, the fibre densities or what streamlines make of them.
    template <class T>
    double ratio(const std::vector<T>& values) const {
        double lower = 0, upper = 0;
        for (std::int64_t v = 0; v < fod.grid.voxels(); ++v)
            for (auto f = fixels.first[std::size_t(v)]; f < fixels.first[std::size_t(v) + 1]; ++f) (v / 16 % 8 >= 4 ? upper : lower) += double(values[f]);
        return upper / lower;
    }
};
ARCUATE_ON_EACH_DEVICE(DynamicSeeding);

}  // namespace

TEST(DynamicSeeds, GenerationsHaveFixedEnds) {
    std::int64_t end = 0;
    for (int k = 0; k < 40; ++k) {
        EXPECT_TRUE(DynamicSeeds::begins_generation(end));
        EXPECT_FALSE(DynamicSeeds::begins_generation(end + 1));
        const auto next = DynamicSeeds::generation_end(end);
        EXPECT_EQ(DynamicSeeds::generation_end(next - 1), next);
        EXPECT_GE(next - end, std::max<std::int64_t>(256, end / 8));
        end = next;
    }
}

TEST(DynamicSeeds, ProbabilitiesFollowTheRatioOfTracksToFibres) {
    TwoFixels two(1, 3);
    auto seeds = two.seeds();
    seeds.update(0, 0);
    EXPECT_EQ(seeds.state.probability, (std::vector<double>{1e-3, 1e-3}));
    // Equal tracks: mu = 4 / 20, ratios 2 and 2/3. Up to 200 streamlines the second has (200 - 100 * 2/3) / (2/3 * 100) = 2 times its mean to come.
    two.density = {10, 10};
    seeds.update(100, 0);
    EXPECT_EQ(seeds.state.probability[0], 0);
    EXPECT_NEAR(seeds.state.probability[1], 2e-3, 1e-15);
    // mean (100 * 0.001 + 100 * 0.002) / 200; mu = 4 / 60, ratios 10 * 4 / 60 and 50 / 3 * 4 / 60: the first falls behind, and 240 is the end.
    two.density = {10, 50};
    seeds.update(200, 240);
    EXPECT_NEAR(seeds.state.mean[0], 0.5e-3, 1e-15);
    EXPECT_NEAR(seeds.state.mean[1], 1.5e-3, 1e-15);
    EXPECT_NEAR(seeds.state.probability[0], 0.5e-3 * (240 - 200 * 2.0 / 3) / (2.0 / 3 * 40), 1e-15);
    EXPECT_EQ(seeds.state.probability[1], 0);
}

TEST(DynamicSeeds, FixelsOfHardlyAnyFibreKeepTheirProbability) {
    TwoFixels two(0.05f, 3);
    auto seeds = two.seeds();
    two.density = {30, 10};
    seeds.update(50, 0);
    EXPECT_EQ(seeds.state.probability[0], 1e-3);
    EXPECT_GT(seeds.state.probability[1], 1e-3);
}

TEST(DynamicSeeds, AnImageWithoutFixelsIsRefused) {
    TwoFixels none(1, 1);
    none.fixels.fibre_density.clear();
    EXPECT_THROW(none.seeds(), InputError);
}

TEST_P(DynamicSeeding, TrackDensitiesComeToBalance) {
    const double wanted = ratio(fixels.fibre_density);
    EXPECT_NEAR(wanted, 3, 0.01);
    EXPECT_NEAR(ratio(run().density), wanted, 0.15);
    // Seeds that know of no density make the halves equal.
    weights::FixelLengths lengths(fixels, device(), 1 << 15, 0);
    track(test::whole(fod), options, device(), lengths);
    EXPECT_NEAR(ratio(lengths.track_density()), 1, 0.15);
}

TEST_P(DynamicSeeding, BytesDoNotDependOnHowARunIsCutUp) {
    const Tractogram whole = run().tracks;
    ASSERT_EQ(whole.size(), options.select);
    EXPECT_EQ(whole.positions, run(100).tracks.positions);
    EXPECT_EQ(whole.positions, run(37, 1111).tracks.positions);
    const std::vector<Device> three{Device::open("cpu", 1), Device::open("cpu", 2), device()};
    EXPECT_EQ(whole.positions, run(three, 64).tracks.positions);
}

TEST_P(DynamicSeeding, WhatDoesNotGoTogetherIsRefused) {
    weights::FixelLengths lengths(fixels, device(), 1 << 15, 0);
    DynamicSeeds dynamic(fixels, lengths, [&] { return lengths.track_density(); });
    TrackInput input = test::whole(fod);
    test::Collect sink;
    input.seeds.push_back({.kind = Seeds::Kind::dynamic, .name = "the FOD", .dynamic = &dynamic});
    EXPECT_THROW(track(input, options, device(), sink), InputError);
    input.seeds.erase(input.seeds.begin());
    EXPECT_THROW(explain(input, options, device(), 3), InputError);
}
