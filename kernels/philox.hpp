// Random numbers with an address: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
// There is no state to carry and no order to keep: key = the run's seed, counter = (item, purpose, step, draw).
// So streamline 123 456 can be recomputed alone, on any machine, and no chunk or device repeats another's numbers.
#pragma once

#include "kernels/math.hpp"

namespace arcuate::kernels {

struct Random4 {
    std::uint32_t v[4];
};

/// The bijection of the paper: ten rounds.
ARCUATE_HD Random4 philox4x32_10(Random4 counter, std::uint32_t key0, std::uint32_t key1) {
    auto [c0, c1, c2, c3] = counter.v;
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0;
        const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * c2;
        const auto n0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ key0;
        const auto n2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ key1;
        c1 = static_cast<std::uint32_t>(p1);
        c3 = static_cast<std::uint32_t>(p0);
        c0 = n0;
        c2 = n2;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return {{c0, c1, c2, c3}};
}

/// What a stream of numbers is for; streams of different purposes never meet.
enum class Purpose : std::uint32_t { seed = 0, forward_half = 1, backward_half = 2, noise = 3, bootstrap = 4, permutation = 5, resampling = 6, replicate = 7 };

/// The stream of one item (a streamline, a voxel) for one purpose at one step.
struct Philox {
    std::uint64_t seed;
    std::uint64_t item;
    Purpose purpose;
    std::uint32_t step;  ///< < 2^24

    /// Four independent 32-bit numbers.
    ARCUATE_HD Random4 operator()(std::uint32_t draw) const {
        const Random4 counter{{static_cast<std::uint32_t>(item), static_cast<std::uint32_t>(item >> 32),
                               (static_cast<std::uint32_t>(purpose) << 24) | step, draw}};
        return philox4x32_10(counter, static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32));
    }
};

/// Uniform in [0, 1), 24 bits.
ARCUATE_HD float uniform(std::uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24f; }
/// Uniform in (0, 1], 24 bits: safe to take the logarithm of.
ARCUATE_HD float uniform_above_zero(std::uint32_t bits) { return static_cast<float>((bits >> 8) + 1) * 0x1p-24f; }
/// Uniform integer in [0, n), n < 2^32; bias below n / 2^32.
ARCUATE_HD std::uint32_t uniform_below(std::uint32_t bits, std::uint32_t n) {
    return static_cast<std::uint32_t>((std::uint64_t{bits} * n) >> 32);
}

/// Uniform on the unit sphere (Archimedes: z uniform in [-1, 1), azimuth uniform).
ARCUATE_HD void uniform_direction(std::uint32_t a, std::uint32_t b, float& x, float& y, float& z) {
    z = fma(2.0f, uniform(a), -1.0f);
    const float r = sqrt(max(0.0f, fma(-z, z, 1.0f)));
    const SinCos azimuth = sincos(2.0f * pi * uniform(b));
    x = r * azimuth.cos;
    y = r * azimuth.sin;
}

/// Two independent standard normal deviates (Box and Muller 1958).
struct Normal2 {
    float a, b;
};
ARCUATE_HD Normal2 normal2(std::uint32_t a, std::uint32_t b) {
    const float radius = sqrt(-2.0f * log(uniform_above_zero(a)));
    const SinCos angle = sincos(2.0f * pi * uniform(b));
    return {radius * angle.cos, radius * angle.sin};
}

}  // namespace arcuate::kernels
