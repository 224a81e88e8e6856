// Weights: two bundles by hand, cost and minimum against the model's equations, the bounds, and the same bytes however the work is cut.
#include "scene.hpp"

#include "arcuate/core/error.hpp"
#include "devices.hpp"
#include "reference/fixels.hpp"
#include "reference/sift2.hpp"

#include <cmath>
#include <limits>

namespace arcuate::weights {
namespace {

/// Two rows of ten voxels along x, at y = 0 and y = 4 mm; nothing between.
struct TwoBundles {
    Fixels fixels = one_fixel_each({{10, 3, 1}, {{{{2, 0, 0}, {0, 2, 0}, {0, 0, 2}}}, {0, 0, 0}}});
    Tractogram tracks;

    TwoBundles(int upper, int lower, float lower_density) {
        for (std::size_t v = 0; v < 30; ++v) fixels.fibre_density[v] = v < 10 ? 1 : (v < 20 ? 0 : lower_density);
        for (int i = 0; i < upper + lower; ++i) {
            const float y = i < upper ? 0.0f : 4.0f, shift = 0.01f * static_cast<float>(i % 7);
            tracks.append(std::array<float, 6>{-1, y + shift, 0, 19, y + shift, 0});
        }
    }
};

class Sift2 : public test::OnEachDevice {
  protected:
    Sift2Result fit(const Fixels& fixels, const Tractogram& tracks, const Sift2Options& options) {
        FixelLengths lengths(fixels, device(), 100);
        lengths.append(tracks.view());
        return sift2(fixels, lengths, options, device());
    }
};
ARCUATE_ON_EACH_DEVICE(Sift2);

TEST_P(Sift2, BalancesTwoBundles) {
    // As dense, but 30 streamlines in one and 10 in the other; then half as dense.
    for (const float density : {1.0f, 0.5f}) {
        const TwoBundles scene(30, 10, density);
        const auto r = fit(scene.fixels, scene.tracks, {.max_iters = 60, .min_cf_decrease = 0});
        EXPECT_NEAR(r.mu, (10 + 10 * density) / (40 * 20), 1e-6);
        const auto w = r.weights();
        double upper = 0, lower = 0;
        for (std::size_t i = 0; i < 40; ++i) {
            EXPECT_NEAR(w[i], w[i < 30 ? 0 : 30], 1e-4) << "all streamlines of a bundle are alike";
            (i < 30 ? upper : lower) += static_cast<double>(w[i]);
        }
        EXPECT_NEAR(lower / upper, density, 1e-3);
        for (std::size_t f = 0; f < 10; ++f) {
            EXPECT_NEAR(r.mu * r.track_density[f], 1, 1e-3);
            EXPECT_NEAR(r.mu * r.track_density[20 + f], density, 1e-3);
        }
        EXPECT_EQ(r.untracked, 10);
    }
}

TEST_P(Sift2, CostAndMinimumAgreeWithTheOracle) {
    Fixels fixels = one_fixel_each(oblique_grid());
    for (std::size_t f = 0; f < fixels.fibre_density.size(); ++f) fixels.fibre_density[f] = 0.5f + kernels::uniform(kernels::Philox{8, f, kernels::Purpose::seed, 0}(0).v[0]);
    const Tractogram tracks = random_walks(fixels.grid, 400);
    reference::Sift2Model model{{}, {fixels.fibre_density.begin(), fixels.fibre_density.end()}, 0.02, 0.1};
    for (std::int64_t s = 0; s < tracks.size(); ++s) model.lengths.push_back(reference::voxel_lengths(tracks.view().streamline(s), fixels.grid));

    const auto r = fit(fixels, tracks, {.reg_tikhonov = 0.02, .min_td_frac = 0, .max_iters = 400, .min_cf_decrease = 0});
    // Lengths are rounded to 4 voxel diagonals / 65535, about 1e-4 of a visit; over thousands of visits the sum is off by some 1e-6.
    EXPECT_NEAR(r.mu, model.mu(), 5e-6 * r.mu);
    const auto begin = model.cost(std::vector<float>(400, 0.0f)), end = model.cost(r.coefficients);
    EXPECT_NEAR(r.iterations.front().cost_data, begin.data, 1e-4 * begin.data);
    EXPECT_NEAR(r.iterations.back().cost_data, end.data, 1e-4 * end.data);
    EXPECT_NEAR(r.iterations.back().cost_tikhonov, end.tikhonov, 1e-4 * end.tikhonov);
    EXPECT_NEAR(r.iterations.back().cost_tv, end.tv, 1e-4 * end.tv);
    EXPECT_LT(r.iterations.back().cost(), 0.9 * r.iterations.front().cost());
    double steepest_begin = 0, steepest_end = 0;
    for (std::size_t s = 0; s < 400; ++s) {
        steepest_begin = std::max(steepest_begin, std::fabs(begin.slope[s]));
        steepest_end = std::max(steepest_end, std::fabs(end.slope[s]));
    }
    EXPECT_LT(steepest_end, 2e-3 * steepest_begin) << "no streamline can lower the cost by itself";
    for (std::size_t i = 1; i < r.iterations.size(); ++i) EXPECT_LT(r.iterations[i].cost_data, 1.0001 * r.iterations[0].cost_data);
    // Without the terms that hold the means, the cost never rises.
    const auto plain = fit(fixels, tracks, {.reg_tv = 0, .min_td_frac = 0, .max_iters = 50, .min_cf_decrease = 0});
    for (std::size_t i = 1; i < plain.iterations.size(); ++i) EXPECT_LE(plain.iterations[i].cost(), plain.iterations[i - 1].cost() * (1 + 1e-6));
}

TEST_P(Sift2, KeepsItsBounds) {
    const TwoBundles scene(30, 10, 1);  // free: ln(2/3) = -0.41 and ln 2 = 0.69
    const auto capped = fit(scene.fixels, scene.tracks, {.max_coeff = 0.25});
    EXPECT_EQ(capped.coefficients[35], 0.25f);
    const auto floored = fit(scene.fixels, scene.tracks, {.min_coeff = -0.3});
    EXPECT_EQ(floored.coefficients[0], -std::numeric_limits<float>::infinity());
    EXPECT_EQ(floored.weights()[0], 0);
    EXPECT_EQ(floored.iterations.back().streamlines, 10);
    EXPECT_NEAR(floored.track_density[0], 0, 1e-9);
    const auto slow = fit(scene.fixels, scene.tracks, {.max_iters = 1, .max_coeff_step = 0.125});
    EXPECT_EQ(slow.iterations.size(), 2u);
    EXPECT_EQ(slow.coefficients[0], -0.125f);
    EXPECT_EQ(slow.coefficients[35], 0.125f);
}

TEST_P(Sift2, EstimatesInOnePass) {
    const TwoBundles scene(30, 10, 0.5);  // mu TD is 3/80 x 30 / 2 and 3/80 x 10 / 2 x 2 mm per voxel of 2 mm
    const auto r = fit(scene.fixels, scene.tracks, {.linear = true});
    ASSERT_EQ(r.iterations.size(), 2u);
    EXPECT_NEAR(r.mu, 15.0 / 800, 1e-6);
    EXPECT_NEAR(r.weights()[0], 1 / (r.mu * 60), 1e-4);
    EXPECT_NEAR(r.weights()[35], 0.5 / (r.mu * 20), 1e-4);
    EXPECT_NEAR(r.iterations.back().cost_data, 0, 1e-6) << "all streamlines of a bundle are alike";
    // Half of a streamline in the upper bundle's fixels and half in the lower's: the mean of the two ratios.
    TwoBundles mixed(30, 10, 0.5);
    mixed.tracks.append(std::array<float, 6>{8, -1, 0, 8, 5, 0});  // 2 mm in each, and in a fixel without fibres between
    mixed.tracks.append(std::array<float, 6>{90, 0, 0, 99, 0, 0});
    const auto m = fit(mixed.fixels, mixed.tracks, {.linear = true});
    EXPECT_EQ(m.weights()[41], 0) << "in no fixel";
    const double upper = 1 / (m.mu * 62), lower = 0.5 / (m.mu * 22);
    EXPECT_NEAR(m.weights()[40], (upper + lower) / 3, 1e-4);
    const auto bounded = fit(mixed.fixels, mixed.tracks, {.min_coeff = -0.1, .max_coeff = 0.1, .linear = true});
    for (const float c : bounded.coefficients) EXPECT_TRUE(c <= 0.1f && (c >= -0.1f || std::isinf(c))) << c;
}

TEST_P(Sift2, BeginsWithGivenCoefficients) {
    const TwoBundles scene(30, 10, 0.7f);
    const auto first = fit(scene.fixels, scene.tracks, {.max_iters = 6});
    const auto at_end = fit(scene.fixels, scene.tracks, {.max_iters = 1, .coefficients = first.coefficients});
    EXPECT_EQ(at_end.iterations.front().cost_data, first.iterations.back().cost_data);
    EXPECT_EQ(at_end.iterations.front().cost_tv, first.iterations.back().cost_tv);
    EXPECT_EQ(at_end.iterations.front().coefficient.mean, first.iterations.back().coefficient.mean);
    auto none = first.coefficients;
    none[3] = -std::numeric_limits<float>::infinity();
    EXPECT_EQ(fit(scene.fixels, scene.tracks, {.max_iters = 2, .coefficients = none}).weights()[3], 0) << "a weight of 0 stays";
    EXPECT_THROW(fit(scene.fixels, scene.tracks, {.coefficients = {0, 0}}), InputError);
}

TEST_P(Sift2, LeavesOutFixels) {
    TwoBundles scene(39, 1, 1);  // the lower bundle has 1/40 of the streamlines and half of the fibres: 5% of what it should
    const auto r = fit(scene.fixels, scene.tracks, {});
    EXPECT_EQ(r.excluded, 10);
    EXPECT_EQ(r.coefficients[39], 0) << "it meets no other fixel";
    const auto all = fit(scene.fixels, scene.tracks, {.min_td_frac = 0});
    EXPECT_EQ(all.excluded, 0);
    EXPECT_GT(all.coefficients[39], 2);
    EXPECT_THROW(fit(scene.fixels, scene.tracks, {.fd_thresh = 2}), InputError) << "no fixel is left";
}

TEST_P(Sift2, WeighsVoxels) {
    const TwoBundles scene(30, 10, 1);
    std::vector<float> mask(30, 1.0f);
    for (std::size_t v = 20; v < 30; ++v) mask[v] = 0;
    const auto r = fit(scene.fixels, scene.tracks, {.voxel_weights = mask});
    EXPECT_NEAR(r.mu, 10.0 / (30 * 20), 1e-6) << "of the upper bundle alone";
    EXPECT_EQ(r.coefficients[35], 0);
    EXPECT_NEAR(r.coefficients[0], 0, 1e-4);
}

SessionResult fit_sessions(const Fixels& fixels, const std::vector<std::vector<float>>& densities, const Tractogram& tracks, const SessionOptions& options, const Device& device, std::int64_t chunk = 100) {
    FixelLengths lengths(fixels, device, chunk);
    lengths.append(tracks.view());
    return sift2_of_sessions(fixels, densities, lengths, options, device);
}

TEST_P(Sift2, FindsTheChangeOfABundle) {
    // The upper bundle grows by a tenth from the first session to the second, the lower one stays. Streamlines are as many in both.
    TwoBundles scene(20, 20, 0.6f);
    const auto mean = scene.fixels.fibre_density;
    std::vector<std::vector<float>> densities{mean, mean};
    for (std::size_t f = 0; f < 10; ++f) {
        densities[0][f] = 1 / 1.05f;
        densities[1][f] = 1.1f / 1.05f;
        scene.fixels.fibre_density[f] = (densities[0][f] + densities[1][f]) / 2;
    }
    for (const auto way : {SessionWeights::joint, SessionWeights::each}) {
        const auto r = fit_sessions(scene.fixels, densities, scene.tracks, {.weights = way, .sift2 = {.max_iters = 60, .min_cf_decrease = 0}, .reg_change = 0}, device());
        ASSERT_EQ(r.sessions.size(), 2u);
        for (const auto& s : r.sessions) EXPECT_EQ(s.mu, r.mean.mu) << "weights of sessions compare as they are";
        const auto first = r.sessions[0].weights(), second = r.sessions[1].weights();
        for (std::size_t i = 0; i < 40; ++i) EXPECT_NEAR(second[i] / first[i], i < 20 ? 1.1 : 1, 2e-3) << i;
    }
    // Pulled towards no change by reg_change: a bundle's data have the curvature of its share of the squared densities.
    const auto pulled = fit_sessions(scene.fixels, densities, scene.tracks, {.sift2 = {.max_iters = 60, .min_cf_decrease = 0}, .reg_change = 0.5}, device());
    const float change = pulled.sessions[1].coefficients[0] - pulled.sessions[0].coefficients[0];
    EXPECT_GT(change, 0.3f * 0.0953f);
    EXPECT_LT(change, 0.9f * 0.0953f);
    EXPECT_THROW(fit_sessions(scene.fixels, {{1, 2}}, scene.tracks, {}, device()), InputError);
}

TEST_P(Sift2, SessionsThatAreAlikeHaveTheWeightsOfTheirMean) {
    Fixels fixels = one_fixel_each(oblique_grid());
    for (std::size_t f = 0; f < fixels.fibre_density.size(); ++f) fixels.fibre_density[f] = 0.5f + kernels::uniform(kernels::Philox{8, f, kernels::Purpose::seed, 0}(0).v[0]);
    const Tractogram tracks = random_walks(fixels.grid, 400);
    const auto r = fit_sessions(fixels, {fixels.fibre_density, fixels.fibre_density}, tracks, {}, device());
    for (std::size_t i = 0; i < 400; ++i) EXPECT_NEAR(r.sessions[1].coefficients[i], r.mean.coefficients[i], 1e-6) << "although the mean's fit leaves much unexplained";
    EXPECT_GT(r.mean.iterations.back().cost_data, 0.05 * r.mean.iterations.front().cost_data);
}

TEST_P(Sift2, CostAndMinimumOfChangesAgreeWithTheOracle) {
    Fixels fixels = one_fixel_each(oblique_grid());
    std::vector<float> session;
    for (std::size_t f = 0; f < fixels.fibre_density.size(); ++f) {
        const auto r = kernels::Philox{8, f, kernels::Purpose::seed, 0}(0);
        fixels.fibre_density[f] = 0.5f + kernels::uniform(r.v[0]);
        session.push_back(fixels.fibre_density[f] * (0.7f + 0.6f * kernels::uniform(r.v[1])));
    }
    const Tractogram tracks = random_walks(fixels.grid, 400);
    const auto r = fit_sessions(fixels, {session}, tracks, {.sift2 = {.min_td_frac = 0, .max_iters = 400, .min_cf_decrease = 0}, .reg_change = 0.02, .reg_change_tv = 0.1}, device());
    reference::Sift2Model model{{}, {fixels.fibre_density.begin(), fixels.fibre_density.end()}, 0.02, 0.1};
    for (std::int64_t s = 0; s < tracks.size(); ++s) model.lengths.push_back(reference::voxel_lengths(tracks.view().streamline(s), fixels.grid));
    const auto& base = r.mean.coefficients;
    std::vector<float> change;
    for (std::size_t i = 0; i < base.size(); ++i) change.push_back(r.sessions[0].coefficients[i] - base[i]);
    const std::vector<double> difference = [&] {
        std::vector<double> out;
        for (std::size_t f = 0; f < session.size(); ++f) out.push_back(double(session[f]) - double(fixels.fibre_density[f]));
        return out;
    }();
    const auto begin = model.cost_of_change(base, std::vector<float>(400, 0.0f), difference), end = model.cost_of_change(base, change, difference);
    EXPECT_NEAR(r.sessions[0].iterations.front().cost_data, begin.data, 1e-3 * begin.data);
    EXPECT_NEAR(r.sessions[0].iterations.back().cost_data, end.data, 1e-3 * end.data);
    EXPECT_NEAR(r.sessions[0].iterations.back().cost_tikhonov, end.tikhonov, 1e-3 * end.tikhonov);
    EXPECT_NEAR(r.sessions[0].iterations.back().cost_tv, end.tv, 1e-3 * end.tv);
    EXPECT_LT(end.data, 0.9 * begin.data);
    double steepest_begin = 0, steepest_end = 0;
    for (std::size_t s = 0; s < 400; ++s) {
        steepest_begin = std::max(steepest_begin, std::fabs(begin.slope[s]));
        steepest_end = std::max(steepest_end, std::fabs(end.slope[s]));
    }
    EXPECT_LT(steepest_end, 4e-3 * steepest_begin);
}

TEST(Sift2Bytes, OfSessionsAreTheSameForAnyThreadsAndChunks) {
    const Fixels fixels = one_fixel_each(oblique_grid());
    const Tractogram tracks = random_walks(fixels.grid, 300);
    std::vector<std::vector<float>> densities(2, fixels.fibre_density);
    for (std::size_t f = 0; f < fixels.fibre_density.size(); ++f) densities[0][f] = 1.5f - (densities[1][f] = kernels::uniform(kernels::Philox{8, f, kernels::Purpose::seed, 0}(0).v[0]));
    for (const auto way : {SessionWeights::joint, SessionWeights::each}) {
        const auto expected = fit_sessions(fixels, densities, tracks, {.weights = way}, Device::open("cpu", 1));
        for (const int threads : {2, 3}) {
            const auto found = fit_sessions(fixels, densities, tracks, {.weights = way}, Device::open("cpu", threads), 17);
            for (std::size_t s = 0; s < 2; ++s) EXPECT_EQ(found.sessions[s].coefficients, expected.sessions[s].coefficients);
        }
    }
}

TEST(Sift2Bytes, AreTheSameWithLengthsKeptOrFoundAgain) {
    const Fixels fixels = one_fixel_each(oblique_grid());
    const Tractogram tracks = random_walks(fixels.grid, 300);
    const auto device = Device::open("cpu", 2);
    int passes = 0;
    const auto run = [&](std::int64_t memory, std::int64_t batch, bool linear) {
        FixelLengths lengths(fixels, device, 64, memory);
        lengths.append(tracks.view());
        const auto again = [&](StreamlineSink& sink) {
            ++passes;
            const auto all = tracks.view();
            for (std::int64_t s = 0; s < all.size(); s += batch) {
                const auto n = static_cast<std::size_t>(std::min(batch, all.size() - s));
                sink.append({all.positions, all.offsets.subspan(static_cast<std::size_t>(s), n + 1)});
            }
        };
        return sift2(fixels, lengths, {.linear = linear}, device, silent(), again);
    };
    for (const bool linear : {false, true}) {
        const auto expected = run(std::numeric_limits<std::int64_t>::max(), 300, linear);
        EXPECT_EQ(passes, 0);
        for (const std::int64_t memory : {0, 2000, 6000})
            for (const std::int64_t batch : {7, 100, 300}) {
                passes = 0;
                const auto found = run(memory, batch, linear);
                EXPECT_EQ(found.coefficients, expected.coefficients);
                EXPECT_EQ(found.track_density, expected.track_density);
                EXPECT_EQ(found.iterations.back().cost(), expected.iterations.back().cost());
                EXPECT_EQ(found.iterations.back().step.variance, expected.iterations.back().step.variance);
                EXPECT_EQ(passes, static_cast<int>(expected.iterations.size()));
            }
        passes = 0;
    }
    FixelLengths lengths(fixels, device, 64, 0);
    lengths.append(tracks.view());
    EXPECT_THROW(sift2(fixels, lengths, {}, device), std::logic_error) << "nothing gives the streamlines again";
    for (const std::int64_t others : {299, 301}) {
        const Tractogram changed = random_walks(fixels.grid, static_cast<int>(others));
        EXPECT_THROW(sift2(fixels, lengths, {}, device, silent(), [&](StreamlineSink& sink) { sink.append(changed.view()); }), InputError);
    }
}

TEST(Sift2Bytes, AreTheSameForAnyThreadsChunksOrderAndDevice) {
    const Fixels fixels = one_fixel_each(oblique_grid());
    const Tractogram tracks = random_walks(fixels.grid, 300);
    Tractogram reversed;
    for (std::int64_t s = tracks.size(); s-- > 0;) reversed.append(tracks.view().streamline(s));
    const auto build = [&](const Device& device, const Tractogram& t, std::int64_t chunk) {
        FixelLengths lengths(fixels, device, chunk);
        lengths.append(t.view());
        return sift2(fixels, lengths, {}, device).coefficients;
    };
    const auto expected = build(Device::open("cpu", 1), tracks, 1000);
    const auto check = [&](const Device& device) {
        for (const std::int64_t chunk : {7, 64, 1000}) {
            EXPECT_EQ(build(device, tracks, chunk), expected);
            auto other = build(device, reversed, chunk);
            std::reverse(other.begin(), other.end());
            EXPECT_EQ(other, expected);
        }
    };
    for (const int threads : {1, 2, 3}) check(Device::open("cpu", threads));
    if (const auto cuda = test::open_for_test("cuda"); cuda.device)
        check(*cuda.device);
    else
        GTEST_LOG_(INFO) << "not on CUDA: " << cuda.reason;
}

TEST(Sift2Input, RefusesWhatCannotBeWeighted) {
    const auto device = Device::open("cpu", 1);
    const Fixels fixels = one_fixel_each(oblique_grid());
    FixelLengths none(fixels, device);
    EXPECT_THROW(sift2(fixels, none, {}, device), InputError);
    Tractogram away;
    away.append(std::array<float, 6>{900, 0, 0, 910, 0, 0});
    none.append(away.view());
    EXPECT_THROW(sift2(fixels, none, {}, device), InputError);
}

}  // namespace
}  // namespace arcuate::weights
