// The phantom's signal and noise: by hand, against theory, and the same on every device.
#include "arcuate/phantom/phantom.hpp"
#include "devices.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace arcuate::phantom {
namespace {

class PhantomSignal : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(PhantomSignal);

PhantomOptions small() {
    PhantomOptions o;
    o.voxel_size = 3;
    o.directions = 12;
    return o;
}

TEST_P(PhantomSignal, OfOneFibreIsThatOfItsTensor) {
    auto o = small();
    o.snr = 0;
    const auto p = make_phantom(o, device());
    const std::size_t arc = 5;
    ASSERT_EQ(p.bundles[arc].name, changed_bundle);
    std::int64_t checked = 0;
    for (int s = 0; s < o.sessions; ++s) {
        const auto t = tensor_with(fibre_fa(p.bundles[arc], s, o.sessions), mean_diffusivity);
        for (std::int64_t voxel = 0; voxel < p.mask.grid.voxels(); ++voxel) {
            if (p.fractions.at(voxel, arc) < 1) continue;
            for (std::int64_t v = 0; v < p.gradients.size(); ++v) {
                const auto& g = p.gradients.directions[static_cast<std::size_t>(v)];
                double cosine = 0;
                for (std::size_t a = 0; a < 3; ++a) cosine += g[a] * p.directions.at(voxel, static_cast<std::int64_t>(a));
                const double d = t.radial + (t.axial - t.radial) * cosine * cosine;
                const double expected = p.sessions[0].dwi.at(voxel, 0) * std::exp(-p.gradients.b_values[static_cast<std::size_t>(v)] * d);
                ASSERT_NEAR(p.sessions[static_cast<std::size_t>(s)].dwi.at(voxel, v), expected, 1e-5 * expected);
                ++checked;
            }
        }
    }
    EXPECT_GT(checked, 1000);
}

TEST_P(PhantomSignal, BetweenTheBundlesIsIsotropic) {
    auto o = small();
    o.snr = 0;
    const auto p = make_phantom(o, device());
    for (std::int64_t voxel = 0; voxel < p.mask.grid.voxels(); voxel += 7) {
        if (p.mask.at(voxel)) continue;
        const double s0 = p.sessions[0].dwi.at(voxel, 0);
        EXPECT_GT(s0, 0.8 * s0_nominal);
        EXPECT_LE(s0, s0_nominal);
        EXPECT_NEAR(p.sessions[0].dwi.at(voxel, 1), s0 * std::exp(-o.b_values[0] * mean_diffusivity), 1e-5 * s0);
    }
}

TEST_P(PhantomSignal, SessionsDifferOnlyWhereTheChangedBundleIs) {
    auto o = small();
    o.snr = 0;
    const auto p = make_phantom(o, device());
    const std::size_t arc = 5;
    std::int64_t changed = 0;
    for (std::int64_t voxel = 0; voxel < p.mask.grid.voxels(); ++voxel) {
        const bool differs = p.sessions[0].dwi.at(voxel, 1) != p.sessions[1].dwi.at(voxel, 1);
        if (differs) {
            ASSERT_GT(p.fractions.at(voxel, arc), 0);
            ++changed;
        }
    }
    EXPECT_GT(changed, 100);
}

TEST_P(PhantomSignal, NoiseIsRician) {
    auto o = small();
    o.snr = 10;
    const auto noisy = make_phantom(o, device());
    auto clean_options = o;
    clean_options.snr = 0;
    const auto clean = make_phantom(clean_options, device());
    const double sigma = s0_nominal / o.snr;
    // Second moment of a Rician magnitude: E[M^2] = S^2 + 2 sigma^2; Var[M^2] = 4 S^2 sigma^2 + 4 sigma^4. Exact at every signal level,
    // so z = (mean of M^2 - S^2 - 2 sigma^2) / its standard error is standard normal for every volume; bound 5 sigma.
    const auto n = static_cast<double>(noisy.mask.grid.voxels());
    ASSERT_GT(n, 20000);
    for (std::int64_t v = 0; v < noisy.gradients.size(); ++v) {
        double sum = 0, variance = 0;
        for (std::int64_t voxel = 0; voxel < noisy.mask.grid.voxels(); ++voxel) {
            const double m = noisy.sessions[0].dwi.at(voxel, v), s = clean.sessions[0].dwi.at(voxel, v);
            sum += m * m - s * s - 2 * sigma * sigma;
            variance += 4 * s * s * sigma * sigma + 4 * sigma * sigma * sigma * sigma;
        }
        EXPECT_LT(std::abs(sum) / std::sqrt(variance), 5) << "volume " << v;
    }
    // At b=0 (S = 8 to 10 sigma) the magnitude is nearly normal: mean S + sigma^2 / 2S, standard deviation sigma (1 - sigma^2 / 4S^2).
    // Bounds 5 sigma: mean sigma / sqrt(n), standard deviation sigma / sqrt(2 n).
    double mean = 0, square = 0;
    for (std::int64_t voxel = 0; voxel < noisy.mask.grid.voxels(); ++voxel) {
        const double s = clean.sessions[0].dwi.at(voxel, 0);
        const double deviation = (noisy.sessions[0].dwi.at(voxel, 0) - s - sigma * sigma / (2 * s)) / (sigma * (1 - sigma * sigma / (4 * s * s)));
        mean += deviation / n;
        square += deviation * deviation / n;
    }
    EXPECT_NEAR(mean, 0, 5 / std::sqrt(n));
    EXPECT_NEAR(std::sqrt(square), 1, 5 / std::sqrt(2 * n));
}

TEST_P(PhantomSignal, NoiseOfSessionsVolumesSubjectsAndSeedsIsUnrelated) {
    const auto noise = [&](PhantomOptions o, std::size_t session, std::int64_t volume) {
        auto clean = o;
        clean.snr = 0;
        const auto a = make_phantom(o, device()), b = make_phantom(clean, device());
        std::vector<double> out;
        for (std::int64_t voxel = 0; voxel < a.mask.grid.voxels(); ++voxel)
            out.push_back(a.sessions[session].dwi.at(voxel, volume) - b.sessions[session].dwi.at(voxel, volume));
        return out;
    };
    auto other_subject = small(), other_seed = small();
    other_subject.subject = 2;
    other_seed.seed = 2;
    const auto reference = noise(small(), 0, 0);
    for (const auto& other : {noise(small(), 1, 0), noise(small(), 0, 1), noise(other_subject, 0, 0), noise(other_seed, 0, 0)}) {
        double ab = 0, aa = 0, bb = 0;
        for (std::size_t i = 0; i < reference.size(); ++i) {
            ab += reference[i] * other[i];
            aa += reference[i] * reference[i];
            bb += other[i] * other[i];
        }
        // Means are below sigma / 50, so this is the correlation: standard error 1 / sqrt(n), bound 5.
        EXPECT_LT(std::abs(ab / std::sqrt(aa * bb)), 5 / std::sqrt(static_cast<double>(reference.size())) + 4e-4);
    }
}

TEST_P(PhantomSignal, IsTheSameBytesOnEveryDeviceAndNumberOfThreads) {
    const auto one = make_phantom(small(), Device::open("cpu", 1));
    const auto here = make_phantom(small(), device());
    for (std::size_t s = 0; s < 2; ++s) EXPECT_EQ(one.sessions[s].dwi.data, here.sessions[s].dwi.data);
    EXPECT_EQ(one.directions.data, here.directions.data);
    EXPECT_EQ(one.fractions.data, here.fractions.data);
    EXPECT_EQ(one.parcellation.labels.data, here.parcellation.labels.data);
    EXPECT_EQ(one.mask.data, here.mask.data);
}

}  // namespace
}  // namespace arcuate::phantom
