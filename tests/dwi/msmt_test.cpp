// Multi-tissue FODs of known mixtures, against the oracle, and the same bytes however the work is divided.
#include "arcuate/core/directions.hpp"
#include "arcuate/dwi/msmt.hpp"

#include "devices.hpp"
#include "dwi/zonal_fit.hpp"
#include "reference/msmt.hpp"
#include "simulate.hpp"

#include <gmock/gmock.h>

#include <limits>

namespace arcuate::dwi {
namespace {

using test::axial_signal;
using test::unit;

constexpr double axial = 1.7e-3, radial = 0.2e-3, grey = 0.8e-3, fluid = 3.0e-3;
constexpr double s0_wm = 800, s0_gm = 1000, s0_csf = 2500;
const double root_4_pi = std::sqrt(4 * std::numbers::pi);

/// 3 volumes of b = 0, then shells of 1000 (20 directions) and 2500 (45).
GradientTable two_shells() {
    auto t = test::shell_table(3, 20, 1000);
    const auto outer = test::shell_table(0, 45, 2500);
    t.directions.insert(t.directions.end(), outer.directions.begin(), outer.directions.end());
    t.b_values.insert(t.b_values.end(), outer.b_values.begin(), outer.b_values.end());
    return t;
}

std::vector<Tissue> three_tissues() {
    Tissue wm{"wm", {}}, gm{"gm", {}}, csf{"csf", {}};
    for (const double b : {0.0, 1000.0, 2500.0}) {
        ZonalFit fit(8);
        for (int i = 0; i <= 200; ++i) fit.add(i / 200.0, axial_signal(s0_wm, b, {i / 200.0, 0, 0}, {1, 0, 0}, axial, radial));
        wm.shells.push_back(b > 0 ? fit.solve_unconstrained() : Response{s0_wm * root_4_pi, 0, 0, 0, 0});
        gm.shells.push_back({s0_gm * std::exp(-b * grey) * root_4_pi});
        csf.shells.push_back({s0_csf * std::exp(-b * fluid) * root_4_pi});
    }
    return {wm, gm, csf};
}

/// Signal of a mixture: fibres with shares along directions, grey matter and fluid.
double mixture(const GradientTable& t, std::size_t k, const std::vector<std::pair<double, Vec3d>>& fibres, double gm, double csf) {
    double s = gm * s0_gm * std::exp(-t.b_values[k] * grey) + csf * s0_csf * std::exp(-t.b_values[k] * fluid);
    for (const auto& [share, direction] : fibres) s += share * axial_signal(s0_wm, t.b_values[k], t.directions[k], direction, axial, radial);
    return s;
}

/// A block of noisy mixtures, every voxel another.
ScalarImage noisy_mixtures(const GradientTable& t, std::array<std::int64_t, 3> size, double sigma) {
    ScalarImage image({size, {}}, t.size());
    for (std::int64_t v = 0; v < image.grid.voxels(); ++v) {
        const double turn = 0.37 * static_cast<double>(v), gm = 0.3 * (1 + std::sin(turn)) / 2, csf = 0.4 * (1 + std::cos(2 * turn)) / 2, wm = 1 - gm - csf;
        for (std::int64_t k = 0; k < t.size(); ++k) {
            const kernels::Philox stream{11, static_cast<std::uint64_t>(v), kernels::Purpose::noise, 0};
            const auto r = stream(static_cast<std::uint32_t>(k));
            image.at(v, k) = static_cast<float>(mixture(t, static_cast<std::size_t>(k),
                                                        {{0.6 * wm, unit(std::cos(turn), std::sin(turn), 0.3)}, {0.4 * wm, unit(std::sin(turn), 0.2, std::cos(2 * turn))}},
                                                        gm, csf) +
                                                sigma * static_cast<double>(kernels::normal2(r.v[0], r.v[1]).a));
        }
    }
    return image;
}

class Msmt : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(Msmt);

// One voxel of each tissue alone: the integral of its own FOD is 1, of the others 0, but for what the FOD's limited order costs.
TEST_P(Msmt, PureVoxels) {
    const auto t = two_shells();
    ScalarImage image({{3, 1, 1}, {}}, t.size());
    const Vec3d fibre = unit(0.2, -0.6, 0.7);
    for (std::int64_t k = 0; k < t.size(); ++k) {
        const auto i = static_cast<std::size_t>(k);
        image.at(0, k) = static_cast<float>(mixture(t, i, {{1, fibre}}, 0, 0));
        image.at(1, k) = static_cast<float>(mixture(t, i, {}, 1, 0));
        image.at(2, k) = static_cast<float>(mixture(t, i, {}, 0, 1));
    }
    const auto result = estimate_msmt_fod(image, t, full_mask(image.grid), three_tissues(), {}, device());
    EXPECT_EQ(result.lmax, (std::vector{8, 0, 0}));
    EXPECT_EQ(result.skipped, 0);
    EXPECT_EQ(result.not_converged, 0);
    for (int tissue = 0; tissue < 3; ++tissue)
        for (int voxel = 0; voxel < 3; ++voxel)
            EXPECT_NEAR(static_cast<double>(result.fods[static_cast<std::size_t>(tissue)].at(voxel)) * root_4_pi, tissue == voxel ? 1 : 0, 0.05) << tissue << voxel;
    // The white matter's FOD is highest along the fibre.
    const auto fod = test::voxel_signals(result.fods[0], 0);
    const auto amplitude = [&](const Vec3d& d) {
        const auto basis = reference::spherical_harmonics(8, d[0], d[1], d[2]);
        double sum = 0;
        for (std::size_t c = 0; c < fod.size(); ++c) sum += basis[c] * fod[c];
        return sum;
    };
    for (const auto& d : repelled_directions(500)) EXPECT_LE(amplitude(d), 1.005 * amplitude(fibre));
}

TEST_P(Msmt, AgreesWithTheOracle) {
    const auto t = two_shells();
    const auto image = noisy_mixtures(t, {5, 3, 3}, 40);
    const auto tissues = three_tissues();
    const auto directions = repelled_directions(150);
    std::vector<std::size_t> shell_of;
    for (const double b : t.b_values) shell_of.push_back(b < 10 ? 0 : b < 2000 ? 1 : 2);
    for (const auto& lmax : {std::vector{8, 0, 0}, std::vector{4, 0, 0}, std::vector{6, 2, 0}, std::vector{8, 4, 0}}) {  // the last has 61 coefficients: the kernel for up to 95
        auto used = tissues;
        if (lmax[1] > 0)
            for (auto& row : used[1].shells)
                for (const double share : {-0.3, 0.1}) row.push_back(share * row[0]);
        std::vector<std::vector<Response>> responses;
        for (const auto& tissue : used) responses.push_back(tissue.shells);
        for (auto& tissue : responses)
            for (auto& row : tissue) row.resize(std::max<std::size_t>(row.size(), 5), 0.0);
        const auto system = reference::msmt_system(t, shell_of, responses, lmax, directions);
        const auto result = estimate_msmt_fod(image, t, full_mask(image.grid), used, {.lmax = lmax, .directions = directions}, device());
        EXPECT_EQ(result.not_converged, 0);
        for (std::int64_t v = 0; v < image.grid.voxels(); ++v) {
            const auto expected = reference::msmt(system, test::voxel_signals(image, v));
            Eigen::VectorXd x(expected.size());
            Eigen::Index c = 0;
            for (const auto& fod : result.fods)
                for (const double value : test::voxel_signals(fod, v)) x[c++] = value;
            EXPECT_LE((x - expected).norm(), 1e-6 * expected.norm()) << "voxel " << v << ", lmax " << lmax[0];
            // Nowhere negative, but for what rounding to float leaves.
            EXPECT_GE((system.a * x).minCoeff(), -1e-6 * (system.a * x).maxCoeff());
        }
    }
}

TEST_P(Msmt, ThreadsAndChunksDoNotChangeAByte) {
    const auto t = two_shells();
    const auto image = noisy_mixtures(t, {7, 5, 3}, 60);
    const auto tissues = three_tissues();
    const auto expected = estimate_msmt_fod(image, t, full_mask(image.grid), tissues, {}, Device::open("cpu", 1));
    for (const int threads : {1, 2, 3})
        for (const std::int64_t chunk : {1, 13, 1000}) {
            const auto d = device().is_cuda() ? device() : Device::open("cpu", threads);
            const auto result = estimate_msmt_fod(image, t, full_mask(image.grid), tissues, {.chunk = chunk}, d);
            for (std::size_t k = 0; k < 3; ++k) EXPECT_TRUE(test::same_bytes(result.fods[k], expected.fods[k]));
        }
}

TEST_P(Msmt, VoxelsThatCannotBeFittedAreZeroAndCounted) {
    const auto t = two_shells();
    auto image = noisy_mixtures(t, {5, 1, 1}, 0);
    image.at(1, 4) = std::numeric_limits<float>::infinity();
    for (std::int64_t k = 0; k < t.size(); ++k) image.at(2, k) = 0;
    for (std::int64_t k = 0; k < t.size(); ++k) image.at(3, k) = -1;
    image.at(4, 2) = -50;  // one negative signal counts as zero
    const auto result = estimate_msmt_fod(image, t, full_mask(image.grid), three_tissues(), {}, device());
    EXPECT_EQ(result.skipped, 3);
    for (const int v : {1, 2, 3})
        for (const auto& fod : result.fods)
            for (std::int64_t c = 0; c < fod.volumes; ++c) EXPECT_EQ(fod.at(v, c), 0);
    EXPECT_GT(result.fods[0].at(0), 0);
    EXPECT_GT(result.fods[0].at(4), 0);
}

TEST(MsmtErrors, SayWhatIsWrong) {
    const Device cpu = Device::open("cpu", 1);
    const auto message = [&](const GradientTable& t, const std::vector<Tissue>& tissues, const MsmtOptions& options = {}) -> std::string {
        const ScalarImage image({{2, 2, 2}, {}}, t.size(), 1.0f);
        try {
            estimate_msmt_fod(image, t, full_mask(image.grid), tissues, options, cpu);
        } catch (const InputError& error) {
            return error.what();
        }
        return {};
    };
    const auto t = two_shells();
    auto tissues = three_tissues();
    EXPECT_EQ(message(t, tissues), "");
    EXPECT_THAT(message(t, {}), testing::HasSubstr("no tissue response"));
    EXPECT_THAT(message(test::shell_table(1, 30, 1000), tissues), testing::HasSubstr("has 3 rows but the image has 2 shells (b = 0, 1000 s/mm2)"));
    EXPECT_THAT(message(t, tissues, {.lmax = {8}}), testing::HasSubstr("1 values of lmax were given for 3 tissues"));
    EXPECT_THAT(message(t, tissues, {.lmax = {10, 0, 0}}), testing::HasSubstr("lmax 10 exceeds that of the response of wm (8)"));
    EXPECT_THAT(message(t, tissues, {.lmax = {7, 0, 0}}), testing::HasSubstr("lmax 7 is not available"));
    tissues[2].shells = tissues[1].shells;
    EXPECT_THAT(message(t, tissues), testing::HasSubstr("cannot be told apart"));
    tissues = three_tissues();
    for (auto& tissue : tissues) tissue.shells.pop_back();
    EXPECT_THAT(message(test::shell_table(1, 30, 1000), tissues), testing::HasSubstr("3 tissues cannot be told apart by 2 shells"));
}

}  // namespace
}  // namespace arcuate::dwi
