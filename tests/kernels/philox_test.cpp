// Philox4x32-10 against the known answers of its authors' library Random123 1.14 (file tests/kat_vectors), the independence of addresses, and the moments of what is
// drawn from it. Every statistical bound is 5 standard errors of the statistic at the stated N; seeds are fixed, so it holds or it does not.
#include "kernels/philox.hpp"
#include "kernels/vec3.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace k = arcuate::kernels;
using k::Purpose;

namespace {

std::array<std::uint32_t, 4> words(const k::Random4& r) { return {r.v[0], r.v[1], r.v[2], r.v[3]}; }

TEST(Philox, KnownAnswers) {
    using W = std::array<std::uint32_t, 4>;
    EXPECT_EQ(words(k::philox4x32_10({{0, 0, 0, 0}}, 0, 0)), (W{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
    const std::uint32_t ones = 0xffffffff;
    EXPECT_EQ(words(k::philox4x32_10({{ones, ones, ones, ones}}, ones, ones)), (W{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
    // Counter and key: the first digits of pi.
    EXPECT_EQ(words(k::philox4x32_10({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0)),
              (W{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, TheAddressIsTheCounter) {
    const k::Philox rng{0x0123456789abcdefull, 0xfedcba9876543210ull, Purpose::noise, 0x00abcdef};
    EXPECT_EQ(words(rng(7)), words(k::philox4x32_10({{0x76543210, 0xfedcba98, 0x03abcdef, 7}}, 0x89abcdef, 0x01234567)));
}

TEST(Philox, NoTwoAddressesShareTheirNumbers) {
    std::vector<std::array<std::uint32_t, 4>> seen;
    for (const std::uint64_t seed : {0ull, 1ull, 1ull << 32})
        for (std::uint64_t item = 0; item < 50; ++item)
            for (std::uint64_t high = 0; high < 2; ++high)
                for (std::uint32_t purpose = 0; purpose <= static_cast<std::uint32_t>(Purpose::permutation); ++purpose)
                    for (std::uint32_t step = 0; step < 20; ++step)
                        for (std::uint32_t draw = 0; draw < 20; ++draw)
                            seen.push_back(words(k::Philox{seed, item | high << 32, static_cast<Purpose>(purpose), step}(draw)));
    ASSERT_EQ(seen.size(), 3u * 50 * 2 * 6 * 20 * 20);
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
}

TEST(Uniform, NeverLeavesItsInterval) {
    EXPECT_EQ(k::uniform(0), 0.0f);
    EXPECT_EQ(k::uniform(0xffffffff), 1.0f - 0x1p-24f);
    EXPECT_EQ(k::uniform_above_zero(0), 0x1p-24f);
    EXPECT_EQ(k::uniform_above_zero(0xffffffff), 1.0f);
    EXPECT_EQ(k::uniform_below(0, 7), 0u);
    EXPECT_EQ(k::uniform_below(0xffffffff, 7), 6u);
    EXPECT_EQ(k::uniform_below(0xffffffff, 0xffffffff), 0xfffffffeu);
}

constexpr int n_blocks = 250000;

/// visit(words) for n_blocks blocks of four numbers, from many items, steps and draws.
template <class Visit>
void draw_blocks(const Visit& visit) {
    for (int i = 0; i < n_blocks; ++i)
        visit(k::Philox{2024, static_cast<std::uint64_t>(i / 100), Purpose::seed, static_cast<std::uint32_t>(i / 10 % 10)}(static_cast<std::uint32_t>(i % 10)));
}

TEST(Uniform, Moments) {
    double sum = 0, squares = 0, lag = 0;
    draw_blocks([&](const k::Random4& r) {
        for (const auto bits : r.v) {
            const double u = k::uniform(bits) - 0.5;
            sum += u;
            squares += u * u;
        }
        lag += (k::uniform(r.v[0]) - 0.5) * (k::uniform(r.v[1]) - 0.5);
    });
    const double n = 4.0 * n_blocks;
    EXPECT_NEAR(sum / n, 0, 5 / std::sqrt(12 * n));                        // variance of u: 1/12
    EXPECT_NEAR(squares / n, 1.0 / 12, 5 / std::sqrt(180 * n));            // variance of u^2: 1/80 - 1/144 = 1/180
    EXPECT_NEAR(lag / n_blocks, 0, 5 / (12 * std::sqrt(1.0 * n_blocks)));  // variance of the product: 1/144
}

TEST(Uniform, IntegersAreEquallyFrequent) {
    constexpr int sides = 7;
    std::array<std::int64_t, sides> counts{};
    draw_blocks([&](const k::Random4& r) {
        for (const auto bits : r.v) ++counts[k::uniform_below(bits, sides)];
    });
    const double n = 4.0 * n_blocks, p = 1.0 / sides;
    for (const auto count : counts) EXPECT_NEAR(count / n, p, 5 * std::sqrt(p * (1 - p) / n));
}

TEST(UniformDirection, IsAUnitVectorAtEveryCorner) {
    for (const std::uint32_t a : {0u, 0x7fffffffu, 0x80000000u, 0xffffffffu})
        for (const std::uint32_t b : {0u, 0x40000000u, 0x80000000u, 0xffffffffu}) {
            k::Vec3 d;
            k::uniform_direction(a, b, d.x, d.y, d.z);
            EXPECT_NEAR(std::sqrt(double(d.x) * d.x + double(d.y) * d.y + double(d.z) * d.z), 1.0, 1e-6) << a << " " << b;
        }
}

TEST(UniformDirection, IsIsotropic) {
    double sum[3]{}, product[6]{}, worst = 0;
    draw_blocks([&](const k::Random4& r) {
        float x, y, z;
        k::uniform_direction(r.v[0], r.v[1], x, y, z);
        const double d[3] = {x, y, z};
        worst = std::max(worst, std::abs(std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]) - 1));
        for (int i = 0; i < 3; ++i) sum[i] += d[i], product[i] += d[i] * d[i];
        product[3] += d[0] * d[1], product[4] += d[0] * d[2], product[5] += d[1] * d[2];
    });
    const double n = n_blocks;
    EXPECT_LT(worst, 1e-6);
    for (int i = 0; i < 3; ++i) {
        EXPECT_NEAR(sum[i] / n, 0, 5 / std::sqrt(3 * n));                             // variance of a component: 1/3
        EXPECT_NEAR(product[i] / n, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / n));            // of its square: 1/5 - 1/9
        EXPECT_NEAR(product[i + 3] / n, 0, 5 / std::sqrt(15 * n));                    // of a product of two: 1/15
    }
}

TEST(Normal, Moments) {
    double moment[5]{}, together = 0;
    draw_blocks([&](const k::Random4& r) {
        const k::Normal2 g = k::normal2(r.v[0], r.v[1]);
        for (const double x : {g.a, g.b})
            for (int p = 1; p <= 4; ++p) moment[p] += std::pow(x, p);
        together += double(g.a) * g.b;
    });
    const double n = 2.0 * n_blocks;
    // Of x^p the variance is E x^2p - (E x^p)^2: 1, 2, 15, 96.
    EXPECT_NEAR(moment[1] / n, 0, 5 * std::sqrt(1 / n));
    EXPECT_NEAR(moment[2] / n, 1, 5 * std::sqrt(2 / n));
    EXPECT_NEAR(moment[3] / n, 0, 5 * std::sqrt(15 / n));
    EXPECT_NEAR(moment[4] / n, 3, 5 * std::sqrt(96 / n));
    EXPECT_NEAR(together / n_blocks, 0, 5 / std::sqrt(1.0 * n_blocks));
}

TEST(Normal, IsFiniteAtEveryCorner) {
    for (const std::uint32_t a : {0u, 0xffffffffu})
        for (const std::uint32_t b : {0u, 0xffffffffu}) {
            const k::Normal2 g = k::normal2(a, b);
            EXPECT_TRUE(std::isfinite(g.a) && std::isfinite(g.b)) << a << " " << b;
        }
    EXPECT_EQ(k::normal2(0xffffffff, 0).a, 0.0f);  // u = 1: radius 0
    EXPECT_NEAR(k::normal2(0, 0).a, std::sqrt(48 * std::log(2.0)), 1e-6);  // u = 2^-24: the farthest deviate, 5.77
}

}  // namespace
