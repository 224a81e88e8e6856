// Lanes give what scalars give, to the bit.
#include "arcuate/half.hpp"
#include "kernels/philox_lanes.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace arcuate::kernels;

TEST(Lanes, LogarithmIsTheScalarOne) {
    // Every 9973rd of the positive floats that are not subnormal, and both ends.
    for (std::uint32_t bits = 0x00800000u; bits < 0x7f800000u - 8 * 9973u; bits += 8 * 9973u) {
        float x[8], y[8];
        for (std::uint32_t k = 0; k < 8; ++k) x[k] = float_of(k == 7 ? 0x7f7fffffu : bits + k * 9973u);
        log_of_normal(Float8::load(x)).store(y);
        for (int k = 0; k < 8; ++k) ASSERT_EQ(bits_of(y[k]), bits_of(arcuate::kernels::log(x[k]))) << x[k];
    }
}

TEST(Lanes, SignsTurnWhereTheirBitIsSet) {
    const float x[8] = {1, -2, 0, 4, -5, 6, -0.0f, std::numeric_limits<float>::infinity()};
    for (std::uint32_t bits = 0; bits < 256; ++bits) {
        float y[8];
        negated(Float8::load(x), bits | 0xabcd00u).store(y);
        for (int k = 0; k < 8; ++k) EXPECT_EQ(bits_of(y[k]), bits_of(bits >> k & 1 ? -x[k] : x[k]));
    }
}

TEST(Lanes, LargerIsByLane) {
    const float a[8] = {1, 2, -3, 4, 0, -0.0f, 7, 8}, b[8] = {2, 1, -4, 4, -1, -5, 9, 0};
    float y[8];
    max(Float8::load(a), Float8::load(b)).store(y);
    for (int k = 0; k < 8; ++k) EXPECT_EQ(y[k], a[k] > b[k] ? a[k] : b[k]);
}

TEST(Lanes, SineAndCosineAreTheScalarOnes) {
    for (int i = -200000; i < 200000; ++i) {
        float x[8], sine[8], cosine[8];
        for (int k = 0; k < 8; ++k) x[k] = k < 4 ? 3.3e-5f * static_cast<float>(i + k) : 0.03f * static_cast<float>(i - k);
        const SinCos8 both = sincos(Float8::load(x));
        both.sin.store(sine), both.cos.store(cosine);
        for (int k = 0; k < 8; ++k) {
            const SinCos one = sincos(x[k]);
            ASSERT_EQ(bits_of(sine[k]), bits_of(one.sin)) << x[k];
            ASSERT_EQ(bits_of(cosine[k]), bits_of(one.cos)) << x[k];
        }
    }
}

TEST(Lanes, BlocksAreThoseOfPhilox) {
    const std::uint32_t steps[8] = {0, 1, 0xffffff, 77, 5, 5, 123456, 9};
    for (const std::uint64_t item : {std::uint64_t{0}, std::uint64_t{0x123456789abcdef0}})
        for (const std::uint32_t draw : {0u, 3u, 0xfffffffdu}) {
            const Philox stream{0xfedcba9876543210u, item, Purpose::bootstrap, 0x123456};
            const Random4x8 streams = eight_streams(stream, steps, draw), draws = eight_draws(stream, draw);
            float unit[8];
            uniform(draws.v[2]).store(unit);
            for (std::uint32_t k = 0; k < 8; ++k) {
                const Random4 of_stream = Philox{stream.seed, item, Purpose::bootstrap, steps[k]}(draw), of_draw = stream(draw + k);
                for (int i = 0; i < 4; ++i) {
                    EXPECT_EQ(streams.v[i][k], of_stream.v[i]);
                    EXPECT_EQ(draws.v[i][k], of_draw.v[i]);
                }
                EXPECT_EQ(unit[k], uniform(of_draw.v[2]));
            }
        }
}

TEST(Lanes, HalvesAreExpandedExactly) {
    for (std::uint32_t first = 0; first < 0x10000u; first += 8) {
        alignas(16) std::uint16_t halves[8];
        for (std::uint32_t k = 0; k < 8; ++k) halves[k] = static_cast<std::uint16_t>(first + k);
        float y[8];
        Float8::load_aligned(halves).store(y);
        for (int k = 0; k < 8; ++k) {
            const float one = arcuate::half_to_float(halves[k]);
            if (std::isnan(one)) ASSERT_TRUE(std::isnan(y[k])) << halves[k];
            else ASSERT_EQ(bits_of(y[k]), bits_of(one)) << halves[k];
        }
    }
}
