// The lanes of lanes.hpp in AVX2 registers.
#pragma once

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include "kernels/math.hpp"

#include <immintrin.h>

namespace arcuate::kernels {

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
    static Float8 load_aligned(const float* from) { return {_mm256_load_ps(from)}; }
    static Float8 load_aligned(const std::uint16_t* halves) { return {_mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(halves)))}; }
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

struct Words8 {
    __m256i v;

    static Words8 load(const std::uint32_t* from) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))}; }
    static Words8 all(std::uint32_t value) { return {_mm256_set1_epi32(static_cast<int>(value))}; }
    static Words8 numbers() { return {_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)}; }
    void store(std::uint32_t* to) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), v); }
};
struct Product8 {
    Words8 low, high;
};
inline Words8 operator+(Words8 a, Words8 b) { return {_mm256_add_epi32(a.v, b.v)}; }
inline Words8 operator-(Words8 a, Words8 b) { return {_mm256_sub_epi32(a.v, b.v)}; }
inline Words8 operator&(Words8 a, Words8 b) { return {_mm256_and_si256(a.v, b.v)}; }
inline Words8 operator|(Words8 a, Words8 b) { return {_mm256_or_si256(a.v, b.v)}; }
inline Words8 operator^(Words8 a, Words8 b) { return {_mm256_xor_si256(a.v, b.v)}; }
template <int n>
inline Words8 shift_left(Words8 a) {
    return Words8{_mm256_slli_epi32(a.v, n)};
}
template <int n>
inline Words8 shift_right(Words8 a) {
    return Words8{_mm256_srli_epi32(a.v, n)};
}
template <int n>
inline Words8 shift_right_signed(Words8 a) {
    return Words8{_mm256_srai_epi32(a.v, n)};
}
inline Words8 bits_to_top(std::uint32_t bits) { return {_mm256_sllv_epi32(Words8::all(bits).v, _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24))}; }
inline Product8 multiply(Words8 a, Words8 b) {
    // Products of the even and of the odd lanes, 64 bits each.
    const __m256i even = _mm256_mul_epu32(a.v, b.v), odd = _mm256_mul_epu32(_mm256_srli_epi64(a.v, 32), _mm256_srli_epi64(b.v, 32));
    return {{_mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA)}, {_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA)}};
}
inline Words8 words_of(Float8 of) { return {_mm256_castps_si256(of.v)}; }
inline Float8 float_of(Words8 of) { return {_mm256_castsi256_ps(of.v)}; }
inline Float8 number_of(Words8 of) { return {_mm256_cvtepi32_ps(of.v)}; }
inline Float8 choose_by_top(Words8 top, Float8 yes, Float8 no) { return {_mm256_blendv_ps(no.v, yes.v, _mm256_castsi256_ps(top.v))}; }
inline Float8 choose_below(Float8 a, Float8 b, Float8 yes, Float8 no) { return {_mm256_blendv_ps(no.v, yes.v, _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ))}; }

inline void transpose(const float* rows, int stride, Float8* out) {
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
}
inline void sums_of(const Double4* of, double* out) {
    const __m256d a = _mm256_hadd_pd(of[0].v, of[1].v), b = _mm256_hadd_pd(of[2].v, of[3].v);
    _mm256_storeu_pd(out, _mm256_add_pd(_mm256_permute2f128_pd(a, b, 0x20), _mm256_permute2f128_pd(a, b, 0x31)));
}
inline void sums_of(const Float8* of, float* out) {
    const __m256 sum = _mm256_hadd_ps(_mm256_hadd_ps(of[0].v, of[1].v), _mm256_hadd_ps(of[2].v, of[3].v));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1)));
}

}  // namespace arcuate::kernels

#endif
