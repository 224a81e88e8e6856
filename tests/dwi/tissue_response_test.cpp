// Responses of tissues: the threshold and the erosion by hand, and volumes of tissues whose signals are known.
#include "arcuate/dwi/tissue_response.hpp"

#include "devices.hpp"
#include "dwi/otsu.hpp"
#include "dwi/shell_response.hpp"
#include "reference/spherical_harmonics.hpp"
#include "simulate.hpp"

#include <gmock/gmock.h>

#include <numbers>

namespace arcuate::dwi {
namespace {

using test::axial_signal;
using test::unit;

TEST(Otsu, SplitsByHand) {
    // Splits of 0 0 1 | 10 11: 6 (1/3 - 10.5)^2 is the largest of w0 w1 (m0 - m1)^2.
    EXPECT_EQ(otsu_threshold({10, 0, 11, 1, 0}), 1);
    EXPECT_EQ(otsu_threshold({1, 2}), 1);
    EXPECT_EQ(otsu_threshold({4, 4, 4}), 4) << "nothing lies above";
    EXPECT_EQ(otsu_threshold({7}), 7);
    EXPECT_EQ(median({3, 1, 2}), 2);
    EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
}

TEST(Otsu, IsTheMaskThatCorrelatesBest) {
    const kernels::Philox random{11, 0, kernels::Purpose::noise, 0};
    for (std::uint32_t round = 0; round < 20; ++round) {
        std::vector<double> values;
        for (std::uint32_t i = 0; i < 40; ++i) {
            const auto bits = random(100 * round + i);
            values.push_back(static_cast<double>(kernels::uniform(bits.v[0])) + (i % 3 ? 0.0 : 0.05 * round));
        }
        double best = -1, expected = 0;
        for (const double t : values) {  // Pearson's r of value and (value > t), the long way
            double n = 0, sv = 0, sm = 0, svv = 0, svm = 0;
            for (const double v : values) {
                const double m = v > t;
                n += 1, sv += v, sm += m, svv += v * v, svm += v * m;
            }
            if (sm == 0) continue;
            const double r = (svm / n - sv * sm / n / n) / std::sqrt((svv / n - sv * sv / n / n) * (sm / n - sm * sm / n / n));
            if (r > best) best = r, expected = t;
        }
        EXPECT_EQ(otsu_threshold(values), expected);
    }
}

TEST(Erosion, TakesALayerOfFaces) {
    const Mask full = full_mask({{7, 5, 5}, {}});
    const auto count = [](const Mask& m) { return std::count(m.data.begin(), m.data.end(), 1); };
    EXPECT_EQ(count(eroded(full, 0)), 175);
    EXPECT_EQ(count(eroded(full, 1)), 5 * 3 * 3);
    EXPECT_EQ(count(eroded(full, 2)), 3);
    EXPECT_EQ(count(eroded(full, 3)), 0);
    Mask holed = full;
    holed.at(holed.grid.index(3, 2, 2)) = 0;  // and its six neighbours with it
    EXPECT_EQ(count(eroded(holed, 1)), 45 - 7);
}

/// b = 0, 700, 2000 with 4, 20 and 40 volumes.
GradientTable two_shells() {
    auto t = test::shell_table(4, 20, 700);
    const auto outer = test::shell_table(0, 40, 2000);
    t.directions.insert(t.directions.end(), outer.directions.begin(), outer.directions.end());
    t.b_values.insert(t.b_values.end(), outer.b_values.begin(), outer.b_values.end());
    return t;
}

enum Kind { fibre, crossing, grey, grey_and_csf, csf };
Kind kind_of(std::int64_t voxel) {
    const auto k = voxel % 20;
    return k < 6 ? fibre : k < 10 ? crossing : k < 16 ? grey : k < 17 ? grey_and_csf : csf;
}

/// Tissues in turn, with noise of 0.5% of white matter's S0. White matter: S0 1000, 1.7 and 0.3e-3 mm2/s; grey: S0 1300, 0.8e-3; CSF: S0 3000, 2.8e-3.
ScalarImage three_tissues(const GradientTable& t, std::array<std::int64_t, 3> size) {
    ScalarImage image({size, {}}, t.size());
    for (std::int64_t v = 0; v < image.grid.voxels(); ++v) {
        const double turn = 0.61 * static_cast<double>(v);
        const Vec3d a = unit(std::cos(turn), std::sin(turn), std::sin(2.3 * turn)), along = unit(-a[1], a[0], 0.2);
        const kernels::Philox stream{5, static_cast<std::uint64_t>(v), kernels::Purpose::noise, 0};
        for (std::int64_t k = 0; k < t.size(); ++k) {
            const auto i = static_cast<std::size_t>(k);
            const double b = t.b_values[i];
            const auto bundle = [&](const Vec3d& d) { return axial_signal(1000, b, t.directions[i], d, 1.7e-3, 0.3e-3); };
            const double gm = 1300 * std::exp(-b * 0.8e-3), water = 3000 * std::exp(-b * 2.8e-3);
            const double share = v / 20 % 2 ? 0.8 : 0.15;  // one kind lies beside CSF, the other beside grey matter
            const double clean[] = {bundle(a), 0.6 * bundle(a) + 0.4 * bundle(along), gm, (1 - share) * gm + share * water, water};
            const auto bits = stream(static_cast<std::uint32_t>(k));
            image.at(v, k) = static_cast<float>(clean[kind_of(v)] + 5 * static_cast<double>(kernels::normal2(bits.v[0], bits.v[1]).a));
        }
    }
    return image;
}

double amplitude(const Response& r, double angle) {
    double sum = 0;
    for (std::size_t i = 0; i < r.size(); ++i) sum += r[i] * reference::spherical_harmonic(static_cast<int>(2 * i), 0, angle, 0);
    return sum;
}

class TissueResponse : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(TissueResponse);

TEST_P(TissueResponse, ThreeTissuesAreFoundAndMeasured) {
    const auto t = two_shells();
    const auto image = three_tissues(t, {13, 11, 9});
    const TissueResponseOptions options{.erode = 0, .wm_percent = 5, .gm_percent = 10, .csf_percent = 20, .lmax = 8};
    const auto result = estimate_tissue_responses(image, t, full_mask(image.grid), options, device());
    ASSERT_EQ(result.b_values, (std::vector<double>{0, 700, 2000}));
    ASSERT_EQ(result.tissues.size(), 3u);
    const Kind pure[] = {fibre, grey, csf};
    for (std::size_t s = 0; s < 3; ++s) {
        EXPECT_EQ(result.tissues[s].shells.size(), 3u);
        std::int64_t chosen = 0;
        for (std::int64_t v = 0; v < image.grid.voxels(); ++v)
            if (result.voxels[s].at(v)) {
                ++chosen;
                EXPECT_EQ(kind_of(v), pure[s]) << result.tissues[s].name << " at voxel " << v;
                EXPECT_TRUE(result.refined[s].at(v));
            }
        EXPECT_GT(chosen, 10);
        for (std::int64_t v = 0; v < image.grid.voxels(); ++v)
            if (result.refined[s].at(v)) {
                const Kind kind = kind_of(v);
                EXPECT_TRUE(kind == pure[s] || (s == 0 && kind == crossing)) << result.tissues[s].name << " was refined to hold voxel " << v;
            }
    }
    // Noise of 5 averaged over at least 10 voxels and 4 volumes: below 0.8. Choosing the fastest 20% of refined CSF adds a bias of one or two sigma of a
    // voxel's mean over a shell; 8 covers it, at most 0.3% of CSF's S0.
    for (std::size_t s = 0; s < 3; ++s) {
        const double b = result.b_values[s];
        EXPECT_NEAR(result.tissues[1].shells[s].front() / std::sqrt(4 * std::numbers::pi), 1300 * std::exp(-b * 0.8e-3), 4);
        EXPECT_NEAR(result.tissues[2].shells[s].front() / std::sqrt(4 * std::numbers::pi), 3000 * std::exp(-b * 2.8e-3), 8);
        EXPECT_EQ(result.tissues[1].shells[s].size(), 1u);
        const auto& wm = result.tissues[0].shells[s];
        EXPECT_EQ(wm.size(), s ? 5u : 1u);
        EXPECT_NEAR(amplitude(wm, std::numbers::pi / 2), 1000 * std::exp(-b * 0.3e-3), 10) << "across the fibre, b = " << b;
        EXPECT_NEAR(amplitude(wm, 0), 1000 * std::exp(-b * 1.7e-3), 15) << "along the fibre, b = " << b;
    }
}

// b = 0 and one shell tell the tissues apart, too: decay and anisotropy need no more.
TEST_P(TissueResponse, OneShellIsEnough) {
    const auto t = test::shell_table(4, 40, 2000);
    const auto image = three_tissues(t, {13, 11, 9});
    const auto result = estimate_tissue_responses(image, t, full_mask(image.grid), {.erode = 0, .wm_percent = 5, .gm_percent = 10, .csf_percent = 20, .lmax = 8}, device());
    ASSERT_EQ(result.b_values, (std::vector<double>{0, 2000}));
    for (std::size_t s = 0; s < 2; ++s) {
        const double b = result.b_values[s];
        EXPECT_NEAR(result.tissues[1].shells[s].front() / std::sqrt(4 * std::numbers::pi), 1300 * std::exp(-b * 0.8e-3), 4);
        EXPECT_NEAR(result.tissues[2].shells[s].front() / std::sqrt(4 * std::numbers::pi), 3000 * std::exp(-b * 2.8e-3), 8);
    }
    for (std::int64_t v = 0; v < image.grid.voxels(); ++v)
        if (result.voxels[0].at(v)) {
            EXPECT_EQ(kind_of(v), fibre);
        }
}

TEST_P(TissueResponse, FaTakesTheMostAnisotropic) {
    const auto t = two_shells();
    ScalarImage image({{9, 7, 5}, {}}, t.size());
    for (std::int64_t v = 0; v < image.grid.voxels(); ++v) {
        const double turn = 0.61 * static_cast<double>(v);
        const Vec3d d = unit(std::cos(turn), std::sin(turn), std::sin(2.3 * turn));
        const double radial = v % 8 == 3 ? 0.2e-3 : 0.5e-3;  // FA 0.87 and 0.65
        for (std::int64_t k = 0; k < t.size(); ++k)
            image.at(v, k) = static_cast<float>(axial_signal(1000, t.b_values[std::size_t(k)], t.directions[std::size_t(k)], d, 1.7e-3, radial));
    }
    std::int64_t inner = 0;
    const Mask inside = eroded(full_mask(image.grid), 1);
    for (std::int64_t v = 0; v < image.grid.voxels(); ++v) inner += inside.at(v) && v % 8 == 3;
    ASSERT_GT(inner, 8);
    const auto by_number =
        estimate_fa_response(image, t, full_mask(image.grid), {.erode = 1, .voxels = static_cast<int>(inner), .lmax = 8, .all_shells = true}, device());
    const auto by_threshold = estimate_fa_response(image, t, full_mask(image.grid), {.erode = 1, .threshold = 0.8, .lmax = 8, .shells = {1990}}, device());
    for (std::int64_t v = 0; v < image.grid.voxels(); ++v) {
        EXPECT_EQ(by_number.voxels.at(v), inside.at(v) && v % 8 == 3) << v;
        EXPECT_EQ(by_threshold.voxels.at(v), by_number.voxels.at(v)) << v;
    }
    EXPECT_EQ(by_number.b_values, (std::vector<double>{0, 700, 2000}));
    EXPECT_EQ(by_threshold.b_values, (std::vector<double>{2000}));
    EXPECT_EQ(by_threshold.responses.front(), by_number.responses.back());
    for (std::size_t s = 0; s < 3; ++s) {
        const double b = by_number.b_values[s];
        EXPECT_NEAR(amplitude(by_number.responses[s], std::numbers::pi / 2), 1000 * std::exp(-b * 0.2e-3), 2);
        EXPECT_NEAR(amplitude(by_number.responses[s], 0), 1000 * std::exp(-b * 1.7e-3), 2);
    }
}

TEST_P(TissueResponse, ThreadsAndChunksDoNotChangeABit) {
    const auto t = two_shells();
    const auto image = three_tissues(t, {11, 9, 7});
    const Mask mask = full_mask(image.grid);
    const TissueResponseOptions options{.erode = 1, .wm_percent = 10, .gm_percent = 10, .csf_percent = 20};
    const FaResponseOptions fa_options{.erode = 1, .voxels = 20, .lmax = 8, .all_shells = true};
    const auto expected = estimate_tissue_responses(image, t, mask, options, Device::open("cpu", 1));
    const auto expected_fa = estimate_fa_response(image, t, mask, fa_options, Device::open("cpu", 1));
    for (const int threads : {1, 2, 3})
        for (const std::int64_t chunk : {7, 64, 1000}) {
            auto same = options;
            auto same_fa = fa_options;
            same.chunk = same_fa.chunk = chunk;
            const auto d = device().is_cuda() ? device() : Device::open("cpu", threads);
            const auto result = estimate_tissue_responses(image, t, mask, same, d);
            for (std::size_t s = 0; s < 3; ++s) {
                EXPECT_EQ(result.tissues[s].shells, expected.tissues[s].shells);
                EXPECT_TRUE(test::same_bytes(result.voxels[s], expected.voxels[s]));
                EXPECT_TRUE(test::same_bytes(result.refined[s], expected.refined[s]));
            }
            const auto fa = estimate_fa_response(image, t, mask, same_fa, d);
            EXPECT_EQ(fa.responses, expected_fa.responses);
            EXPECT_TRUE(test::same_bytes(fa.voxels, expected_fa.voxels));
        }
}

template <class Call>
std::string message(const Call& call) {
    try {
        call();
    } catch (const InputError& error) {
        return error.what();
    }
    return {};
}

TEST(TissueResponseErrors, SayWhatIsWrong) {
    const Device cpu = Device::open("cpu", 1);
    const auto t = two_shells();
    const auto image = three_tissues(t, {7, 7, 7});
    const auto tissues = [&](const ScalarImage& i, const GradientTable& g, TissueResponseOptions o = {.erode = 0}) {
        return message([&] { estimate_tissue_responses(i, g, full_mask(i.grid), o, cpu); });
    };
    const auto fa = [&](FaResponseOptions o) { return message([&] { estimate_fa_response(image, t, full_mask(image.grid), o, cpu); }); };
    const auto flat = [&](const GradientTable& g, float value) { return ScalarImage(image.grid, g.size(), value); };

    auto no_zero = t;
    for (double& b : no_zero.b_values) b = b == 0 ? 300 : b;
    for (auto& d : no_zero.directions)
        if (d == Vec3d{0, 0, 0}) d = {0, 0, 1};
    EXPECT_THAT(tissues(flat(no_zero, 1), no_zero), testing::HasSubstr("there is no b = 0 volume (the smallest b-value is 300"));
    EXPECT_THAT(tissues(image, t, {.erode = 4}), testing::HasSubstr("the mask after 4 erosions"));
    EXPECT_THAT(tissues(flat(t, 0), t), testing::HasSubstr("no voxel of the mask has a signal that decays"));
    EXPECT_THAT(tissues(flat(t, NAN), t), testing::HasSubstr("no voxel of the mask has a signal that decays"));
    EXPECT_THAT(tissues(image, t, {.erode = 0, .wm_percent = 0}), testing::HasSubstr("0 percent of a tissue's voxels"));

    // One tissue alone.
    const auto only = [&](Kind kind) {
        ScalarImage out = image;
        for (std::int64_t v = 0; v < out.grid.voxels(); ++v)
            for (std::int64_t k = 0; k < t.size(); ++k) {
                const std::int64_t from = kind == fibre ? v % 6 : kind == csf ? 17 : 10;
                out.at(v, k) = image.at(from, k);
            }
        return out;
    };
    EXPECT_THAT(tissues(only(grey), t), testing::HasSubstr("no voxel looks like white matter"));
    EXPECT_THAT(tissues(only(fibre), t), testing::HasSubstr("no voxel looks like grey matter or CSF"));
    auto no_csf = only(grey);
    for (std::int64_t v = 0; v < 60; ++v)
        for (std::int64_t k = 0; k < t.size(); ++k) no_csf.at(v, k) = image.at(v % 6, k);
    EXPECT_THAT(tissues(no_csf, t), testing::HasSubstr("no voxel looks like CSF"));

    EXPECT_THAT(fa({.erode = 4}), testing::HasSubstr("the mask after 4 erosions"));
    EXPECT_THAT(fa({.erode = 0, .threshold = 0.99}), testing::HasSubstr("no voxel has an FA above 0.99"));
    EXPECT_THAT(fa({.erode = 0, .shells = {1200}}), testing::HasSubstr("no shell lies at b = 1200 (the image has shells at b = 0, 700, 2000"));
    EXPECT_THAT(fa({.erode = 0, .shells = {700, 701}}), testing::HasSubstr("the same shell"));
    EXPECT_THAT(fa({.erode = 0, .lmax = 7}), testing::HasSubstr("lmax 7 is not available"));
    EXPECT_THAT(message([&] { estimate_response(image, t, full_mask(image.grid), {.shell = 1200}, cpu); }), testing::HasSubstr("no shell lies at b = 1200"));
}

}  // namespace
}  // namespace arcuate::dwi
