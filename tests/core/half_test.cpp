// Half precision: every one of them, and where its neighbours' ranges end.
#include "arcuate/half.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace arcuate;

namespace {

/// What the bits mean by the standard, NaN and infinity apart.
double meaning(std::uint32_t half) {
    const int exponent = static_cast<int>(half >> 10 & 31u);
    const double fraction = half & 0x3ffu;
    const double size = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    return half & 0x8000u ? -size : size;
}
constexpr std::uint32_t infinite = 0x7c00u;

}  // namespace

TEST(Half, EveryOneIsExpandedExactlyAndComesBack) {
    for (std::uint32_t half = 0; half < 0x10000u; ++half) {
        const float value = half_to_float(static_cast<std::uint16_t>(half));
        if ((half & 0x7fffu) > infinite) {
            ASSERT_TRUE(std::isnan(value)) << half;
            ASSERT_TRUE(std::isnan(half_to_float(float_to_half(value)))) << half;
            continue;
        }
        if ((half & 0x7fffu) == infinite) ASSERT_EQ(value, half & 0x8000u ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::infinity());
        else ASSERT_EQ(value, meaning(half)) << half;
        ASSERT_EQ(std::signbit(value), (half & 0x8000u) != 0) << half;
        ASSERT_EQ(float_to_half(value), half);
    }
}

// Rounding is monotonous, so between two neighbours it is settled by their middle and the floats beside it. Beyond the largest half stands 2^16, which is infinity.
TEST(Half, RoundsToNearestTiesToEven) {
    for (std::uint32_t half = 0; half < infinite; ++half) {
        const double above = half + 1 == infinite ? 65536 : meaning(half + 1);
        const auto middle = static_cast<float>((meaning(half) + above) / 2);
        ASSERT_EQ(static_cast<double>(middle), (meaning(half) + above) / 2);
        for (const std::uint32_t sign : {0u, 0x8000u}) {
            const auto rounded = [&](float size) { return std::uint32_t{float_to_half(sign ? -size : size)}; };
            ASSERT_EQ(rounded(middle), sign | (half % 2 ? half + 1 : half)) << half;
            ASSERT_EQ(rounded(std::nextafter(middle, 0.0f)), sign | half) << half;
            ASSERT_EQ(rounded(std::nextafter(middle, 1e9f)), sign | (half + 1)) << half;
        }
    }
    for (const float size : {1e5f, std::numeric_limits<float>::max(), std::numeric_limits<float>::infinity()}) ASSERT_EQ(float_to_half(size), infinite);
    ASSERT_EQ(float_to_half(std::numeric_limits<float>::denorm_min()), 0);
}

// As numpy 1.24.2 rounds.
TEST(Half, IsNumpys) {
    constexpr struct {
        float value;
        std::uint16_t half;
    } known[]{{0.3333333432674408f, 0x3555}, {-0.10000000149011612f, 0xae66}, {3.1415927410125732f, 0x4248}, {2049.0f, 0x6800}, {2051.0f, 0x6802}, {65519.0f, 0x7bff}, {65520.0f, 0x7c00}, {6.0999998822808266e-05f, 0x03ff}, {6.0900001699337736e-05f, 0x03fe}, {5.960000137861243e-08f, 0x0001}, {2.9800000689306216e-08f, 0x0000}, {2.9900000697580253e-08f, 0x0001}, {-1.0000000116860974e-07f, 0x8002}, {0.9997599720954895f, 0x3c00}, {1.0004899501800537f, 0x3c01}, {-24.958499908447266f, 0xce3d}};
    for (const auto& k : known) EXPECT_EQ(float_to_half(k.value), k.half) << k.value;
}
