// Tensors of voxels whose tensor is known, against the oracle, and the same bytes however the work is divided.
#include "arcuate/dwi/tensor.hpp"

#include "devices.hpp"
#include "reference/tensor.hpp"
#include "simulate.hpp"

#include <gmock/gmock.h>

namespace arcuate::dwi {
namespace {

using test::axial_signal;
using test::shell_table;
using test::unit;

class TensorFitting : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(TensorFitting);

/// One voxel with this signal in volume k.
template <class Signal>
ScalarImage one_voxel(const GradientTable& t, const Signal& signal) {
    ScalarImage image({{1, 1, 1}, {}}, t.size());
    for (std::int64_t k = 0; k < t.size(); ++k) image.at(0, k) = static_cast<float>(signal(static_cast<std::size_t>(k)));
    return image;
}

TEST_P(TensorFitting, IsotropicVoxel) {
    const auto t = shell_table(1, 12, 1000);
    const auto image = one_voxel(t, [&](std::size_t k) { return t.b_values[k] > 0 ? 500 * std::exp(-0.8) : 500.0; });
    for (const auto fit : {TensorFit::ols, TensorFit::wls, TensorFit::iwls}) {
        const auto maps = fit_tensor(image, t, full_mask(image.grid), {.fit = fit}, device());
        EXPECT_EQ(maps.fitted, 1);
        EXPECT_NEAR(maps.s0.at(0), 500, 1e-3);
        EXPECT_NEAR(maps.fa.at(0), 0, 1e-6);
        for (const auto* map : {&maps.md, &maps.ad, &maps.rd}) EXPECT_NEAR(map->at(0), 0.8e-3, 1e-9);
        for (int i = 0; i < 6; ++i) EXPECT_NEAR(maps.tensor.at(0, i), i < 3 ? 0.8e-3 : 0, 1e-9);
    }
}

// Eigenvalues 1.7, 0.2, 0.2: MD 0.7, FA = sqrt(3/2 (1 + 1/4 + 1/4) / (2.89 + 0.04 + 0.04)) = 0.8704. Exact signals, so each fit finds it.
TEST_P(TensorFitting, ProlateTensorAlongObliqueFibre) {
    const auto t = shell_table(2, 20, 2000);
    const Vec3d fibre = unit(-0.3, 0.8, 0.5);
    const auto image = one_voxel(t, [&](std::size_t k) { return axial_signal(1200, t.b_values[k], t.directions[k], fibre, 1.7e-3, 0.2e-3); });
    for (const auto fit : {TensorFit::ols, TensorFit::wls, TensorFit::iwls}) {
        const auto maps = fit_tensor(image, t, full_mask(image.grid), {.fit = fit}, device());
        EXPECT_NEAR(maps.fa.at(0), std::sqrt(1.5 * 1.5 / 2.97), 1e-5);
        EXPECT_NEAR(maps.md.at(0), 0.7e-3, 1e-9);
        EXPECT_NEAR(maps.ad.at(0), 1.7e-3, 1e-9);
        EXPECT_NEAR(maps.rd.at(0), 0.2e-3, 1e-9);
        EXPECT_NEAR(maps.s0.at(0), 1200, 1e-2);
        for (int i = 0; i < 3; ++i) EXPECT_NEAR(maps.v1.at(0, i), fibre[static_cast<std::size_t>(i)], 1e-5);
        EXPECT_GT(maps.v1.at(0, 1), 0) << "the largest component is positive";
    }
}

TEST_P(TensorFitting, AgreesWithTheOracle) {
    const auto t = shell_table(3, 31, 1500);
    const auto image = test::noisy_crossings(t, {7, 5, 3}, 60);
    for (const auto& [fit, iterations, reweightings] : {std::tuple{TensorFit::ols, 0, -1}, {TensorFit::wls, 0, 0}, {TensorFit::iwls, 1, 1}, {TensorFit::iwls, 4, 4}}) {
        const auto maps = fit_tensor(image, t, full_mask(image.grid), {.fit = fit, .iterations = iterations}, device());
        for (std::int64_t v = 0; v < image.grid.voxels(); ++v) {
            const auto expected = reference::fit_tensor(t, test::voxel_signals(image, v), reweightings);
            const std::pair<int, int> elements[] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}};
            for (int i = 0; i < 6; ++i) EXPECT_NEAR(maps.tensor.at(v, i), expected.d(elements[i].first, elements[i].second), 1e-9);
            EXPECT_NEAR(maps.s0.at(v), expected.s0, 1e-6 * expected.s0);
            EXPECT_NEAR(maps.fa.at(v), expected.fa, 1e-6);
            EXPECT_NEAR(maps.md.at(v), expected.md, 1e-9);
            EXPECT_NEAR(maps.ad.at(v), expected.ad, 1e-9);
            EXPECT_NEAR(maps.rd.at(v), expected.rd, 1e-9);
            double cosine = 0;
            for (int i = 0; i < 3; ++i) cosine += static_cast<double>(maps.v1.at(v, i)) * expected.v1[i];
            EXPECT_NEAR(std::fabs(cosine), 1, 1e-6);
        }
    }
}

const TensorOptions everything{.eigenvalues = true, .vectors = true, .mode = true, .westin = true, .colour_fa = true, .residual = true};

TensorOptions with_everything(TensorOptions o) {
    o.eigenvalues = o.vectors = o.mode = o.westin = o.colour_fa = o.residual = true;
    return o;
}

// Diagonal tensors of which every measure is known: mode 1 for (a,b,b), -1 for (a,a,b), 0 for (a, (a+c)/2, c).
TEST_P(TensorFitting, FurtherMapsByHand) {
    const auto t = shell_table(2, 20, 1000);
    const std::array<double, 3> diagonals[] = {{1.6e-3, 0.4e-3, 0.4e-3}, {1.2e-3, 0.3e-3, 1.2e-3}, {0.3e-3, 0.7e-3, 1.1e-3}};
    const double mode[] = {1, -1, 0}, linear[] = {1.2 / 2.4, 0, 0.4 / 2.1}, planar[] = {0, 1.8 / 2.7, 0.8 / 2.1};
    for (int c = 0; c < 3; ++c) {
        const auto& l = diagonals[c];
        const auto image = one_voxel(t, [&](std::size_t k) {
            const auto& g = t.directions[k];
            return 800 * std::exp(-t.b_values[k] * (l[0] * g[0] * g[0] + l[1] * g[1] * g[1] + l[2] * g[2] * g[2]));
        });
        const auto maps = fit_tensor(image, t, full_mask(image.grid), everything, device());
        auto sorted = l;
        std::sort(sorted.rbegin(), sorted.rend());
        EXPECT_NEAR(maps.l1.at(0), sorted[0], 1e-9);
        EXPECT_NEAR(maps.l2.at(0), sorted[1], 1e-9);
        EXPECT_NEAR(maps.l3.at(0), sorted[2], 1e-9);
        EXPECT_NEAR(maps.mode.at(0), mode[c], 1e-4);
        EXPECT_NEAR(maps.cl.at(0), linear[c], 1e-5);
        EXPECT_NEAR(maps.cp.at(0), planar[c], 1e-5);
        EXPECT_NEAR(maps.cs.at(0), 1 - linear[c] - planar[c], 1e-5);
        EXPECT_NEAR(maps.residual.at(0), 0, 1e-3);
    }
    // The last one: l1 along z, l2 along y, l3 along x.
    const auto image = one_voxel(t, [&](std::size_t k) {
        const auto& g = t.directions[k];
        return 800 * std::exp(-t.b_values[k] * (0.3e-3 * g[0] * g[0] + 0.7e-3 * g[1] * g[1] + 1.1e-3 * g[2] * g[2]));
    });
    const auto maps = fit_tensor(image, t, full_mask(image.grid), everything, device());
    EXPECT_NEAR(maps.v2.at(0, 1), 1, 1e-5);
    EXPECT_NEAR(maps.v3.at(0, 0), 1, 1e-5);
    EXPECT_NEAR(maps.colour_fa.at(0, 2), maps.fa.at(0), 1e-6);
    EXPECT_NEAR(maps.colour_fa.at(0, 0), 0, 1e-5);
}

TEST_P(TensorFitting, FurtherMapsAgreeWithTheOracle) {
    const auto t = shell_table(3, 31, 1500);
    const auto image = test::noisy_crossings(t, {7, 5, 3}, 60);
    const auto maps = fit_tensor(image, t, full_mask(image.grid), everything, device());
    for (std::int64_t v = 0; v < image.grid.voxels(); ++v) {
        const auto e = reference::tensor_maps(t, test::voxel_signals(image, v), reference::fit_tensor(t, test::voxel_signals(image, v), 2));
        const ScalarImage* const eigenvalues[] = {&maps.l1, &maps.l2, &maps.l3};
        for (int i = 0; i < 3; ++i) EXPECT_NEAR(eigenvalues[i]->at(v), e.eigenvalues[i], 2e-9);
        EXPECT_NEAR(maps.mode.at(v), e.mode, 1e-4);
        EXPECT_NEAR(maps.cl.at(v), e.cl, 1e-5);
        EXPECT_NEAR(maps.cp.at(v), e.cp, 1e-5);
        EXPECT_NEAR(maps.cs.at(v), e.cs, 1e-5);
        EXPECT_NEAR(maps.residual.at(v), e.residual, 1e-4 * e.residual);
        // Directions of close eigenvalues turn with rounding: looked at through what the tensor does to them.
        for (const auto& [vector, value] : {std::pair{&maps.v2, e.eigenvalues[1]}, {&maps.v3, e.eigenvalues[2]}}) {
            const Eigen::Vector3d u(vector->at(v, 0), vector->at(v, 1), vector->at(v, 2));
            EXPECT_NEAR(u.norm(), 1, 1e-6);
            EXPECT_NEAR((e.d * u - value * u).norm(), 0, 3e-9);
        }
    }
}

TEST_P(TensorFitting, ShellsAreFittedAlone) {
    auto t = shell_table(2, 20, 1000);
    const auto outer = shell_table(0, 25, 2500);
    t.directions.insert(t.directions.end(), outer.directions.begin(), outer.directions.end());
    t.b_values.insert(t.b_values.end(), outer.b_values.begin(), outer.b_values.end());
    t.b_values[5] = 960;  // within the shell
    const auto image = test::noisy_crossings(t, {5, 3, 1}, 40);
    ScalarImage inner(image.grid, 22);
    std::copy_n(image.data.begin(), inner.data.size(), inner.data.begin());
    GradientTable inner_table = t;
    inner_table.directions.resize(22);
    inner_table.b_values.resize(22);
    const auto expected = fit_tensor(inner, inner_table, full_mask(image.grid), everything, device());
    const auto maps = fit_tensor(image, t, full_mask(image.grid), with_everything({.shells = {1050, 0, 1000}}), device());
    EXPECT_TRUE(test::same_bytes(maps.tensor, expected.tensor));
    EXPECT_TRUE(test::same_bytes(maps.residual, expected.residual));
    EXPECT_FALSE(test::same_bytes(maps.tensor, fit_tensor(image, t, full_mask(image.grid), {}, device()).tensor));
    EXPECT_FALSE(test::same_bytes(maps.tensor, fit_tensor(image, t, full_mask(image.grid), {.shells = {1000, 2500}}, device()).tensor))
        << "two shells determine a tensor without b=0";
}

// Strong noise, so that many linear fits have a negative eigenvalue. The oracle minimises the same squares another way.
TEST_P(TensorFitting, PositiveTensorsAreTheConstrainedMinimum) {
    const auto t = shell_table(2, 15, 1000);
    auto image = test::noisy_crossings(t, {7, 5, 3}, 250);
    for (float& s : image.data) s = std::fabs(s);
    for (const auto fit : {TensorFit::ols, TensorFit::wls, TensorFit::iwls}) {
        const auto linear = fit_tensor(image, t, full_mask(image.grid), with_everything({.fit = fit}), device());
        const auto maps = fit_tensor(image, t, full_mask(image.grid), with_everything({.fit = fit, .positive = true}), device());
        std::int64_t constrained = 0;
        for (std::int64_t v = 0; v < image.grid.voxels(); ++v) {
            EXPECT_GT(maps.l3.at(v), 0);
            EXPECT_LE(maps.fa.at(v), 1);
            if (linear.l3.at(v) > 0) {
                for (int i = 0; i < 6; ++i) EXPECT_EQ(maps.tensor.at(v, i), linear.tensor.at(v, i)) << "kept";
                continue;
            }
            ++constrained;
            auto problem = reference::weighted_problem(t, test::voxel_signals(image, v), fit != TensorFit::ols);
            auto p = reference::constrained_fit(problem);
            for (int pass = 0; pass < (fit == TensorFit::iwls ? 2 : 0); ++pass) {
                problem.w = (problem.design * p).array().exp() / std::exp(p[6]);
                p = reference::constrained_fit(problem);
            }
            const double best = problem.cost(p), cost = problem.cost(reference::parameters(maps, v));
            EXPECT_LE(cost, best * (1 + 2e-5)) << v;
            EXPECT_GE(cost, best * (1 - 2e-5)) << v;
        }
        EXPECT_EQ(maps.constrained, constrained);
        EXPECT_GT(constrained, 10);
    }
}

TEST_P(TensorFitting, ThreadsAndChunksDoNotChangeAByte) {
    const auto t = shell_table(1, 20, 3000);
    const auto image = test::noisy_crossings(t, {7, 5, 3}, 150);
    const auto expected = fit_tensor(image, t, full_mask(image.grid), with_everything({.positive = true}), Device::open("cpu", 1));
    EXPECT_GT(expected.constrained, 0);
    for (const int threads : {1, 2, 3})
        for (const std::int64_t chunk : {1, 13, 1000}) {
            const auto d = device().is_cuda() ? device() : Device::open("cpu", threads);
            const auto maps = fit_tensor(image, t, full_mask(image.grid), with_everything({.chunk = chunk, .positive = true}), d);
            EXPECT_TRUE(test::same_bytes(maps.tensor, expected.tensor));
            EXPECT_TRUE(test::same_bytes(maps.s0, expected.s0));
            EXPECT_TRUE(test::same_bytes(maps.fa, expected.fa));
            EXPECT_TRUE(test::same_bytes(maps.v1, expected.v1));
            for (const auto map : {&TensorMaps::l1, &TensorMaps::l2, &TensorMaps::l3, &TensorMaps::v2, &TensorMaps::v3, &TensorMaps::mode, &TensorMaps::cl,
                                   &TensorMaps::cp, &TensorMaps::cs, &TensorMaps::colour_fa, &TensorMaps::residual})
                EXPECT_TRUE(test::same_bytes(maps.*map, expected.*map));
            EXPECT_EQ(maps.constrained, expected.constrained);
        }
}

TEST_P(TensorFitting, LeavesUnusableVoxelsZeroAndCountsThem) {
    const auto t = shell_table(1, 12, 1000);
    auto image = test::noisy_crossings(t, {5, 1, 1}, 0);
    image.at(1, 3) = NAN;
    image.at(2, 0) = INFINITY;
    for (std::int64_t k = 0; k < t.size(); ++k) image.at(3, k) = 0;
    auto mask = full_mask(image.grid);
    mask.at(4) = 0;
    const auto maps = fit_tensor(image, t, mask, {}, device());
    EXPECT_EQ(maps.fitted, 1);
    EXPECT_EQ(maps.skipped, 3);
    EXPECT_GT(maps.md.at(0), 0);
    for (std::int64_t v = 1; v < 5; ++v) EXPECT_EQ(maps.md.at(v), 0);
    EXPECT_EQ(maps.tensor.at(4, 0), 0) << "outside the mask";
}

TEST(TensorErrors, SayWhatIsWrong) {
    const Device cpu = Device::open("cpu", 1);
    const auto message = [&](const GradientTable& t, std::int64_t volumes, bool empty_mask = false, std::vector<double> shells = {}) -> std::string {
        const ScalarImage image({{2, 2, 2}, {}}, volumes, 1.0f);
        try {
            fit_tensor(image, t, Mask(image.grid, 1, empty_mask ? 0 : 1), {.shells = std::move(shells)}, cpu);
        } catch (const InputError& error) {
            return error.what();
        }
        return {};
    };
    EXPECT_THAT(message(shell_table(1, 5, 1000), 6), testing::HasSubstr("5 distinct diffusion directions"));
    EXPECT_THAT(message(shell_table(0, 12, 1000), 12), testing::HasSubstr("one b-value"));
    EXPECT_THAT(message(shell_table(12, 0, 0), 12), testing::HasSubstr("every b-value is 0"));
    EXPECT_THAT(message(shell_table(1, 12, 1000), 12), testing::HasSubstr("13 entries but the image has 12 volumes"));
    EXPECT_THAT(message(shell_table(1, 12, 1000), 13, true), testing::HasSubstr("mask is empty"));
    EXPECT_THAT(message(shell_table(1, 12, 1000), 13, false, {0, 1080}), testing::HasSubstr("no shell at b = 1080 s/mm2 (the gradient table has shells at 0, 1000)"));
    EXPECT_THAT(message(shell_table(1, 12, 1000), 13, false, {1000}), testing::HasSubstr("one b-value"));
    EXPECT_THAT(message(shell_table(1, 12, 1000), 13, false, {0}), testing::HasSubstr("every b-value is 0"));
    auto flat = shell_table(1, 12, 1000);
    for (std::size_t k = 1; k < flat.directions.size(); ++k) flat.directions[k] = unit(std::cos(0.2 * double(k)), std::sin(0.2 * double(k)), 0);
    EXPECT_THAT(message(flat, 13), testing::HasSubstr("do not determine a tensor"));
    EXPECT_EQ(message(shell_table(1, 6, 1000), 7), "") << "six directions and one b=0 are enough";
}

}  // namespace
}  // namespace arcuate::dwi
