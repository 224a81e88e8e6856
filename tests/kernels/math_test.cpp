// kernels/math.hpp against libm's double precision, over the whole domain of each function: every 251st float, so every binade, every
// subnormal decade, both infinities' surroundings and thousands of NaNs, and then the edges by name. The bounds are those of the header.
#include "kernels/math.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace k = arcuate::kernels;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
const float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float least = std::numeric_limits<float>::denorm_min();
constexpr float tiny = std::numeric_limits<float>::min();
constexpr float huge = std::numeric_limits<float>::max();

/// Distance between two floats around `exact`, which lies in the range of floats.
double ulp(double exact) {
    int exponent = 0;
    std::frexp(exact, &exponent);
    return std::ldexp(1.0, std::max(exponent - 1, -126) - 23);
}

/// The largest value seen, and where.
struct Worst {
    double value = 0;
    float at = 0;
    void see(double v, float x) {
        if (!(v <= value)) value = v, at = x;
    }
};

template <class Visit>
void every_251st_float(const Visit& visit) {
    for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += 251) visit(k::float_of(static_cast<std::uint32_t>(bits)));
}

#define EXPECT_WORST(worst, bound) EXPECT_LE((worst).value, (bound)) << "at " << (worst).at

TEST(Math, ExpOverAllFloats) {
    Worst normal, subnormal;
    every_251st_float([&](float x) {
        const double exact = std::exp(static_cast<double>(x));
        const float y = k::exp(x);
        if (std::isnan(x))
            ASSERT_TRUE(std::isnan(y));
        else if (exact > huge)
            ASSERT_EQ(y, inf) << x;
        else
            (exact < tiny ? subnormal : normal).see(std::abs(y - exact) / ulp(exact), x);
    });
    EXPECT_WORST(normal, 1.05);
    EXPECT_WORST(subnormal, 0.75);
}

TEST(Math, ExpAtItsEdges) {
    EXPECT_EQ(k::exp(0.0f), 1.0f);
    EXPECT_EQ(k::exp(-0.0f), 1.0f);
    EXPECT_EQ(k::exp(least), 1.0f);
    EXPECT_TRUE(std::isfinite(k::exp(88.72283f)));  // the last float below 128 ln 2 = 88.722839
    EXPECT_EQ(k::exp(88.72284f), inf);
    EXPECT_EQ(k::exp(huge), inf);
    EXPECT_EQ(k::exp(inf), inf);
    EXPECT_EQ(k::exp(-103.97f), least);
    EXPECT_EQ(k::exp(-103.98f), 0.0f);
    EXPECT_EQ(k::exp(-huge), 0.0f);
    EXPECT_EQ(k::exp(-inf), 0.0f);
}

TEST(Math, LogOverAllFloats) {
    Worst worst;
    every_251st_float([&](float x) {
        const float y = k::log(x);
        if (!(x >= 0.0f)) {
            ASSERT_TRUE(std::isnan(y) || x == 0.0f) << x;
        } else if (x > 0.0f && x < inf && x != 1.0f) {
            const double exact = std::log(static_cast<double>(x));
            worst.see(std::abs(y - exact) / ulp(exact), x);
        }
    });
    EXPECT_WORST(worst, 0.84);
}

TEST(Math, LogAtItsEdges) {
    EXPECT_EQ(k::log(0.0f), -inf);
    EXPECT_EQ(k::log(-0.0f), -inf);
    EXPECT_EQ(k::log(1.0f), 0.0f);
    EXPECT_EQ(k::log(inf), inf);
    EXPECT_EQ(k::log(least), static_cast<float>(-149 * std::log(2.0)));
    EXPECT_EQ(k::log(tiny), static_cast<float>(-126 * std::log(2.0)));
    EXPECT_EQ(k::log(huge), static_cast<float>(std::log(static_cast<double>(huge))));
    for (const float x : {-least, -1.0f, -huge, -inf, nan}) EXPECT_TRUE(std::isnan(k::log(x))) << x;
    // Just beside 1, where a sum of a multiple of ln 2 and a small term would cancel.
    for (const float x : {std::nextafter(1.0f, 0.0f), std::nextafter(1.0f, 2.0f)})
        EXPECT_EQ(k::log(x), static_cast<float>(std::log(static_cast<double>(x)))) << x;
}

TEST(Math, SinAndCosOverAllFloats) {
    Worst sine, cosine, sine_absolute, cosine_absolute;
    every_251st_float([&](float x) {
        const k::SinCos y = k::sincos(x);
        if (!(std::abs(x) <= 65536.0f)) {
            ASSERT_TRUE(std::isnan(y.sin) && std::isnan(y.cos)) << x;
            return;
        }
        const double s = std::sin(static_cast<double>(x)), c = std::cos(static_cast<double>(x));
        if (x != 0.0f) sine.see(std::abs(y.sin - s) / ulp(s), x);
        cosine.see(std::abs(y.cos - c) / ulp(c), x);
        sine_absolute.see(std::abs(y.sin - s), x);
        cosine_absolute.see(std::abs(y.cos - c), x);
    });
    EXPECT_WORST(sine, 1.58);
    EXPECT_WORST(cosine, 1.58);
    EXPECT_WORST(sine_absolute, std::exp2(-23.3));
    EXPECT_WORST(cosine_absolute, std::exp2(-23.3));
}

TEST(Math, SinAndCosAtTheirEdges) {
    EXPECT_EQ(k::sin(0.0f), 0.0f);
    EXPECT_EQ(k::cos(0.0f), 1.0f);
    EXPECT_EQ(k::sin(least), least);
    // The floats nearest to multiples of pi/2: what is left is the float's own distance from it.
    for (int n = 1; n <= 40000; ++n) {
        const double angle = n * (std::acos(-1.0) / 2);
        const auto x = static_cast<float>(angle);
        const double s = std::sin(static_cast<double>(x)), c = std::cos(static_cast<double>(x));
        ASSERT_LE(std::abs(k::sin(x) - s), 1.58 * ulp(s)) << n;
        ASSERT_LE(std::abs(k::cos(x) - c), 1.58 * ulp(c)) << n;
        ASSERT_EQ(k::sin(-x), -k::sin(x)) << n;
        ASSERT_EQ(k::cos(-x), k::cos(x)) << n;
    }
    for (const float x : {std::nextafter(65536.0f, inf), huge, inf, -inf, nan}) {
        EXPECT_TRUE(std::isnan(k::sin(x))) << x;
        EXPECT_TRUE(std::isnan(k::cos(x))) << x;
    }
}

TEST(Math, AcosOverAllFloats) {
    Worst worst;
    every_251st_float([&](float x) {
        const float y = k::acos(x);
        if (!(std::abs(x) <= 1.0f)) {
            ASSERT_TRUE(std::isnan(y)) << x;
        } else if (x != 1.0f) {
            const double exact = std::acos(static_cast<double>(x));
            worst.see(std::abs(y - exact) / ulp(exact), x);
        }
    });
    EXPECT_WORST(worst, 1.08);
}

TEST(Math, AcosAtItsEdges) {
    EXPECT_EQ(k::acos(1.0f), 0.0f);
    EXPECT_EQ(k::acos(-1.0f), k::pi);
    EXPECT_EQ(k::acos(0.0f), static_cast<float>(std::acos(0.0)));
    EXPECT_EQ(k::acos(-0.0f), static_cast<float>(std::acos(0.0)));
    for (const float x : {std::nextafter(1.0f, 0.0f), std::nextafter(-1.0f, 0.0f), 0.5f, -0.5f, std::nextafter(0.5f, 1.0f)}) {
        const double exact = std::acos(static_cast<double>(x));
        EXPECT_LE(std::abs(k::acos(x) - exact), 1.08 * ulp(exact)) << x;
    }
    for (const float x : {std::nextafter(1.0f, 2.0f), -2.0f, inf, -inf, nan}) EXPECT_TRUE(std::isnan(k::acos(x))) << x;
}

TEST(Math, PowKeepsItsRelativeBound) {
    // x over all positive binades, y over exponents that use them up: |y ln x| up to 87.
    Worst excess;
    for (int e = -126; e <= 127; ++e)
        for (const float m : {1.0f, 1.1f, 1.4142135f, 1.9f})
            for (const float y : {0.25f, -0.25f, 0.5f, 1.0f, -1.0f, 2.0f, 3.0f, 7.5f, 1e-3f, 1e-30f}) {
                const float x = std::ldexp(m, e);
                const double exact = std::pow(static_cast<double>(x), static_cast<double>(y));
                if (exact > huge || exact < tiny) continue;
                const double bound = (1 + std::abs(y * std::log(static_cast<double>(x)))) * 0x1p-23;
                excess.see(std::abs(k::pow(x, y) / exact - 1) / bound, x);
            }
    EXPECT_WORST(excess, 1.0);
    EXPECT_EQ(k::pow(0.0f, 0.25f), 0.0f);
    EXPECT_EQ(k::pow(0.0f, 0.0f), 1.0f);
    EXPECT_EQ(k::pow(1.0f, 123.0f), 1.0f);
    EXPECT_TRUE(std::isnan(k::pow(-1.0f, 2.0f)));
}

TEST(Math, FmaRoundsOnce) {
    // (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24: the last term is lost by a rounded product, and is half an ulp below by a fused one.
    const float a = 1.0f + 0x1p-12f;
    EXPECT_EQ(k::fma(a, a, -(1.0f + 0x1p-11f)), 0x1p-24f);
    const double b = 1.0 + 0x1p-27;
    EXPECT_EQ(k::fma(b, b, -(1.0 + 0x1p-26)), 0x1p-54);
}

TEST(Math, SqrtIsExact) {
    every_251st_float([](float x) {
        // A float's square root computed in double and rounded again is correctly rounded: 53 >= 2 x 24 + 2 bits.
        if (x >= 0.0f) {
            ASSERT_EQ(k::sqrt(x), static_cast<float>(std::sqrt(static_cast<double>(x)))) << x;
        }
    });
    EXPECT_EQ(k::sqrt(2.25), 1.5);
    EXPECT_TRUE(std::isnan(k::sqrt(-1.0f)));
}

TEST(Math, RoundingToIntegers) {
    for (float x = -40.0f; x <= 40.0f; x += 0.125f) {
        EXPECT_EQ(k::round_even(x), std::nearbyint(x)) << x;
        EXPECT_EQ(k::floor_int(x), static_cast<int>(std::floor(x))) << x;
    }
    EXPECT_EQ(k::round_even(4194303.5f), 4194304.0f);
    EXPECT_EQ(k::floor_int(-least), -1);
    EXPECT_EQ(k::floor_int(least), 0);
    EXPECT_EQ(k::floor_int(-2147483520.0f), -2147483520);
    EXPECT_EQ(k::floor_int(2147483520.0f), 2147483520);
}

TEST(Math, ClassificationAndMagnitude) {
    for (const float x : {0.0f, -0.0f, least, -1.5f, huge, -huge}) {
        EXPECT_TRUE(k::is_finite(x)) << x;
        EXPECT_FALSE(k::is_nan(x)) << x;
        EXPECT_EQ(k::abs(x), std::abs(x)) << x;
        EXPECT_FALSE(std::signbit(k::abs(x))) << x;
        EXPECT_EQ(k::abs(static_cast<double>(x)), std::abs(static_cast<double>(x))) << x;
        EXPECT_FALSE(std::signbit(k::abs(static_cast<double>(x)))) << x;
    }
    for (const float x : {inf, -inf, nan}) EXPECT_FALSE(k::is_finite(x)) << x;
    EXPECT_TRUE(k::is_nan(nan));
    EXPECT_FALSE(k::is_nan(inf));
    EXPECT_TRUE(std::isnan(k::abs(nan)));
}

TEST(Math, MinAndMaxGiveTheSecondWhereNothingIsLess) {
    EXPECT_EQ(k::min(1.0f, 2.0f), 1.0f);
    EXPECT_EQ(k::max(1.0f, 2.0f), 2.0f);
    EXPECT_EQ(k::min(nan, 2.0f), 2.0f);
    EXPECT_EQ(k::max(nan, 2.0f), 2.0f);
    EXPECT_TRUE(std::isnan(k::min(2.0f, nan)));
    EXPECT_TRUE(std::signbit(k::max(0.0f, -0.0f)));
    EXPECT_FALSE(std::signbit(k::min(-0.0f, 0.0f)));
}

}  // namespace
