// FODs of fibres with known directions, against the oracle, and the same bytes however the work is divided.
#include "arcuate/core/directions.hpp"
#include "arcuate/dwi/fod.hpp"

#include "devices.hpp"
#include "dwi/zonal_fit.hpp"
#include "reference/csd.hpp"
#include "simulate.hpp"

#include <gmock/gmock.h>

namespace arcuate::dwi {
namespace {

using test::axial_signal;
using test::shell_table;
using test::unit;

/// The response of the fibres that simulate.hpp makes.
Response response_of_fibre(double b, int lmax) {
    ZonalFit fit(lmax);
    for (int i = 0; i <= 200; ++i) {
        const double cosine = i / 200.0;
        fit.add(cosine, axial_signal(1000, b, {cosine, 0, 0}, {1, 0, 0}, 1.7e-3, 0.3e-3));
    }
    return fit.solve_unconstrained();
}

std::vector<double> fod_of(const ScalarImage& fods, std::int64_t voxel) { return test::voxel_signals(fods, voxel); }

double amplitude(const std::vector<double>& fod, const Vec3d& d) {
    const auto basis = reference::spherical_harmonics(lmax_of_count(static_cast<long long>(fod.size())), d[0], d[1], d[2]);
    double sum = 0;
    for (std::size_t c = 0; c < fod.size(); ++c) sum += basis[c] * fod[c];
    return sum;
}

class Fod : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(Fod);

TEST_P(Fod, SingleFibrePeaksAlongIt) {
    const auto t = shell_table(1, 60, 3000);
    const Vec3d fibre = unit(0.2, -0.6, 0.7);
    ScalarImage image({{1, 1, 1}, {}}, t.size());
    for (std::int64_t k = 0; k < t.size(); ++k)
        image.at(0, k) = static_cast<float>(axial_signal(1000, t.b_values[std::size_t(k)], t.directions[std::size_t(k)], fibre, 1.7e-3, 0.3e-3));
    const auto result = estimate_fod(image, t, full_mask(image.grid), response_of_fibre(3000, 8), {}, device());
    EXPECT_EQ(result.lmax, 8);
    EXPECT_EQ(result.not_converged, 0);
    const auto fod = fod_of(result.fod, 0);
    // The integral of the FOD is the number of fibre bundles' worth of signal: one. c_00 Y_00 4 pi = c_00 sqrt(4 pi).
    EXPECT_NEAR(fod[0] * std::sqrt(4 * std::numbers::pi), 1, 0.01);
    double highest = 0;
    Vec3d peak{};
    for (const auto& d : repelled_directions(2000))
        if (amplitude(fod, d) > highest) highest = amplitude(fod, d), peak = d;
    EXPECT_GT(std::fabs(peak[0] * fibre[0] + peak[1] * fibre[1] + peak[2] * fibre[2]), std::cos(2.5 * std::numbers::pi / 180));  // the set's spacing: 3 degrees
    EXPECT_GT(amplitude(fod, fibre), 0.99 * highest);
}

TEST_P(Fod, SettlesWhereWholeStepsRunInACircle) {
    // With few constraint directions and 20 of the signal, Newton's steps without a search along them circle for ever in some voxels, 3634
    // among them. What they should end at is the function's only minimum: where its gradient is zero.
    const auto t = shell_table(1, 20, 2500);
    const auto image = test::noisy_crossings(t, {4000, 1, 1}, 100);
    const auto response = response_of_fibre(2500, 10);
    const FodOptions options{.lmax = 8, .directions = repelled_directions(60)};
    const auto result = estimate_fod(image, t, full_mask(image.grid), response, options, device());
    EXPECT_EQ(result.not_converged, 0);
    const std::vector<Vec3d> shell(t.directions.begin() + 1, t.directions.end());
    for (const std::int64_t v : {3634, 0, 100}) {
        const auto signal = test::voxel_signals(image, v, 1);
        const auto fod = fod_of(result.fod, v);
        const reference::CsdFunction function(shell, options.directions, response, 8, reference::not_negative(signal));
        EXPECT_LT(function.relative_gradient(Eigen::Map<const Eigen::VectorXd>(fod.data(), static_cast<Eigen::Index>(fod.size()))), 1e-5) << "voxel " << v;
    }
}

TEST_P(Fod, AgreesWithTheOracle) {
    // 60 directions determine lmax 8; 20 do not (super-resolved); 300 constraint directions and a set of another size.
    for (const auto& [directions, lmax, constraints] : {std::tuple{60, 8, 300}, {20, 8, 300}, {20, 6, 150}, {30, 4, 77}, {7, 2, 300}, {90, 10, 300}, {60, 12, 300}}) {
        const auto t = shell_table(2, directions, 2500);
        const auto image = test::noisy_crossings(t, {5, 3, 3}, 30);
        const auto response = response_of_fibre(2500, lmax == 2 ? 2 : lmax == 12 ? 12 : 10);
        const FodOptions options{.lmax = lmax, .directions = repelled_directions(constraints)};
        const auto result = estimate_fod(image, t, full_mask(image.grid), response, options, device());
        const std::vector<Vec3d> shell(t.directions.begin() + 2, t.directions.end());
        for (std::int64_t v = 0; v < image.grid.voxels(); ++v) {
            const auto signal = test::voxel_signals(image, v, 2);
            const auto expected = reference::csd(shell, options.directions, response, lmax, signal);
            const auto fod = fod_of(result.fod, v);
            ASSERT_EQ(fod.size(), static_cast<std::size_t>(expected.size()));
            for (std::size_t c = 0; c < fod.size(); ++c) EXPECT_NEAR(fod[c], expected[static_cast<Eigen::Index>(c)], 1e-6 * expected.norm());
        }
    }
}

TEST_P(Fod, ThreadsAndChunksDoNotChangeAByte) {
    const auto t = shell_table(1, 20, 2000);
    const auto image = test::noisy_crossings(t, {7, 5, 3}, 50);
    const auto response = response_of_fibre(2000, 8);
    const auto expected = estimate_fod(image, t, full_mask(image.grid), response, {}, Device::open("cpu", 1));
    for (const int threads : {1, 2, 3})
        for (const std::int64_t chunk : {1, 13, 1000}) {
            const auto d = device().is_cuda() ? device() : Device::open("cpu", threads);
            EXPECT_TRUE(test::same_bytes(estimate_fod(image, t, full_mask(image.grid), response, {.chunk = chunk}, d).fod, expected.fod));
        }
}

TEST_P(Fod, LeavesUnusableVoxelsZeroAndCountsThem) {
    const auto t = shell_table(1, 20, 2000);
    auto image = test::noisy_crossings(t, {4, 1, 1}, 0);
    image.at(1, 5) = NAN;
    for (std::int64_t k = 1; k < t.size(); ++k) image.at(2, k) = 0;
    image.at(3, 0) = NAN;  // b=0 is not used
    const auto result = estimate_fod(image, t, full_mask(image.grid), response_of_fibre(2000, 8), {}, device());
    EXPECT_EQ(result.skipped, 2);
    EXPECT_EQ(result.fod.at(1), 0);
    EXPECT_EQ(result.fod.at(2), 0);
    EXPECT_GT(result.fod.at(3), 0);
}

TEST(FodErrors, SayWhatIsWrong) {
    const Device cpu = Device::open("cpu", 1);
    const auto message = [&](int directions, const Response& response, const FodOptions& options = {}) -> std::string {
        const auto t = shell_table(1, directions, 2000);
        const ScalarImage image({{2, 2, 2}, {}}, t.size(), 1.0f);
        try {
            estimate_fod(image, t, full_mask(image.grid), response, options, cpu);
        } catch (const InputError& error) {
            return error.what();
        }
        return {};
    };
    EXPECT_THAT(message(5, {1, -1, 1}), testing::HasSubstr("5 distinct directions"));
    EXPECT_THAT(message(0, {1, -1, 1}), testing::HasSubstr("no volume is diffusion-weighted"));
    EXPECT_THAT(message(20, {1}), testing::HasSubstr("no order above l = 0"));
    EXPECT_THAT(message(20, {1, -1, 1}, {.lmax = 8}), testing::HasSubstr("lmax 8 exceeds the response function's"));
    EXPECT_THAT(message(20, {1, -1, 1, -1, 1}, {.lmax = 5}), testing::HasSubstr("lmax 5 is not available for FODs (it is even, from 2 to 12)"));
    EXPECT_THAT(message(20, {1, 0, 1}), testing::HasSubstr("coefficient of l = 2 is 0"));
    EXPECT_EQ(message(6, {1, -1}), "");
}

}  // namespace
}  // namespace arcuate::dwi
