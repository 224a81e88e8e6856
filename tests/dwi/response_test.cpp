// Response functions: the constrained zonal fit by hand, and the response of fibres whose signal is known.
#include "arcuate/dwi/response.hpp"

#include "devices.hpp"
#include "dwi/zonal_fit.hpp"
#include "reference/spherical_harmonics.hpp"
#include "simulate.hpp"

#include <gmock/gmock.h>

namespace arcuate::dwi {
namespace {

using test::axial_signal;
using test::shell_table;
using test::unit;

double response_amplitude(const Response& r, double angle) {
    double sum = 0;
    for (std::size_t i = 0; i < r.size(); ++i) sum += r[i] * reference::spherical_harmonic(static_cast<int>(2 * i), 0, angle, 0);
    return sum;
}

TEST(ZonalFitting, RecoversASeriesThatIsAdmissible) {
    // 100 - 40 P_2: 60 along the fibre, 120 across. Y_l0 = sqrt((2l+1)/4pi) P_l.
    ZonalFit fit(6);
    for (int i = 0; i <= 50; ++i) {
        const double z = i / 50.0;
        fit.add(z, 100 - 40 * (1.5 * z * z - 0.5));
    }
    const double expected[] = {100 * std::sqrt(4 * std::numbers::pi), -40 * std::sqrt(4 * std::numbers::pi / 5), 0, 0};
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_NEAR(fit.solve()[i], expected[i], 1e-6);
        EXPECT_NEAR(fit.solve_unconstrained()[i], expected[i], 1e-6);
    }
}

TEST(ZonalFitting, HoldsItsConstraints) {
    // A sharp valley that lmax 8 overshoots: negative along the fibre and wavy across it, unless held.
    ZonalFit fit(8);
    for (int i = 0; i <= 100; ++i) fit.add(i / 100.0, i > 80 ? 0.0 : 100.0);
    const auto free = fit.solve_unconstrained(), held = fit.solve();
    double lowest_free = 1e9, lowest = 1e9, steepest_fall = 0;
    for (int degree = 0; degree <= 90; ++degree) {
        const double angle = degree * std::numbers::pi / 180;
        lowest_free = std::min(lowest_free, response_amplitude(free, angle));
        lowest = std::min(lowest, response_amplitude(held, angle));
        if (degree > 0)
            steepest_fall = std::max(steepest_fall, response_amplitude(held, angle - std::numbers::pi / 180) - response_amplitude(held, angle));
    }
    EXPECT_LT(lowest_free, -1);
    EXPECT_GT(lowest, -1e-6);
    EXPECT_LT(steepest_fall, 0.02) << "between two degrees it may fall by a hair";
}

TEST(ZonalFitting, IsTheBestAmongTheAdmissible) {
    // No admissible neighbour fits better: the gradient of the misfit, along any direction that stays admissible, is not negative.
    // Checked by 2000 random steps from the solution towards admissible responses (cones are convex).
    std::vector<std::pair<double, double>> samples;
    ZonalFit fit(6);
    for (int i = 0; i <= 60; ++i) {
        samples.emplace_back(i / 60.0, i > 45 ? 5.0 : 100.0);
        fit.add(samples.back().first, samples.back().second);
    }
    const auto misfit = [&](const Response& r) {
        double sum = 0;
        for (const auto& [z, s] : samples) sum += std::pow(response_amplitude(r, std::acos(z)) - s, 2);
        return sum;
    };
    const auto best = fit.solve();
    const kernels::Philox random{3, 0, kernels::Purpose::noise, 0};
    int tried = 0;
    for (std::uint32_t k = 0; k < 2000; ++k) {
        Response other = best;
        const auto bits = random(k);
        for (std::size_t i = 0; i < other.size(); ++i) other[i] += 20 * (static_cast<double>(kernels::uniform(bits.v[i])) - 0.5);
        double previous = 0;
        bool admissible = true;
        for (int degree = 0; degree <= 90; ++degree) {
            const double a = response_amplitude(other, degree * std::numbers::pi / 180);
            admissible = admissible && a >= previous;
            previous = a;
        }
        if (!admissible) continue;
        ++tried;
        EXPECT_GE(misfit(other), misfit(best) - 1e-6);
    }
    EXPECT_GT(tried, 5);
}

class ResponseEstimation : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(ResponseEstimation);

/// Single fibres in the first `single` voxels, crossings elsewhere.
ScalarImage fibres_and_crossings(const GradientTable& t, std::int64_t single) {
    auto image = test::noisy_crossings(t, {9, 7, 5}, 5);
    for (std::int64_t v = 0; v < single; ++v) {
        const double turn = 0.61 * static_cast<double>(v);
        const Vec3d fibre = unit(std::cos(turn), std::sin(turn), std::sin(2.3 * turn));
        for (std::int64_t k = 0; k < t.size(); ++k)
            image.at(v, k) = static_cast<float>(axial_signal(1000, t.b_values[std::size_t(k)], t.directions[std::size_t(k)], fibre, 1.7e-3, 0.3e-3));
    }
    return image;
}

TEST_P(ResponseEstimation, FindsTheSingleFibresAndTheirSignal) {
    const auto t = shell_table(1, 45, 3000);
    const auto image = fibres_and_crossings(t, 60);
    const auto result = estimate_response(image, t, full_mask(image.grid), {.voxels = 40, .candidates = 120, .lmax = 8}, device());
    EXPECT_EQ(result.b_value, 3000);
    std::int64_t chosen = 0;
    for (std::int64_t v = 0; v < image.grid.voxels(); ++v) {
        chosen += result.voxels.at(v);
        if (result.voxels.at(v)) {
            EXPECT_LT(v, 60) << "a crossing was taken for a single fibre";
        }
    }
    EXPECT_EQ(chosen, 40);
    ASSERT_EQ(result.response.size(), 5u);
    // Across the fibre 1000 exp(-0.9) = 406.6, along it 1000 exp(-5.1) = 6.1; half a degree off the fibre hardly changes either.
    EXPECT_NEAR(response_amplitude(result.response, std::numbers::pi / 2), 406.6, 4);
    EXPECT_NEAR(response_amplitude(result.response, 0), 6.1, 4);
}

TEST_P(ResponseEstimation, ThreadsAndChunksDoNotChangeABit) {
    const auto t = shell_table(1, 30, 2000);
    const auto image = fibres_and_crossings(t, 60);
    const ResponseOptions options{.voxels = 30, .candidates = 100, .max_iterations = 3};
    const auto expected = estimate_response(image, t, full_mask(image.grid), options, Device::open("cpu", 1));
    for (const int threads : {1, 2, 3})
        for (const std::int64_t chunk : {7, 64, 1000}) {
            auto same = options;
            same.chunk = chunk;
            const auto d = device().is_cuda() ? device() : Device::open("cpu", threads);
            const auto result = estimate_response(image, t, full_mask(image.grid), same, d);
            EXPECT_EQ(result.response, expected.response);
            EXPECT_TRUE(test::same_bytes(result.voxels, expected.voxels));
        }
}

TEST(ResponseErrors, SayWhatIsWrong) {
    const Device cpu = Device::open("cpu", 1);
    const auto message = [&](float signal, ResponseOptions options, int directions = 20) -> std::string {
        const auto t = shell_table(1, directions, 2000);
        const ScalarImage image({{2, 2, 2}, {}}, t.size(), signal);
        try {
            estimate_response(image, t, full_mask(image.grid), options, cpu);
        } catch (const InputError& error) {
            return error.what();
        }
        return {};
    };
    EXPECT_THAT(message(NAN, {}), testing::HasSubstr("no voxel of the mask has a usable signal"));
    EXPECT_THAT(message(1, {.lmax = 7}), testing::HasSubstr("lmax 7 is not available"));
    EXPECT_THAT(message(1, {.candidates = 10}), testing::HasSubstr("no fewer candidates than voxels"));
    EXPECT_THAT(message(1, {}, 5), testing::HasSubstr("5 distinct directions"));
}

}  // namespace
}  // namespace arcuate::dwi
