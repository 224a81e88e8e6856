// Kurtosis of voxels whose kurtosis is known, against the oracle, and the same bytes however the work is divided.
#include "arcuate/dwi/kurtosis.hpp"

#include "devices.hpp"
#include "kernels/kurtosis_metrics.hpp"
#include "reference/kurtosis.hpp"
#include "simulate.hpp"

#include <gmock/gmock.h>

namespace arcuate::dwi {
namespace {

using test::shell_table;
using test::unit;

class KurtosisFitting : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(KurtosisFitting);

/// b = 0 twice, then shells of `directions` at 1000 and 2500.
GradientTable two_shells(int directions) {
    auto t = shell_table(2, directions, 1000);
    for (const auto& d : shell_table(0, directions, 2500).directions) {
        t.directions.push_back(d);
        t.b_values.push_back(2500);
    }
    return t;
}

/// Two Gaussian compartments along one fibre, of fractions f and 1 - f: their mean diffusivity and its variance by direction give
/// ln S = ln S0 - b D + b^2/2 Var, so that K(n) = 3 Var(n) / D(n)^2 (the cumulants of their mixture, cut after the second).
struct TwoCompartments {
    double f, axial[2], radial[2];  // [mm2/s]
    Vec3d fibre;

    double mean(double c2) const { return f * in(0, c2) + (1 - f) * in(1, c2); }
    double kurtosis(double c2) const { return 3 * f * (1 - f) * std::pow(in(0, c2) - in(1, c2), 2) / std::pow(mean(c2), 2); }
    double in(int k, double c2) const { return radial[k] + (axial[k] - radial[k]) * c2; }

    ScalarImage image(const GradientTable& t, double s0) const {
        ScalarImage out({{1, 1, 1}, {}}, t.size());
        for (std::int64_t k = 0; k < t.size(); ++k) {
            const auto& g = t.directions[static_cast<std::size_t>(k)];
            const double b = t.b_values[static_cast<std::size_t>(k)], c = g[0] * fibre[0] + g[1] * fibre[1] + g[2] * fibre[2], d = mean(c * c);
            out.at(0, k) = static_cast<float>(s0 * std::exp(-b * d + b * b * d * d * kurtosis(c * c) / 6));
        }
        return out;
    }
};

// Diffusivities 1.5 and 0.5 in equal parts: mean 1, variance 0.25, so K = 0.75 along every direction.
TEST_P(KurtosisFitting, IsotropicVoxel) {
    const auto t = two_shells(20);
    const auto image = TwoCompartments{0.5, {1.5e-3, 0.5e-3}, {1.5e-3, 0.5e-3}, unit(1, 0, 0)}.image(t, 700);
    for (const auto fit : {TensorFit::ols, TensorFit::wls, TensorFit::iwls}) {
        const auto maps = fit_kurtosis(image, t, full_mask(image.grid), {.fit = fit}, device());
        EXPECT_EQ(maps.fitted, 1);
        EXPECT_EQ(maps.undefined, 0);
        for (const auto* map : {&maps.mk, &maps.ak, &maps.rk, &maps.mkt}) EXPECT_NEAR(map->at(0), 0.75, 1e-5);
        for (int e = 0; e < 15; ++e) EXPECT_NEAR(maps.kurtosis.at(0, e), e < 3 ? 0.75 : (e >= 9 && e < 12 ? 0.25 : 0), 1e-5) << e;
        for (const auto* map : {&maps.md, &maps.ad, &maps.rd}) EXPECT_NEAR(map->at(0), 1e-3, 1e-8);
        EXPECT_NEAR(maps.fa.at(0), 0, 1e-5);
        EXPECT_NEAR(maps.s0.at(0), 700, 1e-2);
    }
}

// Along the fibre 2.0 and 1.6, across it 0.2 and 0.8, f = 0.6: AK = 3 0.24 0.16 / 1.84^2, RK = 3 0.24 0.36 / 0.44^2.
TEST_P(KurtosisFitting, TwoCompartmentsAlongObliqueFibre) {
    const auto t = two_shells(30);
    const TwoCompartments voxel{0.6, {2.0e-3, 1.6e-3}, {0.2e-3, 0.8e-3}, unit(-0.3, 0.8, 0.5)};
    const auto image = voxel.image(t, 1000);
    double mean = 0;
    for (int i = 0; i < 100000; ++i) mean += voxel.kurtosis(std::pow((i + 0.5) / 100000, 2)) / 100000;
    for (const auto fit : {TensorFit::ols, TensorFit::wls, TensorFit::iwls}) {
        const auto maps = fit_kurtosis(image, t, full_mask(image.grid), {.fit = fit}, device());
        EXPECT_NEAR(maps.ak.at(0), 3 * 0.24 * 0.16 / (1.84 * 1.84), 2e-5);
        EXPECT_NEAR(maps.rk.at(0), 3 * 0.24 * 0.36 / (0.44 * 0.44), 2e-5);
        EXPECT_NEAR(maps.mk.at(0), mean, 2e-5);
        EXPECT_NEAR(maps.ad.at(0), 1.84e-3, 1e-8);
        EXPECT_NEAR(maps.rd.at(0), 0.44e-3, 1e-8);
    }
    const auto cut = fit_kurtosis(image, t, full_mask(image.grid), {.min_kurtosis = 0.1, .max_kurtosis = 0.5}, device());
    EXPECT_EQ(cut.ak.at(0), 0.1f);
    EXPECT_EQ(cut.rk.at(0), 0.5f);
}

TEST_P(KurtosisFitting, AgreesWithTheOracle) {
    const auto t = two_shells(31);
    const auto image = test::noisy_crossings(t, {5, 3, 1}, 15);
    for (const auto& [fit, iterations, reweightings] : {std::tuple{TensorFit::ols, 0, -1}, {TensorFit::wls, 0, 0}, {TensorFit::iwls, 3, 3}}) {
        const auto maps = fit_kurtosis(image, t, full_mask(image.grid), {.fit = fit, .iterations = iterations, .min_kurtosis = -10, .max_kurtosis = 100}, device());
        EXPECT_EQ(maps.fitted, 15);
        EXPECT_EQ(maps.undefined, 0);
        for (std::int64_t v = 0; v < image.grid.voxels(); ++v) {
            const auto expected = reference::fit_kurtosis(t, test::voxel_signals(image, v), reweightings);
            const std::pair<int, int> elements[] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}};
            for (int i = 0; i < 6; ++i) EXPECT_NEAR(maps.tensor.at(v, i), expected.d(elements[i].first, elements[i].second), 3e-9);
            for (int e = 0; e < 15; ++e) EXPECT_NEAR(maps.kurtosis.at(v, e), expected.w[static_cast<std::size_t>(e)], 2e-5);
            EXPECT_NEAR(maps.s0.at(v), expected.s0, 1e-6 * expected.s0);
            EXPECT_NEAR(maps.mk.at(v), expected.mk, 1e-4);
            EXPECT_NEAR(maps.ak.at(v), expected.ak, 2e-5);
            EXPECT_NEAR(maps.rk.at(v), expected.rk, 5e-5);
            EXPECT_NEAR(maps.mkt.at(v), expected.mkt, 3e-5);
        }
    }
}

TEST_P(KurtosisFitting, ThreadsAndChunksDoNotChangeAByte) {
    const auto t = two_shells(20);
    const auto image = test::noisy_crossings(t, {7, 5, 3}, 40);
    const auto expected = fit_kurtosis(image, t, full_mask(image.grid), {}, Device::open("cpu", 1));
    for (const int threads : {1, 2, 3})
        for (const std::int64_t chunk : {1, 13, 1000}) {
            const auto d = device().is_cuda() ? device() : Device::open("cpu", threads);
            const auto maps = fit_kurtosis(image, t, full_mask(image.grid), {.chunk = chunk}, d);
            EXPECT_EQ(maps.undefined, expected.undefined);
            for (const auto& [a, b] : {std::pair{&maps.tensor, &expected.tensor}, {&maps.kurtosis, &expected.kurtosis}, {&maps.mk, &expected.mk},
                                       {&maps.ak, &expected.ak}, {&maps.rk, &expected.rk}, {&maps.mkt, &expected.mkt}, {&maps.s0, &expected.s0}})
                EXPECT_TRUE(test::same_bytes(*a, *b));
        }
}

TEST_P(KurtosisFitting, LeavesUnusableVoxelsZeroAndCountsThem) {
    const auto t = two_shells(20);
    auto image = test::noisy_crossings(t, {6, 1, 1}, 0);
    image.at(1, 3) = NAN;
    image.at(2, 0) = INFINITY;
    for (std::int64_t k = 0; k < t.size(); ++k) {
        image.at(3, k) = 0;
        // Rises with b along z: the tensor has a negative eigenvalue.
        const double z = t.directions[static_cast<std::size_t>(k)][2], b = t.b_values[static_cast<std::size_t>(k)];
        image.at(5, k) = static_cast<float>(500 * std::exp(-b * (1e-3 - 1.2e-3 * z * z)));
    }
    auto mask = full_mask(image.grid);
    mask.at(4) = 0;
    const auto maps = fit_kurtosis(image, t, mask, {}, device());
    EXPECT_EQ(maps.fitted, 2);
    EXPECT_EQ(maps.skipped, 3);
    EXPECT_EQ(maps.undefined, 1);
    EXPECT_GT(maps.mk.at(0), 0);
    for (std::int64_t v = 1; v < 5; ++v)
        for (const auto* map : {&maps.mk, &maps.md, &maps.s0}) EXPECT_EQ(map->at(v), 0) << v;
    EXPECT_NEAR(maps.md.at(5), 0.6e-3, 1e-8);
    for (const auto* map : {&maps.mk, &maps.ak, &maps.rk}) EXPECT_EQ(map->at(5), 0);
}

// sum l_i l_j <n_i^2 n_j^2 / D^2> = 1 whatever the eigenvalues; and for l = (a, r, r), with k^2 = r / (a - r),
// <n_1^4 / D^2> (a - r)^2 = 1 - 3/2 k atan(1/k) + k^2 / (2 (1 + k^2)).
TEST(KurtosisMoments, AreExactForEveryAnisotropy) {
    double worst = 0;
    for (const double r : {1.0, 0.999999, 0.5, 0.1, 1e-2, 1e-3, 1e-4, 1.1e-5})
        for (const double middle : {r, std::sqrt(r), 1.0})
            for (const double scale : {1.0, 3e-3}) {
                const double l[3] = {scale, middle * scale, r * scale};
                double mean[3][3], sum = 0;
                kernels::sphere_moments(l, mean);
                for (int i = 0; i < 3; ++i)
                    for (int j = 0; j < 3; ++j) sum += l[i] * l[j] * mean[i][j];
                EXPECT_NEAR(sum, 1, 2e-9) << r << ' ' << middle;
                worst = std::max(worst, std::fabs(sum - 1));
                if (middle == r && r <= 0.5) {
                    const double k = std::sqrt(r / (1 - r));
                    const double exact = (1 - 1.5 * k * std::atan(1 / k) + k * k / (2 * (1 + k * k))) / ((1 - r) * (1 - r));
                    EXPECT_NEAR(mean[0][0] * scale * scale / exact, 1, 2e-9) << r;
                    worst = std::max(worst, std::fabs(mean[0][0] * scale * scale / exact - 1));
                }
            }
    RecordProperty("worst", testing::PrintToString(worst));
}

TEST(KurtosisErrors, SayWhatIsWrong) {
    const Device cpu = Device::open("cpu", 1);
    const auto message = [&](const GradientTable& t, const KurtosisOptions& options = {}) -> std::string {
        const ScalarImage image({{2, 2, 2}, {}}, t.size(), 1.0f);
        try {
            fit_kurtosis(image, t, full_mask(image.grid), options, cpu);
        } catch (const InputError& error) {
            return error.what();
        }
        return {};
    };
    EXPECT_THAT(message(shell_table(2, 30, 1000)), testing::HasSubstr("one shell above b = 0 (b = 1000"));
    EXPECT_THAT(message(two_shells(14)), testing::HasSubstr("14 distinct diffusion directions"));
    EXPECT_THAT(message(shell_table(5, 0, 0)), testing::HasSubstr("every b-value is 0"));
    auto t = two_shells(20);
    t.directions.erase(t.directions.begin(), t.directions.begin() + 2);
    t.b_values.erase(t.b_values.begin(), t.b_values.begin() + 2);
    EXPECT_THAT(message(t), testing::HasSubstr("leave S0 unknown"));
    t = two_shells(20);
    for (std::size_t k = 2; k < t.directions.size(); ++k) t.directions[k] = unit(std::cos(0.17 * double(k)), std::sin(0.17 * double(k)), 0.5);
    EXPECT_THAT(message(t), testing::HasSubstr("does not determine a kurtosis tensor"));
    EXPECT_THAT(message(two_shells(20), {.min_kurtosis = 2, .max_kurtosis = 1}), testing::HasSubstr("cannot be cut to 2 ... 1"));
    EXPECT_EQ(message(two_shells(20)), "");
}

}  // namespace
}  // namespace arcuate::dwi
