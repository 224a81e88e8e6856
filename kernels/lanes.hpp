// Four doubles, or eight floats, that go through the same operations: a vector register where the processor has one, an array elsewhere. Every lane computes
// what a scalar would, to the bit, so how a compiler vectorises decides nothing.
#pragma once

#include "kernels/math.hpp"

#include <type_traits>

#if defined(__AVX2__) && defined(__FMA__) && !defined(__CUDA_ARCH__)
#define ARCUATE_LANES_AVX2 1
#include <immintrin.h>
#else
#define ARCUATE_LANES_AVX2 0
#endif

namespace arcuate::kernels {

/// One double with the names of Double4, for what is written over the lane.
struct Double1 {
    static constexpr int count = 1;
    double v;

    ARCUATE_HD static Double1 load(const double* from) { return {*from}; }
    ARCUATE_HD static Double1 all(double value) { return {value}; }
    ARCUATE_HD void store(double* to) const { *to = v; }
    ARCUATE_HD static Double1 load(const float* from) { return {static_cast<double>(*from)}; }
    ARCUATE_HD void store(float* to) const { *to = static_cast<float>(v); }
    ARCUATE_HD int below(Double1 bound) const { return v < bound.v; }
};
ARCUATE_HD Double1 fma(Double1 a, Double1 b, Double1 c) { return {fma(a.v, b.v, c.v)}; }
ARCUATE_HD Double1 fnma(Double1 a, Double1 b, Double1 c) { return {fma(-a.v, b.v, c.v)}; }
ARCUATE_HD Double1 operator+(Double1 a, Double1 b) { return {a.v + b.v}; }
ARCUATE_HD Double1 operator*(Double1 a, Double1 b) { return {a.v * b.v}; }
ARCUATE_HD Double1 operator/(Double1 a, Double1 b) { return {a.v / b.v}; }
ARCUATE_HD Double1 sqrt(Double1 a) { return {sqrt(a.v)}; }

#if ARCUATE_LANES_AVX2

struct Double4 {
    static constexpr int count = 4;
    using Scalar = double;
    __m256d v;

    static Double4 load(const double* from) { return {_mm256_loadu_pd(from)}; }
    static Double4 all(double value) { return {_mm256_set1_pd(value)}; }
    void store(double* to) const { _mm256_storeu_pd(to, v); }
    static Double4 load(const float* from) { return {_mm256_cvtps_pd(_mm_loadu_ps(from))}; }
    void store(float* to) const { _mm_storeu_ps(to, _mm256_cvtpd_ps(v)); }  ///< rounded
    /// Bit k is set where lane k is below lane k of `bound`.
    int below(Double4 bound) const { return _mm256_movemask_pd(_mm256_cmp_pd(v, bound.v, _CMP_LT_OQ)); }
};
inline Double4 fma(Double4 a, Double4 b, Double4 c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
inline Double4 fnma(Double4 a, Double4 b, Double4 c) { return {_mm256_fnmadd_pd(a.v, b.v, c.v)}; }  ///< c - a b
inline Double4 operator+(Double4 a, Double4 b) { return {_mm256_add_pd(a.v, b.v)}; }
inline Double4 operator*(Double4 a, Double4 b) { return {_mm256_mul_pd(a.v, b.v)}; }
inline Double4 operator-(Double4 a, Double4 b) { return {_mm256_sub_pd(a.v, b.v)}; }
inline Double4 operator/(Double4 a, Double4 b) { return {_mm256_div_pd(a.v, b.v)}; }
inline Double4 sqrt(Double4 a) { return {_mm256_sqrt_pd(a.v)}; }

struct Float8 {
    static constexpr int count = 8;
    using Scalar = float;
    __m256 v;

    static Float8 load(const float* from) { return {_mm256_loadu_ps(from)}; }
    static Float8 all(float value) { return {_mm256_set1_ps(value)}; }
    void store(float* to) const { _mm256_storeu_ps(to, v); }
    /// Bit k is set where lane k is not above lane k of `bound`.
    int not_above(Float8 bound) const { return _mm256_movemask_ps(_mm256_cmp_ps(v, bound.v, _CMP_LE_OQ)); }
};
inline Float8 fma(Float8 a, Float8 b, Float8 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
inline Float8 fnma(Float8 a, Float8 b, Float8 c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }  ///< c - a b
inline Float8 operator+(Float8 a, Float8 b) { return {_mm256_add_ps(a.v, b.v)}; }
inline Float8 operator-(Float8 a, Float8 b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline Float8 operator*(Float8 a, Float8 b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline Float8 operator/(Float8 a, Float8 b) { return {_mm256_div_ps(a.v, b.v)}; }
inline Float8 sqrt(Float8 a) { return {_mm256_sqrt_ps(a.v)}; }
inline Float8 min(Float8 a, Float8 b) { return {_mm256_min_ps(a.v, b.v)}; }  ///< by lane: a where it is below b, else b
inline Float8 max(Float8 a, Float8 b) { return {_mm256_max_ps(a.v, b.v)}; }  ///< by lane: a where it is above b, else b

#else

struct Double4 {
    static constexpr int count = 4;
    using Scalar = double;
    double v[4];

    ARCUATE_HD static Double4 load(const double* from) { return {{from[0], from[1], from[2], from[3]}}; }
    ARCUATE_HD static Double4 all(double value) { return {{value, value, value, value}}; }
    ARCUATE_HD void store(double* to) const {
        ARCUATE_UNROLL
        for (int k = 0; k < 4; ++k) to[k] = v[k];
    }
    ARCUATE_HD static Double4 load(const float* from) {
        return {{static_cast<double>(from[0]), static_cast<double>(from[1]), static_cast<double>(from[2]), static_cast<double>(from[3])}};
    }
    ARCUATE_HD void store(float* to) const {
        ARCUATE_UNROLL
        for (int k = 0; k < 4; ++k) to[k] = static_cast<float>(v[k]);
    }
    ARCUATE_HD int below(Double4 bound) const {
        int bits = 0;
        ARCUATE_UNROLL
        for (int k = 0; k < 4; ++k) bits |= static_cast<int>(v[k] < bound.v[k]) << k;
        return bits;
    }
};
ARCUATE_HD Double4 fma(Double4 a, Double4 b, Double4 c) {
    ARCUATE_UNROLL
    for (int k = 0; k < 4; ++k) c.v[k] = fma(a.v[k], b.v[k], c.v[k]);
    return c;
}
ARCUATE_HD Double4 fnma(Double4 a, Double4 b, Double4 c) {
    ARCUATE_UNROLL
    for (int k = 0; k < 4; ++k) c.v[k] = fma(-a.v[k], b.v[k], c.v[k]);
    return c;
}
ARCUATE_HD Double4 operator+(Double4 a, Double4 b) {
    ARCUATE_UNROLL
    for (int k = 0; k < 4; ++k) a.v[k] = a.v[k] + b.v[k];
    return a;
}
ARCUATE_HD Double4 operator*(Double4 a, Double4 b) {
    ARCUATE_UNROLL
    for (int k = 0; k < 4; ++k) a.v[k] = a.v[k] * b.v[k];
    return a;
}
ARCUATE_HD Double4 operator-(Double4 a, Double4 b) {
    ARCUATE_UNROLL
    for (int k = 0; k < 4; ++k) a.v[k] = a.v[k] - b.v[k];
    return a;
}
ARCUATE_HD Double4 operator/(Double4 a, Double4 b) {
    ARCUATE_UNROLL
    for (int k = 0; k < 4; ++k) a.v[k] = a.v[k] / b.v[k];
    return a;
}
ARCUATE_HD Double4 sqrt(Double4 a) {
    ARCUATE_UNROLL
    for (int k = 0; k < 4; ++k) a.v[k] = sqrt(a.v[k]);
    return a;
}

struct Float8 {
    static constexpr int count = 8;
    using Scalar = float;
    float v[8];

    ARCUATE_HD static Float8 load(const float* from) {
        Float8 out;
        ARCUATE_UNROLL
        for (int k = 0; k < 8; ++k) out.v[k] = from[k];
        return out;
    }
    ARCUATE_HD static Float8 all(float value) { return {{value, value, value, value, value, value, value, value}}; }
    ARCUATE_HD void store(float* to) const {
        ARCUATE_UNROLL
        for (int k = 0; k < 8; ++k) to[k] = v[k];
    }
    ARCUATE_HD int not_above(Float8 bound) const {
        int bits = 0;
        ARCUATE_UNROLL
        for (int k = 0; k < 8; ++k) bits |= static_cast<int>(v[k] <= bound.v[k]) << k;
        return bits;
    }
};
ARCUATE_HD Float8 fma(Float8 a, Float8 b, Float8 c) {
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) c.v[k] = fma(a.v[k], b.v[k], c.v[k]);
    return c;
}
ARCUATE_HD Float8 fnma(Float8 a, Float8 b, Float8 c) {
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) c.v[k] = fma(-a.v[k], b.v[k], c.v[k]);
    return c;
}
ARCUATE_HD Float8 operator+(Float8 a, Float8 b) {
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) a.v[k] = a.v[k] + b.v[k];
    return a;
}
ARCUATE_HD Float8 operator-(Float8 a, Float8 b) {
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) a.v[k] = a.v[k] - b.v[k];
    return a;
}
ARCUATE_HD Float8 operator*(Float8 a, Float8 b) {
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) a.v[k] = a.v[k] * b.v[k];
    return a;
}
ARCUATE_HD Float8 operator/(Float8 a, Float8 b) {
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) a.v[k] = a.v[k] / b.v[k];
    return a;
}
ARCUATE_HD Float8 sqrt(Float8 a) {
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) a.v[k] = sqrt(a.v[k]);
    return a;
}
ARCUATE_HD Float8 min(Float8 a, Float8 b) {
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) b.v[k] = a.v[k] < b.v[k] ? a.v[k] : b.v[k];
    return b;
}
ARCUATE_HD Float8 max(Float8 a, Float8 b) {
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) b.v[k] = a.v[k] > b.v[k] ? a.v[k] : b.v[k];
    return b;
}

#endif

/// The sum over the lanes: ((0+4) + (2+6)) + ((1+5) + (3+7)).
ARCUATE_HD float tree_sum(Float8 of) {
    float s[8];
    of.store(s);
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/// Lane k negated where bit k of `bits` is set.
ARCUATE_HD Float8 negated(Float8 of, std::uint32_t bits) {
#if ARCUATE_LANES_AVX2
    const __m256i to_sign = _mm256_sllv_epi32(_mm256_set1_epi32(static_cast<int>(bits)), _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24));
    return {_mm256_xor_ps(of.v, _mm256_and_ps(_mm256_castsi256_ps(to_sign), _mm256_set1_ps(-0.0f)))};
#else
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) of.v[k] = float_of(bits_of(of.v[k]) ^ ((bits >> k & 1u) << 31));
    return of;
#endif
}

// For code that is written once for a float and for eight.
ARCUATE_HD float fnma(float a, float b, float c) { return fma(-a, b, c); }
template <class T>
ARCUATE_HD T all_of(float value) {
    if constexpr (std::is_same_v<T, float>) return value;
    else return T::all(value);
}

ARCUATE_HD void store(float value, float* to) { *to = value; }
ARCUATE_HD void store(Float8 value, float* to) { value.store(to); }
/// By lane: `yes` where a < b, else `no`.
ARCUATE_HD float choose_below(float a, float b, float yes, float no) { return a < b ? yes : no; }
ARCUATE_HD Float8 choose_below(Float8 a, Float8 b, Float8 yes, Float8 no) {
#if ARCUATE_LANES_AVX2
    return {_mm256_blendv_ps(no.v, yes.v, _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ))};
#else
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) no.v[k] = a.v[k] < b.v[k] ? yes.v[k] : no.v[k];
    return no;
#endif
}

/// Eight rows of eight values, `stride` apart: lane k of out[j] is value j of row k.
ARCUATE_HD void transpose(const float* rows, int stride, Float8* out) {
#if ARCUATE_LANES_AVX2
    __m256 r[8], pair[8];
    for (int k = 0; k < 4; ++k) {  // halves of rows k and k + 4 side by side
        r[k] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(rows + k * stride)), _mm_loadu_ps(rows + (k + 4) * stride), 1);
        r[k + 4] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(rows + k * stride + 4)), _mm_loadu_ps(rows + (k + 4) * stride + 4), 1);
    }
    for (int half = 0; half < 8; half += 4) {
        pair[0] = _mm256_unpacklo_ps(r[half], r[half + 1]), pair[1] = _mm256_unpackhi_ps(r[half], r[half + 1]);
        pair[2] = _mm256_unpacklo_ps(r[half + 2], r[half + 3]), pair[3] = _mm256_unpackhi_ps(r[half + 2], r[half + 3]);
        out[half].v = _mm256_shuffle_ps(pair[0], pair[2], 0x44), out[half + 1].v = _mm256_shuffle_ps(pair[0], pair[2], 0xEE);
        out[half + 2].v = _mm256_shuffle_ps(pair[1], pair[3], 0x44), out[half + 3].v = _mm256_shuffle_ps(pair[1], pair[3], 0xEE);
    }
#else
    for (int j = 0; j < 8; ++j)
        for (int k = 0; k < 8; ++k) out[j].v[k] = rows[k * stride + j];
#endif
}

struct SinCos8 {
    Float8 sin, cos;
};
/// sincos() by lane, of angles up to 65536.
ARCUATE_HD SinCos8 sincos(Float8 of) {
#if ARCUATE_LANES_AVX2
    // The operations of sincos(), in its order.
    const auto all = [](float value) { return _mm256_set1_ps(value); };
    const __m256 shifted = _mm256_fmadd_ps(of.v, all(0.636619747f), all(detail::shift)), n = _mm256_sub_ps(shifted, all(detail::shift));
    __m256 r = _mm256_fmadd_ps(n, all(-0x1.921fb6p+0f), of.v);
    r = _mm256_fmadd_ps(n, all(0x1.777a5cp-25f), r);
    r = _mm256_fmadd_ps(n, all(0x1.ee59dap-50f), r);
    const __m256 z = _mm256_mul_ps(r, r);
    __m256 s = _mm256_fmadd_ps(all(-0x1.994cfap-13f), z, all(0x1.11075cp-7f));
    s = _mm256_fmadd_ps(s, z, all(-0x1.555546p-3f));
    s = _mm256_fmadd_ps(s, _mm256_mul_ps(z, r), r);
    __m256 c = _mm256_fmadd_ps(all(0x1.9a00cep-16f), z, all(-0x1.6c0c86p-10f));
    c = _mm256_fmadd_ps(c, z, all(0x1.55554ap-5f));
    c = _mm256_fmadd_ps(c, _mm256_mul_ps(z, z), _mm256_fmadd_ps(all(-0.5f), z, all(1.0f)));
    const __m256i quadrant = _mm256_castps_si256(shifted), two = _mm256_set1_epi32(2);
    const __m256 odd = _mm256_castsi256_ps(_mm256_slli_epi32(quadrant, 31));  // a blend looks at the sign bit
    const __m256i sine_sign = _mm256_slli_epi32(_mm256_and_si256(quadrant, two), 30);
    const __m256i cosine_sign = _mm256_slli_epi32(_mm256_and_si256(_mm256_add_epi32(quadrant, _mm256_set1_epi32(1)), two), 30);
    return {{_mm256_xor_ps(_mm256_blendv_ps(s, c, odd), _mm256_castsi256_ps(sine_sign))}, {_mm256_xor_ps(_mm256_blendv_ps(c, s, odd), _mm256_castsi256_ps(cosine_sign))}};
#else
    SinCos8 out;
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) {
        const SinCos one = sincos(of.v[k]);
        out.sin.v[k] = one.sin;
        out.cos.v[k] = one.cos;
    }
    return out;
#endif
}

/// asin() by lane, of values from 0 to 1.
ARCUATE_HD Float8 asin(Float8 of) {
#if ARCUATE_LANES_AVX2
    // The operations of asin(), in its order.
    const Float8 half = Float8::all(0.5f);
    const Float8 z = choose_below(half, of, half * (Float8::all(1.0f) - of), of * of), s = choose_below(half, of, sqrt(z), of);
    Float8 p = fma(Float8::all(0x1.15f6f2p-5f), z, Float8::all(0x1.168756p-6f));
    p = fma(p, z, Float8::all(0x1.fe1576p-6f));
    p = fma(p, z, Float8::all(0x1.6d55b8p-5f));
    p = fma(p, z, Float8::all(0x1.333448p-4f));
    p = fma(p, z, Float8::all(0x1.555554p-3f));
    const Float8 small = fma(p, z * s, s);
    return choose_below(half, of, Float8::all(0x1.921fb6p+0f) - (Float8::all(2.0f) * small + Float8::all(0x1.777a5cp-25f)), small);
#else
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) of.v[k] = asin(of.v[k]);
    return of;
#endif
}

/// log() by lane, of values that are positive, finite and not subnormal.
ARCUATE_HD float log_of_normal(float of) { return log(of); }
ARCUATE_HD Float8 log_of_normal(Float8 of) {
#if ARCUATE_LANES_AVX2
    // The operations of log(), in its order.
    const auto all = [](float value) { return _mm256_set1_ps(value); };
    const __m256i least = _mm256_set1_epi32(0x3f3504f3), offset = _mm256_sub_epi32(_mm256_castps_si256(of.v), least);
    const __m256 f = _mm256_sub_ps(_mm256_castsi256_ps(_mm256_add_epi32(_mm256_and_si256(offset, _mm256_set1_epi32(0x007fffff)), least)), all(1.0f));
    const __m256 s = _mm256_div_ps(f, _mm256_add_ps(all(2.0f), f)), z = _mm256_mul_ps(s, s);
    __m256 r = _mm256_fmadd_ps(all(0x1.dde45cp-3f), z, all(0x1.245bd6p-2f));
    r = _mm256_fmadd_ps(r, z, all(0x1.9999ecp-2f));
    r = _mm256_fmadd_ps(r, z, all(0x1.555556p-1f));
    const __m256 n = _mm256_cvtepi32_ps(_mm256_srai_epi32(offset, 23));
    const __m256 half_square = _mm256_mul_ps(_mm256_mul_ps(all(0.5f), f), f);
    const __m256 low = _mm256_fmadd_ps(s, _mm256_fmadd_ps(r, z, half_square), _mm256_mul_ps(n, all(-0x1.bd0106p-13f)));
    return {_mm256_fmadd_ps(n, all(0.693359375f), _mm256_sub_ps(f, _mm256_sub_ps(half_square, low)))};
#else
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) of.v[k] = log(of.v[k]);
    return of;
#endif
}

/// The sum over the lanes of each of four: (lane 0 + lane 1) + (lane 2 + lane 3).
ARCUATE_HD void sums_of(const Double4* of, double* out) {
#if ARCUATE_LANES_AVX2
    const __m256d a = _mm256_hadd_pd(of[0].v, of[1].v), b = _mm256_hadd_pd(of[2].v, of[3].v);
    _mm256_storeu_pd(out, _mm256_add_pd(_mm256_permute2f128_pd(a, b, 0x20), _mm256_permute2f128_pd(a, b, 0x31)));
#else
    for (int i = 0; i < 4; ++i) out[i] = (of[i].v[0] + of[i].v[1]) + (of[i].v[2] + of[i].v[3]);
#endif
}

/// The same of four of eight lanes: ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)).
ARCUATE_HD void sums_of(const Float8* of, float* out) {
#if ARCUATE_LANES_AVX2
    const __m256 sum = _mm256_hadd_ps(_mm256_hadd_ps(of[0].v, of[1].v), _mm256_hadd_ps(of[2].v, of[3].v));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1)));
#else
    for (int i = 0; i < 4; ++i) {
        const float* const v = of[i].v;
        out[i] = ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]));
    }
#endif
}

/// The least of the lanes.
ARCUATE_HD float least_of(Float8 of) {
    float lane[8];
    of.store(lane);
    for (int k = 1; k < 8; ++k) lane[0] = min(lane[0], lane[k]);
    return lane[0];
}

/// The sum over the lanes: (0 + 1) + (2 + 3).
ARCUATE_HD double tree_sum(Double4 of) {
    double part[4];
    of.store(part);
    return (part[0] + part[1]) + (part[2] + part[3]);
}

/// to_i += from_i scale, n a multiple of 4.
ARCUATE_HD void add_scaled4(double* to, const double* from, double scale, int n) {
    const Double4 s = Double4::all(scale);
    ARCUATE_ROLLED
    for (int i = 0; i < n; i += 4) fma(Double4::load(from + i), s, Double4::load(to + i)).store(to + i);
}

}  // namespace arcuate::kernels
