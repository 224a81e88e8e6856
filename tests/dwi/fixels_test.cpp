// Lobes of FODs: fibres by hand, random FODs against the oracle, the same bytes for any threads and chunk.
#include "arcuate/dwi/fixels.hpp"

#include "devices.hpp"
#include "kernels/philox.hpp"
#include "reference/fixels.hpp"

#include <cmath>

namespace arcuate::dwi {
namespace {

using kernels::Philox;
using kernels::Purpose;

class SegmentFods : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(SegmentFods);

/// Adds a fibre: what remains of a point on the sphere after diffusing for t. With t = 0.05 it is 16 degrees wide.
void add_fibre(std::vector<float>& fod, int lmax, const Vec3d& d, double weight, double t = 0.05) {
    const auto basis = reference::spherical_harmonics(lmax, d[0], d[1], d[2]);
    for (int l = 0; l <= lmax; l += 2)
        for (int m = -l; m <= l; ++m) {
            const auto j = static_cast<std::size_t>(sh_index(l, m));
            fod[j] += static_cast<float>(weight * std::exp(-l * (l + 1) * t) * basis[j]);
        }
}

ScalarImage image_of(const std::vector<std::vector<float>>& fods) {
    ScalarImage image(Grid{{static_cast<std::int64_t>(fods.size()), 1, 1}, {}}, static_cast<std::int64_t>(fods.front().size()));
    for (std::size_t v = 0; v < fods.size(); ++v)
        for (std::size_t j = 0; j < fods[v].size(); ++j) image.at(static_cast<std::int64_t>(v), static_cast<std::int64_t>(j)) = fods[v][j];
    return image;
}

int fixel_of(const Fixels& fixels, std::int64_t voxel, std::size_t direction) {
    const auto row = fixels.lookup_row[static_cast<std::size_t>(voxel)];
    if (row < 0) return 0;
    return fixels.lookup[static_cast<std::size_t>(row) * fixels.row_bytes() + direction / 2] >> (4 * (direction % 2)) & 15;
}

TEST_P(SegmentFods, ByHand) {
    const Vec3d a{0.36, 0.48, 0.8}, x{1, 0, 0}, y{0, 1, 0};
    std::vector<std::vector<float>> fods(3, std::vector<float>(45, 0.0f));
    add_fibre(fods[0], 8, a, 1);                                  // one fibre
    add_fibre(fods[2], 8, x, 1), add_fibre(fods[2], 8, y, 0.5);   // two at right angles, one half as dense; nothing in the voxel between
    const Fixels f = segment_fods(image_of(fods), {}, device());
    ASSERT_EQ(f.first, (std::vector<std::uint32_t>{0, 1, 1, 3}));
    // A point of weight 1 on one side: together with its opposite it integrates to 1. Ripples of lmax 8 take a few parts in a hundred into other lobes.
    EXPECT_NEAR(f.fibre_density[0], 1, 0.02);
    EXPECT_NEAR(f.fibre_density[1], 1, 0.03);
    EXPECT_NEAR(f.fibre_density[2], 0.5, 0.03);
    double peak = 0;
    for (int l = 0; l <= 8; l += 2) peak += (2 * l + 1) / (4 * std::numbers::pi) * std::exp(-l * (l + 1) * 0.05);
    EXPECT_NEAR(f.peak[0], peak, 1e-5);
    for (const auto* directions : {&f.direction, &f.mean_direction}) {
        const auto along = [&](std::size_t i, const Vec3d& d) {
            return std::fabs((*directions)[3 * i] * d[0] + (*directions)[3 * i + 1] * d[1] + (*directions)[3 * i + 2] * d[2]);
        };
        EXPECT_GT(along(0, a), 1 - 1e-6);
        EXPECT_GT(along(1, x), 1 - 1e-5);
        EXPECT_GT(along(2, y), 1 - 1e-5);
    }
    EXPECT_EQ(f.lookup_row, (std::vector<std::int32_t>{-1, -1, 0})) << "a single fixel needs no row";
    for (std::size_t d = 0; d < f.net.directions.size(); ++d) {
        const auto& u = f.net.directions[d];
        if (std::fabs(u[0]) > std::fabs(u[1]) + 0.15) {
            EXPECT_EQ(fixel_of(f, 2, d), 0);
        }
        if (std::fabs(u[1]) > std::fabs(u[0]) + 0.15 && std::fabs(u[2]) < 0.5) {
            EXPECT_EQ(fixel_of(f, 2, d), 1);
        }
    }
}

TEST_P(SegmentFods, LeavesOrNamesTheDirectionsOfNoLobe) {
    std::vector<float> fod(45, 0.0f);
    add_fibre(fod, 8, {0, 0, 1}, 1);
    const auto image = image_of({fod});
    const Fixels strict = segment_fods(image, {.dilate_lookup = false}, device());
    const Fixels null = segment_fods(image, {.null_lobes = true}, device());
    ASSERT_EQ(strict.size(), 1);
    ASSERT_EQ(null.size(), 2);
    EXPECT_EQ(null.fibre_density[1], 0);
    int outside = 0;
    for (std::size_t d = 0; d < strict.net.directions.size(); ++d) {
        const bool none = fixel_of(strict, 0, d) == 15;
        outside += none;
        EXPECT_EQ(fixel_of(null, 0, d), none ? 1 : 0);
        if (strict.net.directions[d][2] > 0.95) {
            EXPECT_FALSE(none);
        }
    }
    EXPECT_GT(outside, 300);
}

/// Three fibres of random direction and weight, and noise in every coefficient.
std::vector<std::vector<float>> random_fods(int lmax, int count) {
    std::vector<std::vector<float>> fods;
    for (int v = 0; v < count; ++v) {
        fods.emplace_back(static_cast<std::size_t>(sh_count(lmax)), 0.0f);
        for (std::uint32_t fibre = 0; fibre < 3; ++fibre) {
            const auto r = Philox{1, static_cast<std::uint64_t>(v), Purpose::noise, fibre}(0);
            float x, y, z;
            kernels::uniform_direction(r.v[0], r.v[1], x, y, z);
            add_fibre(fods.back(), lmax, {x, y, z}, kernels::uniform(r.v[2]), 0.02);
        }
        for (std::uint32_t j = 0; j < fods.back().size(); ++j)
            fods.back()[j] += 0.05f * kernels::normal2(Philox{2, static_cast<std::uint64_t>(v), Purpose::noise, j}(0).v[0], Philox{2, static_cast<std::uint64_t>(v), Purpose::noise, j}(0).v[1]).a;
    }
    return fods;
}

TEST_P(SegmentFods, AgreesWithTheOracle) {
    for (const int lmax : {4, 8, 12}) {
        const int count = lmax == 8 ? 97 : 31;
        const auto fods = random_fods(lmax, count);
        const Fixels f = segment_fods(image_of(fods), {.refine_peaks = false, .chunk = 40}, device());
        const auto weights = reference::sample_weights(f.net, lmax);
        int differ = 0;
        for (int v = 0; v < count; ++v) {
            const auto first = f.first[static_cast<std::size_t>(v)];
            const int here = static_cast<int>(f.first[static_cast<std::size_t>(v) + 1] - first);
            const auto expected = reference::lobes(fods[static_cast<std::size_t>(v)], lmax, f.net, weights, 0.1, true);
            // The kernel looks between the samples where that decides whether a peak reaches the threshold; the oracle knows samples alone.
            const int certain = static_cast<int>(expected.integral.size());
            bool same = here >= certain;
            for (int k = certain; same && k < here; ++k) same = std::fabs(f.peak[first + static_cast<std::uint32_t>(k)] - 0.1f) < 0.01f;
            for (int k = 0; same && k < certain; ++k)
                same = std::fabs(static_cast<double>(f.fibre_density[first + static_cast<std::uint32_t>(k)]) / expected.integral[static_cast<std::size_t>(k)] - 1) < 1e-4;
            int others = 0;
            for (std::size_t d = 0; same && here == certain && here > 1 && d < f.net.directions.size(); ++d) others += fixel_of(f, v, d) != expected.of_direction[d];
            differ += !same || others > 0;
        }
        // Two samples that agree to a part in 10^7 may change places in single precision.
        EXPECT_LE(differ, 4) << "lmax " << lmax;
        EXPECT_GT(f.size(), 2 * count);
    }
}

TEST(SegmentFodsBytes, AreTheSameForAnyThreadsChunksAndDevice) {
    const auto image = image_of(random_fods(8, 61));
    const Fixels expected = segment_fods(image, {}, Device::open("cpu", 1));
    const auto check = [&](const Device& device) {
        for (const std::int64_t chunk : {1, 7, 64}) {
            const Fixels f = segment_fods(image, {.chunk = chunk}, device);
            EXPECT_EQ(f.first, expected.first);
            EXPECT_EQ(f.fibre_density, expected.fibre_density);
            EXPECT_EQ(f.peak, expected.peak);
            EXPECT_EQ(f.direction, expected.direction);
            EXPECT_EQ(f.mean_direction, expected.mean_direction);
            EXPECT_EQ(f.lookup_row, expected.lookup_row);
            EXPECT_EQ(f.lookup, expected.lookup);
        }
    };
    for (const int threads : {1, 2, 3}) check(Device::open("cpu", threads));
    if (const auto cuda = test::open_for_test("cuda"); cuda.device)
        check(*cuda.device);
    else
        GTEST_LOG_(INFO) << "not on CUDA: " << cuda.reason;
}

TEST(SegmentFodsBytes, RefiningPeaksChangesNoLobe) {
    const auto image = image_of(random_fods(8, 61));
    const auto device = Device::open("cpu", 2);
    const Fixels refined = segment_fods(image, {}, device), sampled = segment_fods(image, {.refine_peaks = false}, device);
    EXPECT_EQ(refined.fibre_density, sampled.fibre_density);
    EXPECT_EQ(refined.lookup, sampled.lookup);
    EXPECT_NE(refined.direction, sampled.direction);
}

TEST(SegmentFodsInput, RefusesWhatIsNoFod) {
    const auto device = Device::open("cpu", 1);
    EXPECT_THROW(segment_fods(ScalarImage(Grid{{2, 1, 1}, {}}, 44), {}, device), InputError);
    ScalarImage image(Grid{{2, 1, 1}, {}}, 45);
    EXPECT_THROW(segment_fods(image, {}, device), InputError) << "zero everywhere";
    image.data[3] = NAN;
    EXPECT_THROW(segment_fods(image, {}, device), InputError);
}

TEST_P(SegmentFods, WhatOtherFodsHaveInTheirLobes) {
    const Vec3d a{0.36, 0.48, 0.8}, x{1, 0, 0}, y{0, 1, 0};
    std::vector<std::vector<float>> first(4, std::vector<float>(45, 0.0f)), second = first, sum = first;
    add_fibre(first[0], 8, a, 1), add_fibre(second[0], 8, a, 0.5);
    add_fibre(first[2], 8, x, 0.6), add_fibre(first[2], 8, y, 0.5);
    add_fibre(second[2], 8, x, 0.4), add_fibre(second[2], 8, y, 0.7);
    add_fibre(first[3], 8, x, 1), add_fibre(second[3], 8, x, -0.2);
    for (std::size_t v = 0; v < 4; ++v)
        for (std::size_t j = 0; j < 45; ++j) sum[v][j] = first[v][j] + second[v][j];
    const auto whole = image_of(sum);
    const Fixels f = segment_fods(whole, {.dilate_lookup = false}, device());
    ASSERT_EQ(f.first, (std::vector<std::uint32_t>{0, 1, 1, 3, 4}));
    EXPECT_EQ(fibre_density_of(whole, f, device()), f.fibre_density);
    const auto one = fibre_density_of(image_of(first), f, device()), two = fibre_density_of(image_of(second), f, device());
    for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(one[i] + two[i], f.fibre_density[i], 2e-6);
    EXPECT_NEAR(one[0] / two[0], 2, 1e-5);
    EXPECT_NEAR(two[1] > two[2] ? two[1] : two[2], 0.7, 0.03);
    EXPECT_EQ(two[3], 0) << "not below";
    // With all directions in the lobes' lookup, a voxel of one fixel counts whole.
    const Fixels dilated = segment_fods(whole, {}, device());
    EXPECT_NEAR(fibre_density_of(whole, dilated, device())[0], 1.5, 1e-5);
    EXPECT_THROW(fibre_density_of(image_of(std::vector(3, first[0])), f, device()), InputError);
    auto broken = image_of(first);
    for (const float value : {NAN, INFINITY}) {
        broken.at(1, 7) = value;  // in a voxel without fixels
        EXPECT_THROW(fibre_density_of(broken, f, device()), InputError);
    }
}

}  // namespace
}  // namespace arcuate::dwi
