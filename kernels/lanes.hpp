// Four doubles, or eight floats, that go through the same operations: a vector register where the processor has one, an array elsewhere. Every lane computes
// what a scalar would, to the bit, so how a compiler vectorises decides nothing.
#pragma once

#include "kernels/math.hpp"

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
    __m256 v;

    static Float8 load(const float* from) { return {_mm256_loadu_ps(from)}; }
    static Float8 all(float value) { return {_mm256_set1_ps(value)}; }
    void store(float* to) const { _mm256_storeu_ps(to, v); }
    /// Bit k is set where lane k is not above lane k of `bound`.
    int not_above(Float8 bound) const { return _mm256_movemask_ps(_mm256_cmp_ps(v, bound.v, _CMP_LE_OQ)); }
};
inline Float8 fma(Float8 a, Float8 b, Float8 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
inline Float8 min(Float8 a, Float8 b) { return {_mm256_min_ps(a.v, b.v)}; }  ///< by lane: a where it is below b, else b
inline Float8 max(Float8 a, Float8 b) { return {_mm256_max_ps(a.v, b.v)}; }  ///< by lane: a where it is above b, else b

#else

struct Double4 {
    static constexpr int count = 4;
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

/// log() by lane, of values that are positive, finite and not subnormal.
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

/// The least of the lanes.
ARCUATE_HD float least_of(Float8 of) {
    float lane[8];
    of.store(lane);
    for (int k = 1; k < 8; ++k) lane[0] = min(lane[0], lane[k]);
    return lane[0];
}

/// Sum over n (a multiple of 8) of a_i b_i: eight interleaved partial sums, then a fixed tree.
ARCUATE_HD double dot8(const double* a, const double* b, int n) {
    Double4 low = Double4::all(0), high = Double4::all(0);
    ARCUATE_ROLLED
    for (int i = 0; i < n; i += 8) {
        low = fma(Double4::load(a + i), Double4::load(b + i), low);
        high = fma(Double4::load(a + i + 4), Double4::load(b + i + 4), high);
    }
    double part[4];
    (low + high).store(part);
    return (part[0] + part[1]) + (part[2] + part[3]);
}

/// to_i += from_i scale, n a multiple of 4.
ARCUATE_HD void add_scaled4(double* to, const double* from, double scale, int n) {
    const Double4 s = Double4::all(scale);
    ARCUATE_ROLLED
    for (int i = 0; i < n; i += 4) fma(Double4::load(from + i), s, Double4::load(to + i)).store(to + i);
}

}  // namespace arcuate::kernels
