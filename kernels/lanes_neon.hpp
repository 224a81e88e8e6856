// The lanes of lanes.hpp in NEON registers, two or more to one.
#pragma once

#if defined(__aarch64__)

#include "kernels/math.hpp"

#include <arm_neon.h>

namespace arcuate::kernels {

struct Double4 {
    static constexpr int count = 4;
    using Scalar = double;
    float64x2_t a, b;

    static Double4 load(const double* from) { return {vld1q_f64(from), vld1q_f64(from + 2)}; }
    static Double4 all(double value) { return {vdupq_n_f64(value), vdupq_n_f64(value)}; }
    void store(double* to) const { vst1q_f64(to, a), vst1q_f64(to + 2, b); }
    static Double4 load(const float* from) {
        const float32x4_t f = vld1q_f32(from);
        return {vcvt_f64_f32(vget_low_f32(f)), vcvt_high_f64_f32(f)};
    }
    void store(float* to) const { vst1q_f32(to, vcvt_high_f32_f64(vcvt_f32_f64(a), b)); }
    int below(Double4 bound) const {
        const uint64x2_t bits = vorrq_u64(vandq_u64(vcltq_f64(a, bound.a), uint64x2_t{1, 2}), vandq_u64(vcltq_f64(b, bound.b), uint64x2_t{4, 8}));
        return static_cast<int>(vaddvq_u64(bits));
    }
};
inline Double4 fma(Double4 x, Double4 y, Double4 z) { return {vfmaq_f64(z.a, x.a, y.a), vfmaq_f64(z.b, x.b, y.b)}; }
inline Double4 fnma(Double4 x, Double4 y, Double4 z) { return {vfmsq_f64(z.a, x.a, y.a), vfmsq_f64(z.b, x.b, y.b)}; }
inline Double4 operator+(Double4 x, Double4 y) { return {vaddq_f64(x.a, y.a), vaddq_f64(x.b, y.b)}; }
inline Double4 operator-(Double4 x, Double4 y) { return {vsubq_f64(x.a, y.a), vsubq_f64(x.b, y.b)}; }
inline Double4 operator*(Double4 x, Double4 y) { return {vmulq_f64(x.a, y.a), vmulq_f64(x.b, y.b)}; }
inline Double4 operator/(Double4 x, Double4 y) { return {vdivq_f64(x.a, y.a), vdivq_f64(x.b, y.b)}; }
inline Double4 sqrt(Double4 x) { return {vsqrtq_f64(x.a), vsqrtq_f64(x.b)}; }

struct Float8 {
    static constexpr int count = 8;
    using Scalar = float;
    float32x4_t a, b;

    static Float8 load(const float* from) { return {vld1q_f32(from), vld1q_f32(from + 4)}; }
    static Float8 load_aligned(const float* from) { return load(from); }
    static Float8 load_aligned(const std::uint16_t* halves) {
        const float16x8_t h = vreinterpretq_f16_u16(vld1q_u16(halves));
        return {vcvt_f32_f16(vget_low_f16(h)), vcvt_high_f32_f16(h)};
    }
    static Float8 all(float value) { return {vdupq_n_f32(value), vdupq_n_f32(value)}; }
    void store(float* to) const { vst1q_f32(to, a), vst1q_f32(to + 4, b); }
    int not_above(Float8 bound) const {
        const uint32x4_t bits = vorrq_u32(vandq_u32(vcleq_f32(a, bound.a), uint32x4_t{1, 2, 4, 8}), vandq_u32(vcleq_f32(b, bound.b), uint32x4_t{16, 32, 64, 128}));
        return static_cast<int>(vaddvq_u32(bits));
    }
};
inline Float8 fma(Float8 x, Float8 y, Float8 z) { return {vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b)}; }
inline Float8 fnma(Float8 x, Float8 y, Float8 z) { return {vfmsq_f32(z.a, x.a, y.a), vfmsq_f32(z.b, x.b, y.b)}; }
inline Float8 operator+(Float8 x, Float8 y) { return {vaddq_f32(x.a, y.a), vaddq_f32(x.b, y.b)}; }
inline Float8 operator-(Float8 x, Float8 y) { return {vsubq_f32(x.a, y.a), vsubq_f32(x.b, y.b)}; }
inline Float8 operator*(Float8 x, Float8 y) { return {vmulq_f32(x.a, y.a), vmulq_f32(x.b, y.b)}; }
inline Float8 operator/(Float8 x, Float8 y) { return {vdivq_f32(x.a, y.a), vdivq_f32(x.b, y.b)}; }
inline Float8 sqrt(Float8 x) { return {vsqrtq_f32(x.a), vsqrtq_f32(x.b)}; }
inline Float8 choose_below(Float8 x, Float8 y, Float8 yes, Float8 no) {
    return {vbslq_f32(vcltq_f32(x.a, y.a), yes.a, no.a), vbslq_f32(vcltq_f32(x.b, y.b), yes.b, no.b)};
}
inline Float8 min(Float8 x, Float8 y) { return choose_below(x, y, x, y); }  // vminq_f32 treats NaN and the sign of zero in its own way
inline Float8 max(Float8 x, Float8 y) { return choose_below(y, x, x, y); }

struct Words8 {
    uint32x4_t a, b;

    static Words8 load(const std::uint32_t* from) { return {vld1q_u32(from), vld1q_u32(from + 4)}; }
    static Words8 all(std::uint32_t value) { return {vdupq_n_u32(value), vdupq_n_u32(value)}; }
    static Words8 numbers() { return {uint32x4_t{0, 1, 2, 3}, uint32x4_t{4, 5, 6, 7}}; }
    void store(std::uint32_t* to) const { vst1q_u32(to, a), vst1q_u32(to + 4, b); }
};
struct Product8 {
    Words8 low, high;
};
inline Words8 operator+(Words8 x, Words8 y) { return {vaddq_u32(x.a, y.a), vaddq_u32(x.b, y.b)}; }
inline Words8 operator-(Words8 x, Words8 y) { return {vsubq_u32(x.a, y.a), vsubq_u32(x.b, y.b)}; }
inline Words8 operator&(Words8 x, Words8 y) { return {vandq_u32(x.a, y.a), vandq_u32(x.b, y.b)}; }
inline Words8 operator|(Words8 x, Words8 y) { return {vorrq_u32(x.a, y.a), vorrq_u32(x.b, y.b)}; }
inline Words8 operator^(Words8 x, Words8 y) { return {veorq_u32(x.a, y.a), veorq_u32(x.b, y.b)}; }
template <int n>
inline Words8 shift_left(Words8 x) {
    return {vshlq_n_u32(x.a, n), vshlq_n_u32(x.b, n)};
}
template <int n>
inline Words8 shift_right(Words8 x) {
    return {vshrq_n_u32(x.a, n), vshrq_n_u32(x.b, n)};
}
template <int n>
inline Words8 shift_right_signed(Words8 x) {
    return {vreinterpretq_u32_s32(vshrq_n_s32(vreinterpretq_s32_u32(x.a), n)), vreinterpretq_u32_s32(vshrq_n_s32(vreinterpretq_s32_u32(x.b), n))};
}
inline Words8 bits_to_top(std::uint32_t bits) {
    return {vshlq_u32(vdupq_n_u32(bits), int32x4_t{31, 30, 29, 28}), vshlq_u32(vdupq_n_u32(bits), int32x4_t{27, 26, 25, 24})};
}
inline Product8 multiply(Words8 x, Words8 y) {
    const auto product = [](uint32x4_t p, uint32x4_t q, uint32x4_t& low, uint32x4_t& high) {
        const uint32x4_t first = vreinterpretq_u32_u64(vmull_u32(vget_low_u32(p), vget_low_u32(q))), last = vreinterpretq_u32_u64(vmull_high_u32(p, q));
        low = vuzp1q_u32(first, last);
        high = vuzp2q_u32(first, last);
    };
    Product8 out;
    product(x.a, y.a, out.low.a, out.high.a);
    product(x.b, y.b, out.low.b, out.high.b);
    return out;
}
inline Words8 words_of(Float8 of) { return {vreinterpretq_u32_f32(of.a), vreinterpretq_u32_f32(of.b)}; }
inline Float8 float_of(Words8 of) { return {vreinterpretq_f32_u32(of.a), vreinterpretq_f32_u32(of.b)}; }
inline Float8 number_of(Words8 of) { return {vcvtq_f32_s32(vreinterpretq_s32_u32(of.a)), vcvtq_f32_s32(vreinterpretq_s32_u32(of.b))}; }
inline Float8 choose_by_top(Words8 top, Float8 yes, Float8 no) {
    const Words8 mask = shift_right_signed<31>(top);
    return {vbslq_f32(mask.a, yes.a, no.a), vbslq_f32(mask.b, yes.b, no.b)};
}

inline void transpose(const float* rows, int stride, Float8* out) {
    const auto four = [&](const float* from, float32x4_t* to) {
        float32x4_t r[4];
        for (int k = 0; k < 4; ++k) r[k] = vld1q_f32(from + k * stride);
        const float32x4x2_t first = vtrnq_f32(r[0], r[1]), last = vtrnq_f32(r[2], r[3]);
        for (int j = 0; j < 2; ++j) {
            to[j] = vcombine_f32(vget_low_f32(first.val[j]), vget_low_f32(last.val[j]));
            to[j + 2] = vcombine_f32(vget_high_f32(first.val[j]), vget_high_f32(last.val[j]));
        }
    };
    for (int half = 0; half < 8; half += 4) {
        float32x4_t upper[4], lower[4];
        four(rows + half, upper);
        four(rows + 4 * stride + half, lower);
        for (int j = 0; j < 4; ++j) out[half + j] = {upper[j], lower[j]};
    }
}
inline void sums_of(const Double4* of, double* out) {
    for (int i = 0; i < 4; i += 2) vst1q_f64(out + i, vaddq_f64(vpaddq_f64(of[i].a, of[i + 1].a), vpaddq_f64(of[i].b, of[i + 1].b)));
}
inline void sums_of(const Float8* of, float* out) {
    const auto sum = [](float32x4_t p, float32x4_t q, float32x4_t r, float32x4_t s) { return vpaddq_f32(vpaddq_f32(p, q), vpaddq_f32(r, s)); };
    vst1q_f32(out, vaddq_f32(sum(of[0].a, of[1].a, of[2].a, of[3].a), sum(of[0].b, of[1].b, of[2].b, of[3].b)));
}

}  // namespace arcuate::kernels

#endif
