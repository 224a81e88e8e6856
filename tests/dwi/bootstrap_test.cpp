// The bootstrap against one that refits every replicate, its bytes, and whether its intervals cover a truth that is known.
#include "arcuate/dwi/bootstrap.hpp"

#include "devices.hpp"
#include "kernels/select.hpp"
#include "reference/bootstrap.hpp"
#include "simulate.hpp"

#include <gmock/gmock.h>

namespace arcuate::dwi {
namespace {

using test::shell_table;

class TensorBootstrap : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(TensorBootstrap);

constexpr ScalarImage BootstrapMaps::*all_maps[] = {&BootstrapMaps::fa_se,    &BootstrapMaps::fa_lower, &BootstrapMaps::fa_upper, &BootstrapMaps::md_se,
                                                    &BootstrapMaps::md_lower, &BootstrapMaps::md_upper, &BootstrapMaps::v1_cone95};

/// Voxels of one axially symmetric tensor (MD 0.7e-3) with this FA, turned another way in each, with Rician noise.
struct Simulated {
    ScalarImage image;
    std::vector<Vec3d> fibres;
};
Simulated rician_tensors(const GradientTable& t, std::int64_t voxels, double fa, double snr, std::uint64_t seed) {
    Simulated out{ScalarImage({{voxels, 1, 1}, {}}, t.size()), {}};
    const double spread = fa / std::sqrt(3 - 2 * fa * fa), axial = 0.7e-3 * (1 + 2 * spread), radial = 0.7e-3 * (1 - spread);
    for (std::int64_t v = 0; v < voxels; ++v) {
        const auto item = static_cast<std::uint64_t>(v);
        const auto turn = kernels::Philox{seed, item, kernels::Purpose::noise, 1}(0);
        float x, y, z;
        kernels::uniform_direction(turn.v[0], turn.v[1], x, y, z);
        out.fibres.push_back({double(x), double(y), double(z)});
        for (std::int64_t k = 0; k < t.size(); ++k) {
            const auto i = static_cast<std::size_t>(k);
            const auto bits = kernels::Philox{seed, item, kernels::Purpose::noise, 0}(static_cast<std::uint32_t>(k));
            const auto noise = kernels::normal2(bits.v[0], bits.v[1]);
            const double real = test::axial_signal(1000, t.b_values[i], t.directions[i], out.fibres.back(), axial, radial) + 1000 / snr * double(noise.a);
            out.image.at(v, k) = static_cast<float>(std::hypot(real, 1000 / snr * double(noise.b)));
        }
    }
    return out;
}

// 140 volumes: more signs than one draw of random bits holds. One b=0 volume: the fit follows it whatever it says.
TEST_P(TensorBootstrap, AgreesWithRefittingEveryReplicate) {
    for (const auto& t : {shell_table(10, 130, 1000), shell_table(1, 20, 1500)}) {
        const auto image = rician_tensors(t, 12, 0.6, 25, 3).image;
        for (const bool wild : {true, false})
            for (const auto leverage : {LeverageCorrection::hc2, LeverageCorrection::hc3}) {
                BootstrapOptions options{.method = wild ? BootstrapMethod::wild : BootstrapMethod::residual, .leverage = leverage, .replicates = 60, .seed = 5};
                const auto normal = bootstrap_tensor(image, t, full_mask(image.grid), options, device());
                options.interval = BootstrapInterval::percentile;
                const auto percentile = bootstrap_tensor(image, t, full_mask(image.grid), options, device());
                for (std::int64_t v = 0; v < 12; ++v) {
                    const auto e = reference::bootstrap(t, test::voxel_signals(image, v), static_cast<std::uint64_t>(v), 5, 60, wild,
                                                        leverage == LeverageCorrection::hc3 ? 1 : 0.5);
                    EXPECT_NEAR(normal.fa_se.at(v), e.fa_se, 1e-4 * e.fa_se);
                    EXPECT_NEAR(normal.md_se.at(v), e.md_se, 1e-4 * e.md_se);
                    EXPECT_NEAR(normal.fa_lower.at(v), e.fa_interval[0], 1e-5);
                    EXPECT_NEAR(normal.fa_upper.at(v), e.fa_interval[1], 1e-5);
                    EXPECT_NEAR(normal.md_lower.at(v), e.md_interval[0], 1e-8);
                    EXPECT_NEAR(normal.md_upper.at(v), e.md_interval[1], 1e-8);
                    EXPECT_NEAR(percentile.fa_lower.at(v), e.fa_percentiles[0], 1e-5);
                    EXPECT_NEAR(percentile.fa_upper.at(v), e.fa_percentiles[1], 1e-5);
                    EXPECT_NEAR(percentile.md_lower.at(v), e.md_percentiles[0], 1e-8);
                    EXPECT_NEAR(percentile.md_upper.at(v), e.md_percentiles[1], 1e-8);
                    EXPECT_NEAR(normal.v1_cone95.at(v), e.cone95, 1e-3);
                    EXPECT_EQ(normal.v1_cone95.at(v), percentile.v1_cone95.at(v));
                }
            }
    }
}

// 2000 noise draws per FA, SNR 30, 5 b=0 and 30 directions at b=1000, 500 replicates. Coverage of a true 95% has a standard error of 0.5%.
TEST_P(TensorBootstrap, IntervalsAndConesCoverTheTruth) {
    const auto t = shell_table(5, 30, 1000);
    for (const double fa : {0.2, 0.4, 0.6, 0.8}) {
        const auto data = rician_tensors(t, 2000, fa, 30, 11);
        const auto maps = bootstrap_tensor(data.image, t, full_mask(data.image.grid), {}, device());
        const auto tensors = fit_tensor(data.image, t, full_mask(data.image.grid), {}, device());
        double covered = 0, md_covered = 0, in_cone = 0;
        for (std::int64_t v = 0; v < 2000; ++v) {
            covered += maps.fa_lower.at(v) <= fa && fa <= maps.fa_upper.at(v);
            md_covered += maps.md_lower.at(v) <= 0.7e-3 && 0.7e-3 <= maps.md_upper.at(v);
            double cosine = 0;
            for (int i = 0; i < 3; ++i) cosine += double(tensors.v1.at(v, i)) * data.fibres[std::size_t(v)][std::size_t(i)];
            in_cone += std::acos(std::min(1.0, std::fabs(cosine))) * 180 / M_PI <= maps.v1_cone95.at(v);
            EXPECT_NEAR(maps.fa_upper.at(v) - tensors.fa.at(v), 1.96 * maps.fa_se.at(v), 1e-5) << "the interval is around FA as fit_tensor has it";
        }
        EXPECT_GE(covered / 2000, 0.93) << fa;
        EXPECT_LE(covered / 2000, 0.97) << fa;
        EXPECT_GE(md_covered / 2000, 0.93) << fa;
        EXPECT_LE(md_covered / 2000, 0.97) << fa;
        if (fa > 0.3) {
            EXPECT_GE(in_cone / 2000, 0.93) << fa;
            EXPECT_LE(in_cone / 2000, 0.98) << fa;
        }
    }
}

TEST_P(TensorBootstrap, NoNoiseNoDoubt) {
    const auto t = shell_table(3, 30, 1000);
    const auto image = rician_tensors(t, 3, 0.7, 1e9, 1).image;
    const auto maps = bootstrap_tensor(image, t, full_mask(image.grid), {.replicates = 50}, device());
    for (std::int64_t v = 0; v < 3; ++v) {
        EXPECT_NEAR(maps.fa_se.at(v), 0, 1e-5);
        EXPECT_NEAR(maps.fa_lower.at(v), 0.7, 1e-5);
        EXPECT_NEAR(maps.md_upper.at(v), 0.7e-3, 1e-8);
        EXPECT_NEAR(maps.v1_cone95.at(v), 0, 1e-3);
    }
}

// The same bytes also inside a smaller mask: a voxel's numbers are its own.
TEST_P(TensorBootstrap, ThreadsChunksAndMaskDoNotChangeAByte) {
    const auto t = shell_table(1, 20, 1000);
    const auto image = test::noisy_crossings(t, {7, 5, 3}, 60);
    auto part = full_mask(image.grid);
    for (std::int64_t v = 0; v < 105; v += 3) part.at(v) = 0;
    for (const auto method : {BootstrapMethod::wild, BootstrapMethod::residual}) {
        const auto expected = bootstrap_tensor(image, t, full_mask(image.grid), {.method = method, .replicates = 40}, Device::open("cpu", 1));
        for (const int threads : {1, 2, 3})
            for (const std::int64_t chunk : {1, 13, 1000}) {
                const auto d = device().is_cuda() ? device() : Device::open("cpu", threads);
                const auto maps = bootstrap_tensor(image, t, full_mask(image.grid), {.method = method, .replicates = 40, .chunk = chunk}, d);
                for (const auto map : all_maps) EXPECT_TRUE(test::same_bytes(maps.*map, expected.*map));
            }
        const auto masked = bootstrap_tensor(image, t, part, {.method = method, .replicates = 40}, device());
        for (const auto map : all_maps)
            for (std::int64_t v = 0; v < 105; ++v) EXPECT_EQ((masked.*map).at(v), part.at(v) ? (expected.*map).at(v) : 0.0f);
        EXPECT_FALSE(test::same_bytes(expected.fa_se, bootstrap_tensor(image, t, full_mask(image.grid), {.method = method, .replicates = 40, .seed = 2}, device()).fa_se));
    }
}

TEST_P(TensorBootstrap, LeavesUnusableVoxelsZeroAndCountsThem) {
    const auto t = shell_table(2, 15, 1000);
    auto image = test::noisy_crossings(t, {4, 1, 1}, 30);
    image.at(1, 3) = NAN;
    for (std::int64_t k = 0; k < t.size(); ++k) image.at(2, k) = 0;
    const auto maps = bootstrap_tensor(image, t, full_mask(image.grid), {.replicates = 20}, device());
    EXPECT_EQ(maps.fitted, 2);
    EXPECT_EQ(maps.skipped, 2);
    for (const auto map : all_maps) {
        EXPECT_GT((maps.*map).at(3), 0);
        EXPECT_EQ((maps.*map).at(1), 0);
        EXPECT_EQ((maps.*map).at(2), 0);
    }
}

TEST(BootstrapErrors, SayWhatIsWrong) {
    const auto message = [](const GradientTable& t, const BootstrapOptions& options) -> std::string {
        const ScalarImage image({{2, 1, 1}, {}}, t.size(), 1.0f);
        try {
            bootstrap_tensor(image, t, full_mask(image.grid), options, Device::open("cpu", 1));
        } catch (const InputError& error) {
            return error.what();
        }
        return {};
    };
    EXPECT_THAT(message(shell_table(1, 6, 1000), {}), testing::HasSubstr("7 volumes leave no residuals"));
    EXPECT_THAT(message(shell_table(1, 12, 1000), {.replicates = 1}), testing::HasSubstr("1 bootstrap replicates"));
    EXPECT_THAT(message(shell_table(1, 12, 1000), {.shells = {0, 3000}}), testing::HasSubstr("no shell at b = 3000"));
}

TEST(OrderStatistics, AgreeWithSorting) {
    for (const int n : {2, 3, 20, 101}) {
        std::vector<float> values(static_cast<std::size_t>(n));
        for (int i = 0; i < n; ++i) values[std::size_t(i)] = float(i * 37 % 11);  // with ties
        auto sorted = values;
        std::sort(sorted.begin(), sorted.end());
        for (int k = 0; k < n; ++k) {
            auto row = values;
            EXPECT_EQ(kernels::select(row.data(), n, k), sorted[std::size_t(k)]);
        }
        auto row = values;
        EXPECT_NEAR(kernels::quantile(row.data(), n, 39, 40).value(), reference::percentile({values.begin(), values.end()}, 0.975), 1e-5);
    }
}

}  // namespace
}  // namespace arcuate::dwi
