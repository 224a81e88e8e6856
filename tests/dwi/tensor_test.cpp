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

TEST_P(TensorFitting, ThreadsAndChunksDoNotChangeAByte) {
    const auto t = shell_table(1, 20, 1000);
    const auto image = test::noisy_crossings(t, {7, 5, 3}, 100);
    const auto expected = fit_tensor(image, t, full_mask(image.grid), {}, Device::open("cpu", 1));
    for (const int threads : {1, 2, 3})
        for (const std::int64_t chunk : {1, 13, 1000}) {
            const auto d = device().is_cuda() ? device() : Device::open("cpu", threads);
            const auto maps = fit_tensor(image, t, full_mask(image.grid), {.chunk = chunk}, d);
            EXPECT_TRUE(test::same_bytes(maps.tensor, expected.tensor));
            EXPECT_TRUE(test::same_bytes(maps.s0, expected.s0));
            EXPECT_TRUE(test::same_bytes(maps.fa, expected.fa));
            EXPECT_TRUE(test::same_bytes(maps.v1, expected.v1));
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
    const auto message = [&](const GradientTable& t, std::int64_t volumes, bool empty_mask = false) -> std::string {
        const ScalarImage image({{2, 2, 2}, {}}, volumes, 1.0f);
        try {
            fit_tensor(image, t, Mask(image.grid, 1, empty_mask ? 0 : 1), {}, cpu);
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
    auto flat = shell_table(1, 12, 1000);
    for (std::size_t k = 1; k < flat.directions.size(); ++k) flat.directions[k] = unit(std::cos(0.2 * double(k)), std::sin(0.2 * double(k)), 0);
    EXPECT_THAT(message(flat, 13), testing::HasSubstr("do not determine a tensor"));
    EXPECT_EQ(message(shell_table(1, 6, 1000), 7), "") << "six directions and one b=0 are enough";
}

}  // namespace
}  // namespace arcuate::dwi
