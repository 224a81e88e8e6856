// Sums and extremes that many items share and whose bits do not depend on the order: integers.
#pragma once

#include "kernels/math.hpp"

namespace arcuate::kernels {

/// To the nearest multiple of 1 / scale, halves away from zero.
ARCUATE_HD std::int64_t to_fixed(double value, double scale) {
    const double scaled = value * scale;
    return static_cast<std::int64_t>(scaled + (scaled < 0 ? -0.5 : 0.5));
}

/// A sum in `words` integers: multiples of 1 / scale, multiples of 2^-31 of these, and so on. With |value| x scale < 2^31 it holds 2^31 values, each
/// rounded by 2^-(31 words + 1) of the largest possible one; three words hold squares as closely as two hold what is squared.
template <int words = 2>
ARCUATE_HD void add_wide(std::int64_t* sum, double value, double scale) {
    double rest = value * scale;
    for (int word = 0; word < words - 1; ++word) {
        const auto whole = static_cast<std::int64_t>(rest);
        add_relaxed(sum + word, whole);
        rest = (rest - static_cast<double>(whole)) * 0x1p31;
    }
    if (const std::int64_t last = to_fixed(rest, 1.0)) add_relaxed(sum + words - 1, last);  // of whole weights nothing is left
}
template <int words = 2>
ARCUATE_HD double value_of_wide(const std::int64_t* sum, double scale) {
    double value = static_cast<double>(sum[words - 1]);
    for (int word = words - 2; word >= 0; --word) value = static_cast<double>(sum[word]) + value * 0x1p-31;
    return value / scale;
}

/// An integer that is ordered as the doubles are; both zeros are one. For values that are not NaN.
ARCUATE_HD std::int64_t ordered_bits(double value) {
    const auto bits = std::bit_cast<std::int64_t>(value + 0.0);
    return bits < 0 ? bits ^ 0x7fffffffffffffff : bits;
}
ARCUATE_HD double value_of_ordered(std::int64_t bits) { return std::bit_cast<double>(bits < 0 ? bits ^ 0x7fffffffffffffff : bits); }

/// The same for floats, without a sign.
ARCUATE_HD std::uint32_t ordered_bits(float value) {
    const std::uint32_t bits = bits_of(value + 0.0f);
    return bits >> 31 ? ~bits : bits | 0x80000000u;
}
ARCUATE_HD float float_of_ordered(std::uint32_t bits) { return float_of(bits >> 31 ? bits & 0x7fffffffu : ~bits); }

}  // namespace arcuate::kernels
