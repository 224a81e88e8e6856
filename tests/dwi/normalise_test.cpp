// Fields and balances that are known: by hand, noise-free, and under noise and outliers; against the oracle; the same bytes on any number of threads; bad input.
#include "arcuate/dwi/normalise.hpp"

#include "arcuate/core/error.hpp"
#include "kernels/philox.hpp"
#include "reference/normalise.hpp"
#include "simulate.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <numeric>

namespace arcuate::dwi {
namespace {

using testing::HasSubstr;

const std::vector<std::string> names{"wm", "gm", "csf"};

/// What a brain is made of and what the scanner did to it.
struct Truth {
    std::vector<double> balance{0.6, 1.1, 1 / (0.6 * 1.1)};
    double gain = 250, shading = 1;  ///< of the scanner; 0: none
    double noise = 0;                ///< standard deviation, relative, of every tissue
    int outlier_every = 0;           ///< voxels; such a one is five times as bright
};

Grid oblique_grid(std::array<std::int64_t, 3> size = {24, 20, 18}) {
    return {size, {{{{2.4, 0.3, 0.0}, {-0.3, 2.4, 0.2}, {0.0, -0.2, 2.5}}}, {-31, 12, 70}}};
}

Vec3d world(const Grid& grid, std::int64_t v) {
    const auto& n = grid.size;
    return transform_point(grid.voxel_to_world, {double(v % n[0]), double(v / n[0] % n[1]), double(v / (n[0] * n[1]))});
}

/// Of order 3; within about a factor of 2 over the grid.
double log_shading(const Vec3d& p) {
    const double x = (p[0] + 3) / 30, y = (p[1] - 30) / 30, z = (p[2] - 90) / 30;
    return 0.3 * x - 0.2 * y * z + 0.25 * z * z + 0.1 * x * y * y + 0.15 * y - 0.1 * z * z * z;
}

/// An ellipsoid that nearly fills the grid.
Mask ellipsoid(const Grid& grid) {
    Mask mask(grid, 1, 0);
    for (std::int64_t v = 0; v < grid.voxels(); ++v) {
        const auto& n = grid.size;
        const double x = 2.0 * double(v % n[0]) / double(n[0] - 1) - 1, y = 2.0 * double(v / n[0] % n[1]) / double(n[1] - 1) - 1,
                     z = 2.0 * double(v / (n[0] * n[1])) / double(n[2] - 1) - 1;
        mask.at(v) = x * x + y * y + z * z <= 1;
    }
    return mask;
}

std::vector<TissueImage> brain(const Grid& grid, const Truth& truth) {
    std::vector<TissueImage> out;
    for (std::size_t t = 0; t < 3; ++t) out.push_back({names[t], ScalarImage(grid, t == 0 ? 6 : 1)});
    for (std::int64_t v = 0; v < grid.voxels(); ++v) {
        // Folds of white and grey matter, and fluid in some places; many voxels hold one tissue alone.
        const Vec3d p = world(grid, v);
        const double fold = std::clamp(0.5 + std::sin(p[0] / 5) + std::cos(p[1] / 6) * std::sin(p[2] / 4), 0.0, 1.0);
        const double fluid = std::clamp(std::sin(p[0] / 9 + p[1] / 7) * std::cos(p[2] / 8) - 0.4, 0.0, 1.0);
        const double shares[3] = {fold * (1 - fluid), (1 - fold) * (1 - fluid), fluid};
        const double level = truth.gain * std::exp(truth.shading * log_shading(p)) * (truth.outlier_every > 0 && v % truth.outlier_every == 0 ? 5 : 1);
        for (std::size_t t = 0; t < 3; ++t) {
            const kernels::Philox stream{5, static_cast<std::uint64_t>(v), kernels::Purpose::noise, 0};
            const auto r = stream(static_cast<std::uint32_t>(t));
            const double noise = 1 + truth.noise * double(kernels::normal2(r.v[0], r.v[1]).a);
            auto& image = out[t].fod;
            image.at(v) = static_cast<float>(unit_fod_l0 * shares[t] / truth.balance[t] * level * noise);
            for (std::int64_t k = 1; k < image.volumes; ++k) image.at(v, k) = image.at(v) * 0.1f * static_cast<float>(k);
        }
    }
    return out;
}

/// Largest difference of the field's logarithm from the truth inside the mask.
double worst_field(const Normalisation& result, const Mask& mask, const Truth& truth) {
    double worst = 0;
    for (std::int64_t v = 0; v < mask.grid.voxels(); ++v)
        if (mask.at(v))
            worst = std::max(worst, std::abs(std::log(double(result.field.at(v))) + std::log(truth.gain) + truth.shading * log_shading(world(mask.grid, v))));
    return worst;
}

const Device cpu = Device::open("cpu", 2);

// One tissue of constant density 2: a factor of reference / 2.
TEST(Normalise, OneTissueByHand) {
    const std::vector<TissueImage> tissues{{"wm", ScalarImage({{3, 3, 3}, {}}, 1, 2.0f)}};
    const auto result = estimate_normalisation(tissues, full_mask(tissues[0].fod.grid), {.order = 0}, cpu);
    EXPECT_TRUE(result.converged);
    EXPECT_EQ(result.used, 27);
    EXPECT_THAT(result.balance, testing::ElementsAre(1.0));
    for (const float f : result.field.data) EXPECT_NEAR(double(f), unit_fod_l0 / 2, 1e-7);
}

// Half the voxels hold 0.5 of one tissue, half 2 of another: balances 2 and 1/2, and their sum is 1 everywhere.
TEST(Normalise, BalanceByHand) {
    std::vector<TissueImage> tissues{{"a", ScalarImage({{4, 4, 1}, {}}, 1)}, {"b", ScalarImage({{4, 4, 1}, {}}, 1)}};
    for (std::int64_t v = 0; v < 16; ++v) tissues[v % 2 ? 1u : 0u].fod.at(v) = v % 2 ? 2.0f : 0.5f;
    const auto result = estimate_normalisation(tissues, full_mask(tissues[0].fod.grid), {.order = 0, .reference = 3}, cpu);
    EXPECT_TRUE(result.converged);
    EXPECT_NEAR(result.balance[0], 2.0, 1e-6);
    EXPECT_NEAR(result.balance[1], 0.5, 1e-6);
    for (const float f : result.field.data) EXPECT_NEAR(double(f), 3.0, 1e-6);
    EXPECT_LT(result.spread, 1e-6);
}

// Without noise only the float images and the float logarithm err, by 2e-7 each at most.
TEST(Normalise, RecoversFieldAndBalance) {
    const Truth truth;
    const Grid grid = oblique_grid();
    const auto mask = ellipsoid(grid);
    auto tissues = brain(grid, truth);
    const auto result = estimate_normalisation(tissues, mask, {}, cpu);
    EXPECT_TRUE(result.converged);
    EXPECT_LT(worst_field(result, mask, truth), 2e-6);
    for (std::size_t t = 0; t < 3; ++t) EXPECT_NEAR(result.balance[t] / truth.balance[t], 1, 2e-6);
    // Every coefficient is multiplied, and the balanced sum is the reference.
    const auto before = tissues;
    for (auto& tissue : tissues) apply_field(tissue.fod, result.field, cpu);
    for (std::int64_t v = 0; v < grid.voxels(); ++v) {
        if (!mask.at(v)) continue;
        double sum = 0;
        for (std::size_t t = 0; t < 3; ++t) sum += result.balance[t] * double(tissues[t].fod.at(v));
        ASSERT_NEAR(sum, unit_fod_l0, 2e-6);
        ASSERT_EQ(tissues[0].fod.at(v, 5), before[0].fod.at(v, 5) * result.field.at(v));
    }
}

// Noise of 5% in each tissue, and every 40th voxel five times too bright. Bound: the field's 20 coefficients and some 3000 voxels give an error of
// 0.05 sqrt(20 / 3000) = 0.4% on average, three times that in the corners; 2% is asked.
TEST(Normalise, WithstandsNoiseAndOutliers) {
    const Truth truth{.noise = 0.05, .outlier_every = 40};
    const auto mask = ellipsoid(oblique_grid());
    const auto tissues = brain(mask.grid, truth);
    const auto result = estimate_normalisation(tissues, mask, {}, cpu);
    EXPECT_TRUE(result.converged);
    EXPECT_LT(worst_field(result, mask, truth), 0.02);
    for (std::size_t t = 0; t < 3; ++t) EXPECT_NEAR(result.balance[t] / truth.balance[t], 1, 0.01);
    std::int64_t inside = 0, bright = 0;
    for (std::int64_t v = 0; v < mask.grid.voxels(); ++v) {
        inside += mask.at(v);
        bright += mask.at(v) && v % truth.outlier_every == 0;
    }
    EXPECT_EQ(result.used + result.outliers + result.skipped, inside);
    EXPECT_GE(result.outliers, bright);
    EXPECT_LT(result.outliers, bright + inside / 50) << "1.5 ranges beyond the quartiles hold 99.3% of a normal distribution";
}

// Solving for both at once ends where the oracle's alternation does: the same voxels, and what the float logarithm costs.
TEST(Normalise, AgreesWithTheOracle) {
    const auto mask = ellipsoid(oblique_grid());
    const auto tissues = brain(mask.grid, {.noise = 0.08, .outlier_every = 50});
    const auto inside = voxels_inside(mask, "the mask");
    Eigen::MatrixXd l0(inside.size(), 3), positions(inside.size(), 3);
    for (std::size_t i = 0; i < inside.size(); ++i)
        for (int t = 0; t < 3; ++t) {
            l0(long(i), t) = double(tissues[std::size_t(t)].fod.at(inside[i]));
            positions(long(i), t) = (world(mask.grid, inside[i])[std::size_t(t)] - Vec3d{-3, 30, 90}[std::size_t(t)]) / 30;
        }
    for (const int order : {0, 1, 2, 3}) {
        const auto result = estimate_normalisation(tissues, mask, {.order = order}, cpu);
        const auto expected = reference::normalised_tissues(l0, positions, order, unit_fod_l0);
        EXPECT_TRUE(result.converged);
        EXPECT_EQ(result.used, expected.used) << order;
        for (int t = 0; t < 3; ++t) EXPECT_NEAR(result.balance[std::size_t(t)] / expected.balance[t], 1, 2e-6) << order;
        for (std::size_t i = 0; i < inside.size(); ++i) ASSERT_NEAR(std::log(double(result.field.at(inside[i]))), expected.log_field[long(i)], 5e-6) << order;
    }
}

// A session of half the gain and other shading ends where the first does.
TEST(Normalise, SessionsCompare) {
    const auto mask = ellipsoid(oblique_grid());
    auto first = brain(mask.grid, {.gain = 100, .shading = 1}), second = brain(mask.grid, {.gain = 50, .shading = -0.5});
    for (auto* session : {&first, &second}) {
        const auto result = estimate_normalisation(*session, mask, {}, cpu);
        for (auto& tissue : *session) apply_field(tissue.fod, result.field, cpu);
    }
    for (std::int64_t v = 0; v < mask.grid.voxels(); ++v)
        if (mask.at(v)) {
            ASSERT_NEAR(double(first[0].fod.at(v)), double(second[0].fod.at(v)), 4e-6);
        }
}

// A gradient along an axis under a lower order, and outside the mask no extrapolation beyond what the mask holds.
TEST(Normalise, OrderAndOutside) {
    const Grid grid{{30, 6, 6}, {}};
    Mask mask(grid, 1, 0);
    std::vector<TissueImage> tissues{{"wm", ScalarImage(grid, 1)}};
    for (std::int64_t v = 0; v < grid.voxels(); ++v) {
        mask.at(v) = v % 30 < 10;
        tissues[0].fod.at(v) = static_cast<float>(std::exp(0.1 * double(v % 30)));
    }
    const auto result = estimate_normalisation(tissues, mask, {.order = 1}, cpu);
    EXPECT_EQ(result.log_coefficients.size(), 4u);
    for (std::int64_t v = 0; v < grid.voxels(); ++v) {
        const double x = std::min(double(v % 30), 9.0);
        ASSERT_NEAR(double(result.field.at(v)) * std::exp(0.1 * x) / unit_fod_l0, 1, 2e-6) << v;
    }
    const auto flat = estimate_normalisation(tissues, mask, {.order = 0}, cpu);
    EXPECT_NEAR(double(flat.field.at(0)) * std::exp(0.45) / unit_fod_l0, 1, 2e-6);
}

TEST(Normalise, ThreadsDoNotChangeAByte) {
    const auto mask = full_mask(oblique_grid({31, 29, 23}));  // some 20000 voxels: several blocks
    const auto tissues = brain(mask.grid, {.noise = 0.1, .outlier_every = 31});
    const auto expected = estimate_normalisation(tissues, mask, {}, Device::open("cpu", 1));
    for (const int threads : {1, 2, 3}) {
        const auto d = Device::open("cpu", threads);
        const auto result = estimate_normalisation(tissues, mask, {}, d);
        EXPECT_TRUE(test::same_bytes(result.field, expected.field));
        EXPECT_EQ(result.balance, expected.balance);
        EXPECT_EQ(result.log_coefficients, expected.log_coefficients);
        auto image = tissues[0].fod, again = image;
        apply_field(image, result.field, d);
        apply_field(again, expected.field, Device::open("cpu", 1));
        EXPECT_TRUE(test::same_bytes(image, again));
    }
}

TEST(Normalise, LeavesOutVoxelsWithoutTissueAndCountsThem) {
    const Truth truth;
    const auto mask = ellipsoid(oblique_grid());
    auto tissues = brain(mask.grid, truth);
    std::int64_t removed = 0;
    for (std::int64_t v = 0; v < mask.grid.voxels(); v += 7) {
        if (!mask.at(v)) continue;
        for (auto& tissue : tissues) tissue.fod.at(v) = v % 2 ? 0.0f : -1.0f;
        ++removed;
    }
    const auto result = estimate_normalisation(tissues, mask, {}, cpu);
    EXPECT_EQ(result.skipped, removed);
    EXPECT_LT(worst_field(result, mask, truth), 2e-6);
}

// Where a tissue is absent, noise about zero does not take away from the others.
TEST(Normalise, NegativeTermsCountAsZero) {
    const Truth truth;
    const auto mask = ellipsoid(oblique_grid());
    auto tissues = brain(mask.grid, truth);
    for (std::int64_t v = 0; v < mask.grid.voxels(); ++v)
        if (tissues[2].fod.at(v) == 0 && v % 3 == 0) tissues[2].fod.at(v) = -0.2f * tissues[0].fod.at(v);
    EXPECT_LT(worst_field(estimate_normalisation(tissues, mask, {}, cpu), mask, truth), 2e-6);
}

TEST(Normalise, SaysWhenItDidNotConverge) {
    const auto mask = ellipsoid(oblique_grid());
    const auto result = estimate_normalisation(brain(mask.grid, {}), mask, {.max_iterations = 2}, cpu);
    EXPECT_FALSE(result.converged);
    EXPECT_EQ(result.iterations, 2);
}

TEST(NormaliseErrors, SayWhatIsWrong) {
    const auto message = [&](const std::vector<TissueImage>& tissues, const Mask& mask, const NormaliseOptions& options = {}) -> std::string {
        try {
            estimate_normalisation(tissues, mask, options, cpu);
        } catch (const InputError& error) {
            return error.what();
        }
        return {};
    };
    const auto mask = ellipsoid(oblique_grid());
    const auto good = brain(mask.grid, {});
    EXPECT_EQ(message(good, mask), "");
    EXPECT_THAT(message({}, mask), HasSubstr("no tissue was given"));
    EXPECT_THAT(message(good, mask, {.order = 4}), HasSubstr("order 4 is not available"));
    EXPECT_THAT(message(good, mask, {.reference = 0}), HasSubstr("the reference is not a positive number"));
    EXPECT_THAT(message(good, mask, {.max_iterations = 0}), HasSubstr("no iteration is allowed"));
    EXPECT_THAT(message(good, Mask(mask.grid, 1, 0)), HasSubstr("the mask is empty"));
    EXPECT_THAT(message(good, full_mask(oblique_grid({5, 5, 5}))), HasSubstr("the mask is on another grid than the image of wm"));

    auto bad = good;
    bad[1].fod = ScalarImage(oblique_grid({24, 20, 17}), 1);
    EXPECT_THAT(message(bad, mask), HasSubstr("the image of gm is on another grid than the image of wm"));
    bad[1].fod = ScalarImage(mask.grid, 7, 1.0f);
    EXPECT_THAT(message(bad, mask), HasSubstr("the image of gm has 7 volumes"));
    bad = good;
    bad[0].fod.at(mask.grid.index(12, 10, 9), 3) = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THAT(message(bad, mask), HasSubstr("the image of wm is not finite in 1 voxel of the mask"));
    bad = good;
    bad[2].fod.at(0) = std::numeric_limits<float>::infinity();
    EXPECT_EQ(message(bad, mask), "") << "a corner, outside the mask";
    bad = good;
    std::fill(bad[1].fod.data.begin(), bad[1].fod.data.end(), 0.0f);
    EXPECT_THAT(message(bad, mask), HasSubstr("the image of gm is nowhere positive"));
    bad = good;
    bad[2].fod = good[1].fod;
    EXPECT_THAT(message(bad, mask), HasSubstr("the tissues cannot be balanced")) << "the same image twice";

    Mask few(mask.grid, 1, 0);
    for (std::int64_t z = 8; z < 10; ++z)
        for (std::int64_t x = 8; x < 16; ++x) few.at(mask.grid.index(x, 10, z)) = 1;
    EXPECT_THAT(message(good, few), HasSubstr("16 of the mask's voxels can be used but the field and the balance have 22 unknowns"));
    Mask slice(mask.grid, 1, 0);
    for (std::int64_t y = 4; y < 16; ++y)
        for (std::int64_t x = 4; x < 20; ++x) slice.at(mask.grid.index(x, y, 9)) = 1;
    EXPECT_THAT(message(good, slice), HasSubstr("do not determine the field (they lie in too few slices"));
    // An axial slice whose height varies by rounding errors alone.
    const Grid axial{{12, 12, 1}, {{{{2, 0, 0}, {0, 2, 0}, {1e-15, 1e-15, 2}}}, {0, 0, 70}}};
    EXPECT_THAT(message(brain(axial, {}), full_mask(axial), {.order = 1}), HasSubstr("do not determine the field"));
    EXPECT_EQ(message(brain(axial, {}), full_mask(axial), {.order = 0}), "");
}

}  // namespace
}  // namespace arcuate::dwi
