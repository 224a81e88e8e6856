// The arithmetic of every kernel: the same bits on every processor and GPU.
//
// IEEE 754 fixes + - * / sqrt and fma to the last bit; libm's exp, log, sin, ... it does not. So kernels use these,
// built from the former alone. Coefficients are our own minimax fits (Lawson's iteration, weighted for relative error) on the reduced
// ranges. Bounds below are measured over the whole domain against double precision by tests/kernels/math_test.cpp, in units of the
// last place (ulp) of the exact result.
#pragma once

#include "kernels/macros.hpp"

#include <bit>
#include <cstdint>
#if !defined(__CUDA_ARCH__)
#include <cmath>
#endif

namespace arcuate::kernels {

inline constexpr float pi = 3.14159274f;
inline constexpr float infinity = __builtin_huge_valf();

/// a * b + c, rounded once.
ARCUATE_HD float fma(float a, float b, float c) {
#if defined(__CUDA_ARCH__)
    return __fmaf_rn(a, b, c);
#else
    return __builtin_fmaf(a, b, c);
#endif
}
ARCUATE_HD double fma(double a, double b, double c) {
#if defined(__CUDA_ARCH__)
    return __fma_rn(a, b, c);
#else
    return __builtin_fma(a, b, c);
#endif
}

ARCUATE_HD float sqrt(float x) {
#if defined(__CUDA_ARCH__)
    return __fsqrt_rn(x);
#else
    return __builtin_sqrtf(x);
#endif
}
ARCUATE_HD double sqrt(double x) {
#if defined(__CUDA_ARCH__)
    return __dsqrt_rn(x);
#else
    return __builtin_sqrt(x);
#endif
}

ARCUATE_HD std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }
ARCUATE_HD float float_of(std::uint32_t bits) { return std::bit_cast<float>(bits); }

ARCUATE_HD float abs(float x) { return float_of(bits_of(x) & 0x7fffffffu); }
ARCUATE_HD double abs(double x) { return x < 0 ? -x : (x == 0 ? 0 : x); }
ARCUATE_HD bool is_nan(float x) { return !(x == x); }
ARCUATE_HD bool is_finite(float x) { return (bits_of(x) & 0x7f800000u) != 0x7f800000u; }

/// The second where the comparison fails, so a NaN in `a` gives `b`, and equal zeros give `b`: the same everywhere.
template <class T>
ARCUATE_HD T min(T a, T b) {
    return a < b ? a : b;
}
template <class T>
ARCUATE_HD T max(T a, T b) {
    return a > b ? a : b;
}

/// To the nearest integer, ties to even, for |x| < 2^22; adding 1.5 x 2^23 leaves no bit for a fraction.
ARCUATE_HD float round_even(float x) { return (x + 12582912.0f) - 12582912.0f; }

/// Largest integer not above x, for |x| < 2^31.
ARCUATE_HD int floor_int(float x) {
    const int truncated = static_cast<int>(x);
    return truncated - (static_cast<float>(truncated) > x ? 1 : 0);
}

/// e^x. Error <= 1 ulp (2 where the result is subnormal); 0 below -103.98, infinity above 88.73, NaN for NaN.
ARCUATE_HD float exp(float x) {
    if (x > 88.73f) return infinity;
    if (x < -103.98f) return 0.0f;
    if (is_nan(x)) return x;
    const float n = round_even(x * 1.44269504f);
    float r = fma(n, -0x1.62e43p-1f, x);   // x - n ln 2, in two pieces
    r = fma(n, 0x1.05c61p-29f, r);
    float p = fma(0x1.6db47ep-10f, r, 0x1.123b92p-7f);
    p = fma(p, r, 0x1.55545ep-5f);
    p = fma(p, r, 0x1.55548ep-3f);
    p = fma(p, r, 0.5f);
    const float e = fma(p, r * r, r) + 1.0f;
    // 2^n as two factors, so that neither leaves the normal range.
    const int k = static_cast<int>(n), half = k / 2;
    return e * float_of(static_cast<std::uint32_t>(half + 127) << 23) * float_of(static_cast<std::uint32_t>(k - half + 127) << 23);
}

/// Natural logarithm. Error <= 1 ulp; -infinity for 0, NaN below 0.
ARCUATE_HD float log(float x) {
    if (x == 0.0f) return -infinity;
    if (!(x > 0.0f)) return float_of(0x7fc00000u);
    if (x == infinity) return x;
    int e = 0;
    if (x < 0x1p-126f) {  // subnormal
        x = x * 0x1p23f;
        e = -23;
    }
    // x = m 2^e with m in [sqrt(1/2), sqrt(2))
    const std::uint32_t shifted = bits_of(x) - 0x3f3504f3u;
    e += static_cast<int>(shifted) >> 23;
    const float f = float_of((shifted & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
    const float s = f / (2.0f + f);  // log(1+f) = 2 atanh(s)
    const float z = s * s;
    float r = fma(0x1.dde45cp-3f, z, 0x1.245bd6p-2f);
    r = fma(r, z, 0x1.9999ecp-2f);
    r = fma(r, z, 0x1.555556p-1f);
    const float n = static_cast<float>(e);
    const float half_square = 0.5f * f * f;  // 2s = f - s f, and s f = f^2/2 - s f^2/2: keeps the leading term exact
    const float low = fma(s, fma(r, z, half_square), n * -0x1.bd0106p-13f);
    return fma(n, 0.693359375f, f - (half_square - low));
}

/// x^y for x > 0 as exp(y log x). Relative error <= (1 + |y ln x|) 2^-23. 0 for x = 0 and y > 0; 1 for y = 0.
ARCUATE_HD float pow(float x, float y) {
    if (y == 0.0f) return 1.0f;
    return exp(y * log(x));
}

struct SinCos {
    float sin, cos;
};

/// Sine and cosine of an angle in radians. Absolute error <= 2^-23.5 for |x| <= 65536; NaN beyond.
ARCUATE_HD SinCos sincos(float x) {
    if (!(abs(x) <= 65536.0f)) return {float_of(0x7fc00000u), float_of(0x7fc00000u)};
    const float n = round_even(x * 0.636619747f);
    float r = fma(n, -0x1.921fb6p+0f, x);  // x - n pi/2, in three pieces
    r = fma(n, 0x1.777a5cp-25f, r);
    r = fma(n, 0x1.ee59dap-50f, r);
    const float z = r * r;
    float s = fma(-0x1.994cfap-13f, z, 0x1.11075cp-7f);
    s = fma(s, z, -0x1.555546p-3f);
    s = fma(s, z * r, r);
    float c = fma(0x1.9a00cep-16f, z, -0x1.6c0c86p-10f);
    c = fma(c, z, 0x1.55554ap-5f);
    c = fma(c, z * z, fma(-0.5f, z, 1.0f));
    const int quadrant = static_cast<int>(n) & 3;
    const float sine = (quadrant & 1) ? c : s, cosine = (quadrant & 1) ? s : c;
    return {(quadrant & 2) ? -sine : sine, ((quadrant + 1) & 2) ? -cosine : cosine};
}
ARCUATE_HD float sin(float x) { return sincos(x).sin; }
ARCUATE_HD float cos(float x) { return sincos(x).cos; }

namespace detail {
/// asin for |x| <= 1/2.
ARCUATE_HD float asin_small(float x) {
    const float z = x * x;
    float p = fma(0x1.15f6f2p-5f, z, 0x1.168756p-6f);
    p = fma(p, z, 0x1.fe1576p-6f);
    p = fma(p, z, 0x1.6d55b8p-5f);
    p = fma(p, z, 0x1.333448p-4f);
    p = fma(p, z, 0x1.555554p-3f);
    return fma(p, z * x, x);
}
}  // namespace detail

/// Arc cosine in [0, pi]. Error <= 2 ulp; NaN outside [-1, 1].
ARCUATE_HD float acos(float x) {
    if (!(abs(x) <= 1.0f)) return float_of(0x7fc00000u);
    if (abs(x) <= 0.5f) return 0x1.921fb6p+0f - (detail::asin_small(x) - -0x1.777a5cp-25f);
    if (x > 0.0f) return 2.0f * detail::asin_small(sqrt(0.5f * (1.0f - x)));
    return 0x1.921fb6p+1f - (2.0f * detail::asin_small(sqrt(0.5f * (1.0f + x))) - -0x1.777a5cp-24f);
}

/// Adds to a cell that many items share. Integers only: their sum does not depend on the order.
ARCUATE_HD void add_relaxed(std::int64_t* cell, std::int64_t value) {
#if defined(__CUDA_ARCH__)
    atomicAdd(reinterpret_cast<unsigned long long*>(cell), static_cast<unsigned long long>(value));
#else
    __atomic_fetch_add(cell, value, __ATOMIC_RELAXED);
#endif
}

}  // namespace arcuate::kernels
