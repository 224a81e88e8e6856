// The arithmetic of every kernel: the same bits on every processor and GPU.
//
// IEEE 754 fixes + - * / sqrt and fma to the last bit; libm's exp, log, sin, ... it does not. So kernels use these,
// built from the former alone. Coefficients are our own minimax fits (Lawson's iteration, weighted for relative error) on the reduced
// ranges, and nothing branches, so loops over arrays vectorise. The bounds below were measured over all 2^32 floats against double precision,
// in units of the last place (ulp) of the exact result; tests/kernels/math_test.cpp repeats it on every 251st.
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

/// Position of the lowest bit that is set; x is not 0.
ARCUATE_HD int lowest_bit(std::uint32_t x) {
#if defined(__CUDA_ARCH__)
    return __ffs(static_cast<int>(x)) - 1;
#else
    return std::countr_zero(x);
#endif
}
ARCUATE_HD int count_bits(std::uint32_t x) {
#if defined(__CUDA_ARCH__)
    return __popc(x);
#else
    return std::popcount(x);
#endif
}

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

namespace detail {
inline constexpr float shift = 12582912.0f;  // 1.5 x 2^23: x + shift holds round(x) in its low bits
inline constexpr std::uint32_t shift_bits = 0x4b400000u;
ARCUATE_HD float quiet_nan() { return float_of(0x7fc00000u); }
/// 2^k for -126 <= k <= 127.
ARCUATE_HD float power_of_two(int k) { return float_of(static_cast<std::uint32_t>(k + 127) << 23); }
}  // namespace detail

/// e^x. Error <= 1.05 ulp (0.75 where the result is subnormal); 0 from -103.98 down, infinity from 88.73 up, NaN for NaN.
ARCUATE_HD float exp(float x) {
    const float bounded = min(89.0f, max(-104.0f, x));  // keeps a NaN; e^-104 rounds to 0 and e^89 to infinity by themselves
    const float shifted = fma(bounded, 1.44269504f, detail::shift);
    const float n = shifted - detail::shift;
    float r = fma(n, -0x1.62e43p-1f, bounded);  // x - n ln 2, in two pieces
    r = fma(n, 0x1.05c61p-29f, r);
    float p = fma(0x1.6db47ep-10f, r, 0x1.123b92p-7f);
    p = fma(p, r, 0x1.55545ep-5f);
    p = fma(p, r, 0x1.55548ep-3f);
    p = fma(p, r, 0.5f);
    const float e = fma(p, r * r, r) + 1.0f;
    // 2^n as two factors, so that neither leaves the normal range.
    const int k = static_cast<int>(bits_of(shifted) - detail::shift_bits), half = k >> 1;
    const float y = e * detail::power_of_two(half) * detail::power_of_two(k - half);
    return is_nan(x) ? detail::quiet_nan() : y;
}

/// Natural logarithm. Error <= 0.84 ulp; -infinity for 0, NaN below 0.
ARCUATE_HD float log(float x) {
    const bool subnormal = x < 0x1p-126f;
    const float scaled = subnormal ? x * 0x1p23f : x;
    // x = m 2^e with m in [sqrt(1/2), sqrt(2))
    const std::uint32_t offset = bits_of(scaled) - 0x3f3504f3u;
    const int e = (static_cast<int>(offset) >> 23) - (subnormal ? 23 : 0);
    const float f = float_of((offset & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
    const float s = f / (2.0f + f);  // log(1+f) = 2 atanh(s)
    const float z = s * s;
    float r = fma(0x1.dde45cp-3f, z, 0x1.245bd6p-2f);
    r = fma(r, z, 0x1.9999ecp-2f);
    r = fma(r, z, 0x1.555556p-1f);
    const float n = static_cast<float>(e);
    const float half_square = 0.5f * f * f;  // 2s = f - s f, and s f = f^2/2 - s f^2/2: keeps the leading term exact
    const float low = fma(s, fma(r, z, half_square), n * -0x1.bd0106p-13f);
    const float y = fma(n, 0.693359375f, f - (half_square - low));
    const float special = x == 0.0f ? -infinity : x == infinity ? infinity : detail::quiet_nan();
    return x > 0.0f && x < infinity ? y : special;
}

/// x^y for x > 0 as exp(y log x). Relative error <= (1 + |y ln x|) 2^-23. 0 for x = 0 and y > 0; 1 for y = 0.
ARCUATE_HD float pow(float x, float y) {
    if (y == 0.0f) return 1.0f;
    return exp(y * log(x));
}

struct SinCos {
    float sin, cos;
};

/// Sine and cosine of an angle in radians, |x| <= 65536; NaN beyond. Error <= 1.58 ulp, and <= 2^-23.3 in absolute terms.
ARCUATE_HD SinCos sincos(float x) {
    const float shifted = fma(x, 0.636619747f, detail::shift);
    const float n = shifted - detail::shift;
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
    const std::uint32_t quadrant = bits_of(shifted) & 3u;
    const float sine = (quadrant & 1u) ? c : s, cosine = (quadrant & 1u) ? s : c;
    const bool inside = abs(x) <= 65536.0f;
    return {inside ? float_of(bits_of(sine) ^ ((quadrant & 2u) << 30)) : detail::quiet_nan(),
            inside ? float_of(bits_of(cosine) ^ (((quadrant + 1u) & 2u) << 30)) : detail::quiet_nan()};
}
ARCUATE_HD float sin(float x) { return sincos(x).sin; }
ARCUATE_HD float cos(float x) { return sincos(x).cos; }

namespace detail {
/// (asin(s) - s) / s^3 at z = s^2, for s <= 1/2.
ARCUATE_HD float asin_tail(float z) {
    float p = fma(0x1.15f6f2p-5f, z, 0x1.168756p-6f);
    p = fma(p, z, 0x1.fe1576p-6f);
    p = fma(p, z, 0x1.6d55b8p-5f);
    p = fma(p, z, 0x1.333448p-4f);
    return fma(p, z, 0x1.555554p-3f);
}
}  // namespace detail

/// Arc cosine in [0, pi]. Error <= 1.08 ulp; NaN outside [-1, 1].
ARCUATE_HD float acos(float x) {
    // asin(s) for s = x near 0, for s = sqrt((1 - |x|) / 2) = sin(acos|x| / 2) elsewhere: s <= 1/2 in both.
    const float magnitude = abs(x);
    const bool middle = magnitude <= 0.5f;
    const float z = middle ? x * x : 0.5f * (1.0f - magnitude);
    const float s = middle ? x : sqrt(z);
    const float asine = fma(detail::asin_tail(z), z * s, s);
    const float from_middle = 0x1.921fb6p+0f - (asine + 0x1.777a5cp-25f);
    const float from_end = x > 0.0f ? 2.0f * asine : 0x1.921fb6p+1f - (2.0f * asine + 0x1.777a5cp-24f);
    return magnitude <= 1.0f ? (middle ? from_middle : from_end) : detail::quiet_nan();
}

/// Arc sine in [-pi/2, pi/2]. Error <= 2 ulp; NaN outside [-1, 1].
ARCUATE_HD float asin(float x) {
    const float magnitude = abs(x);
    const bool middle = magnitude <= 0.5f;
    const float z = middle ? x * x : 0.5f * (1.0f - magnitude);
    const float s = middle ? magnitude : sqrt(z);
    const float small = fma(detail::asin_tail(z), z * s, s);
    const float y = middle ? small : 0x1.921fb6p+0f - (2.0f * small + 0x1.777a5cp-25f);
    return magnitude <= 1.0f ? float_of(bits_of(y) | (bits_of(x) & 0x80000000u)) : detail::quiet_nan();
}

/// Asks for memory that will be written soon.
ARCUATE_HD void prefetch([[maybe_unused]] const void* address) {
#if !defined(__CUDA_ARCH__)
    __builtin_prefetch(address, 1);
#endif
}

/// Adds to a cell that many items share. Integers only: their sum does not depend on the order.
ARCUATE_HD void add_relaxed(std::int64_t* cell, std::int64_t value) {
#if defined(__CUDA_ARCH__)
    atomicAdd(reinterpret_cast<unsigned long long*>(cell), static_cast<unsigned long long>(value));
#else
    __atomic_fetch_add(cell, value, __ATOMIC_RELAXED);
#endif
}

/// Lowers a cell that many items share to `value`, or raises it.
ARCUATE_HD void min_relaxed(std::int64_t* cell, std::int64_t value) {
#if defined(__CUDA_ARCH__)
    atomicMin(reinterpret_cast<long long*>(cell), static_cast<long long>(value));
#else
    std::int64_t now = __atomic_load_n(cell, __ATOMIC_RELAXED);
    while (value < now && !__atomic_compare_exchange_n(cell, &now, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
#endif
}
ARCUATE_HD void max_relaxed(std::int64_t* cell, std::int64_t value) {
#if defined(__CUDA_ARCH__)
    atomicMax(reinterpret_cast<long long*>(cell), static_cast<long long>(value));
#else
    std::int64_t now = __atomic_load_n(cell, __ATOMIC_RELAXED);
    while (value > now && !__atomic_compare_exchange_n(cell, &now, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
#endif
}

/// Takes `count` from a counter that many items share: the value before. Who gets which is not reproducible, so nothing may depend on it.
ARCUATE_HD std::int32_t take_relaxed(std::int32_t* counter, std::int32_t count) {
#if defined(__CUDA_ARCH__)
    return atomicAdd(counter, count);
#else
    return __atomic_fetch_add(counter, count, __ATOMIC_RELAXED);
#endif
}

}  // namespace arcuate::kernels
