// Four doubles, or eight floats or words, that go through the same operations: a vector register where the processor has one, an array elsewhere. Every lane
// computes what a scalar would, to the bit, so how a compiler vectorises decides nothing.
//
// What a processor must have is in one file for each: lanes_avx2.hpp, lanes_neon.hpp, lanes_array.hpp. All that follows here is written once, with it:
//   Double4, Float8   load, all, store; fma(a, b, c) = a b + c, fnma(a, b, c) = c - a b, + - * / sqrt by lane
//                     Double4 also loads and stores floats; below(bound), not_above(bound): bit k is set where it is true of lane k
//                     Float8: load_aligned: from addresses that are a multiple of the eight values' size; of halves (arcuate/half.hpp) as well, exactly
//   Words8            load, all, numbers (0 to 7), store; + - & | ^ by lane; shift_left<n>, shift_right<n>, shift_right_signed<n>; multiply: both halves of the
//                     products; bits_to_top(bits): the top bit of lane k is bit k
//   words_of(Float8), float_of(Words8)   the same bits; number_of(Words8): signed integers as floats
//   min, max          a where it is below (above) b, else b
//   choose_below(a, b, yes, no), choose_by_top(words, yes, no)   by lane: `yes` where a < b, or where the top bit is set
//   transpose(rows, stride, out)   eight rows of eight values, `stride` apart: lane k of out[j] is value j of row k
//   sums_of(four, out)   of each of four: (0 + 1) + (2 + 3); of eight lanes ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7))
#pragma once

#if defined(__CUDA_ARCH__)
#include "kernels/lanes_array.hpp"
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include "kernels/lanes_avx2.hpp"
#elif defined(__aarch64__) && !defined(__CUDACC__)
#include "kernels/lanes_neon.hpp"
#else
#include "kernels/lanes_array.hpp"
#endif

#include <type_traits>

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

/// The sum over the lanes: ((0+4) + (2+6)) + ((1+5) + (3+7)).
ARCUATE_HD float tree_sum(Float8 of) {
    float s[8];
    of.store(s);
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/// Lane k negated where bit k of `bits` is set.
ARCUATE_HD Float8 negated(Float8 of, std::uint32_t bits) { return float_of(words_of(of) ^ (bits_to_top(bits) & Words8::all(0x80000000u))); }

// For code that is written once for a float and for eight.
ARCUATE_HD float fnma(float a, float b, float c) { return fma(-a, b, c); }
template <class T>
ARCUATE_HD T all_of(float value) {
    if constexpr (std::is_same_v<T, float>) return value;
    else return T::all(value);
}

ARCUATE_HD void store(float value, float* to) { *to = value; }
ARCUATE_HD void store(Float8 value, float* to) { value.store(to); }
ARCUATE_HD float choose_below(float a, float b, float yes, float no) { return a < b ? yes : no; }

struct SinCos8 {
    Float8 sin, cos;
};
/// sincos() by lane, of angles up to 65536: its operations, in its order.
ARCUATE_HD SinCos8 sincos(Float8 of) {
    const auto all = [](float value) { return Float8::all(value); };
    const Float8 shifted = fma(of, all(0.636619747f), all(detail::shift)), n = shifted - all(detail::shift);
    Float8 r = fma(n, all(-0x1.921fb6p+0f), of);
    r = fma(n, all(0x1.777a5cp-25f), r);
    r = fma(n, all(0x1.ee59dap-50f), r);
    const Float8 z = r * r;
    Float8 s = fma(all(-0x1.994cfap-13f), z, all(0x1.11075cp-7f));
    s = fma(s, z, all(-0x1.555546p-3f));
    s = fma(s, z * r, r);
    Float8 c = fma(all(0x1.9a00cep-16f), z, all(-0x1.6c0c86p-10f));
    c = fma(c, z, all(0x1.55554ap-5f));
    c = fma(c, z * z, fma(all(-0.5f), z, all(1.0f)));
    const Words8 quadrant = words_of(shifted), two = Words8::all(2), odd = shift_left<31>(quadrant);
    return {float_of(words_of(choose_by_top(odd, c, s)) ^ shift_left<30>(quadrant & two)),
            float_of(words_of(choose_by_top(odd, s, c)) ^ shift_left<30>((quadrant + Words8::all(1)) & two))};
}

/// asin() by lane, of values from 0 to 1: its operations, in its order.
ARCUATE_HD Float8 asin(Float8 of) {
    const Float8 half = Float8::all(0.5f);
    const Float8 z = choose_below(half, of, half * (Float8::all(1.0f) - of), of * of), s = choose_below(half, of, sqrt(z), of);
    Float8 p = fma(Float8::all(0x1.15f6f2p-5f), z, Float8::all(0x1.168756p-6f));
    p = fma(p, z, Float8::all(0x1.fe1576p-6f));
    p = fma(p, z, Float8::all(0x1.6d55b8p-5f));
    p = fma(p, z, Float8::all(0x1.333448p-4f));
    p = fma(p, z, Float8::all(0x1.555554p-3f));
    const Float8 small = fma(p, z * s, s);
    return choose_below(half, of, Float8::all(0x1.921fb6p+0f) - (Float8::all(2.0f) * small + Float8::all(0x1.777a5cp-25f)), small);
}

/// log() by lane, of values that are positive, finite and not subnormal: its operations, in its order.
ARCUATE_HD float log_of_normal(float of) { return log(of); }
ARCUATE_HD Float8 log_of_normal(Float8 of) {
    const auto all = [](float value) { return Float8::all(value); };
    const Words8 least = Words8::all(0x3f3504f3u), offset = words_of(of) - least;
    const Float8 f = float_of((offset & Words8::all(0x007fffffu)) + least) - all(1.0f);
    const Float8 s = f / (all(2.0f) + f), z = s * s;
    Float8 r = fma(all(0x1.dde45cp-3f), z, all(0x1.245bd6p-2f));
    r = fma(r, z, all(0x1.9999ecp-2f));
    r = fma(r, z, all(0x1.555556p-1f));
    const Float8 n = number_of(shift_right_signed<23>(offset));
    const Float8 half_square = all(0.5f) * f * f;
    const Float8 low = fma(s, fma(r, z, half_square), n * all(-0x1.bd0106p-13f));
    return fma(n, all(0.693359375f), f - (half_square - low));
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
