// The lanes of lanes.hpp as arrays: for GPUs and for processors without a form of their own.
#pragma once

#include "arcuate/half.hpp"
#include "kernels/math.hpp"

namespace arcuate::kernels {

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
    ARCUATE_HD static Float8 load_aligned(const float* from) {
#if defined(__CUDA_ARCH__)
        const float4 a = *reinterpret_cast<const float4*>(from), b = *reinterpret_cast<const float4*>(from + 4);
        return {{a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w}};
#else
        return load(from);
#endif
    }
    ARCUATE_HD static Float8 load_aligned(const std::uint16_t* halves) {
        Float8 out;
#if defined(__CUDA_ARCH__)
        const uint4 four = *reinterpret_cast<const uint4*>(halves);
        const std::uint32_t pair[4] = {four.x, four.y, four.z, four.w};
        ARCUATE_UNROLL
        for (int k = 0; k < 4; ++k)
            asm("{ .reg .f16 low, high; mov.b32 {low, high}, %2; cvt.f32.f16 %0, low; cvt.f32.f16 %1, high; }" : "=f"(out.v[2 * k]), "=f"(out.v[2 * k + 1]) : "r"(pair[k]));
#else
        for (int k = 0; k < 8; ++k) out.v[k] = half_to_float(halves[k]);
#endif
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

/// Eight 32-bit words.
struct Words8 {
    std::uint32_t v[8];

    ARCUATE_HD static Words8 load(const std::uint32_t* from) {
        Words8 out;
        ARCUATE_UNROLL
        for (int k = 0; k < 8; ++k) out.v[k] = from[k];
        return out;
    }
    ARCUATE_HD static Words8 all(std::uint32_t value) { return {{value, value, value, value, value, value, value, value}}; }
    ARCUATE_HD static Words8 numbers() { return {{0, 1, 2, 3, 4, 5, 6, 7}}; }
    ARCUATE_HD void store(std::uint32_t* to) const {
        ARCUATE_UNROLL
        for (int k = 0; k < 8; ++k) to[k] = v[k];
    }
};
struct Product8 {
    Words8 low, high;
};
namespace detail {
template <class Operation>
ARCUATE_HD Words8 by_lane(Words8 a, Words8 b, Operation operation) {
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) a.v[k] = operation(a.v[k], b.v[k]);
    return a;
}
}  // namespace detail
ARCUATE_HD Words8 operator+(Words8 a, Words8 b) { return detail::by_lane(a, b, [](std::uint32_t x, std::uint32_t y) { return x + y; }); }
ARCUATE_HD Words8 operator-(Words8 a, Words8 b) { return detail::by_lane(a, b, [](std::uint32_t x, std::uint32_t y) { return x - y; }); }
ARCUATE_HD Words8 operator&(Words8 a, Words8 b) { return detail::by_lane(a, b, [](std::uint32_t x, std::uint32_t y) { return x & y; }); }
ARCUATE_HD Words8 operator|(Words8 a, Words8 b) { return detail::by_lane(a, b, [](std::uint32_t x, std::uint32_t y) { return x | y; }); }
ARCUATE_HD Words8 operator^(Words8 a, Words8 b) { return detail::by_lane(a, b, [](std::uint32_t x, std::uint32_t y) { return x ^ y; }); }
template <int n>
ARCUATE_HD Words8 shift_left(Words8 a) {
    return detail::by_lane(a, a, [](std::uint32_t x, std::uint32_t) { return x << n; });
}
template <int n>
ARCUATE_HD Words8 shift_right(Words8 a) {
    return detail::by_lane(a, a, [](std::uint32_t x, std::uint32_t) { return x >> n; });
}
template <int n>
ARCUATE_HD Words8 shift_right_signed(Words8 a) {
    return detail::by_lane(a, a, [](std::uint32_t x, std::uint32_t) { return static_cast<std::uint32_t>(static_cast<std::int32_t>(x) >> n); });
}
ARCUATE_HD Words8 bits_to_top(std::uint32_t bits) {
    Words8 out;
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) out.v[k] = bits << (31 - k);
    return out;
}
ARCUATE_HD Product8 multiply(Words8 a, Words8 b) {
    Product8 out;
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) {
        const std::uint64_t product = std::uint64_t{a.v[k]} * b.v[k];
        out.low.v[k] = static_cast<std::uint32_t>(product);
        out.high.v[k] = static_cast<std::uint32_t>(product >> 32);
    }
    return out;
}
ARCUATE_HD Words8 words_of(Float8 of) {
    Words8 out;
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) out.v[k] = bits_of(of.v[k]);
    return out;
}
ARCUATE_HD Float8 float_of(Words8 of) {
    Float8 out;
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) out.v[k] = float_of(of.v[k]);
    return out;
}
ARCUATE_HD Float8 number_of(Words8 of) {
    Float8 out;
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) out.v[k] = static_cast<float>(static_cast<std::int32_t>(of.v[k]));
    return out;
}
ARCUATE_HD Float8 choose_by_top(Words8 top, Float8 yes, Float8 no) {
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) no.v[k] = top.v[k] >> 31 ? yes.v[k] : no.v[k];
    return no;
}
ARCUATE_HD Float8 choose_below(Float8 a, Float8 b, Float8 yes, Float8 no) {
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) no.v[k] = a.v[k] < b.v[k] ? yes.v[k] : no.v[k];
    return no;
}

ARCUATE_HD void transpose(const float* rows, int stride, Float8* out) {
    for (int j = 0; j < 8; ++j)
        for (int k = 0; k < 8; ++k) out[j].v[k] = rows[k * stride + j];
}
ARCUATE_HD void sums_of(const Double4* of, double* out) {
    for (int i = 0; i < 4; ++i) out[i] = (of[i].v[0] + of[i].v[1]) + (of[i].v[2] + of[i].v[3]);
}
ARCUATE_HD void sums_of(const Float8* of, float* out) {
    for (int i = 0; i < 4; ++i) {
        const float* const v = of[i].v;
        out[i] = ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]));
    }
}

}  // namespace arcuate::kernels
