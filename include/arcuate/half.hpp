// IEEE 754 half precision (binary16), as TRX stores positions and trackers may store FODs: in integers, so that every machine rounds alike.
#pragma once

#include <bit>
#include <cstdint>

namespace arcuate {

/// Exact.
constexpr float half_to_float(std::uint16_t half) {
    const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16, exponent = half >> 10 & 31u, fraction = half & 0x3ffu;
    if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
    if (exponent == 0) {  // zero and subnormal: fraction * 2^-24 is exact
        const float value = static_cast<float>(fraction) * 0x1p-24f;
        return sign ? -value : value;
    }
    return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

/// To nearest, ties to even; beyond 65504 infinity.
constexpr std::uint16_t float_to_half(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
    const std::uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return static_cast<std::uint16_t>(sign | 0x7e00u);  // NaN
    if (magnitude >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);  // 65520 and more
    if (magnitude < 0x33000000u) return sign;                                        // below 2^-25; 2^-25 itself ties to 0
    // `dropped` low bits of the significand go; what stays may carry into the exponent, as it should.
    const std::uint32_t exponent = magnitude >> 23;
    const bool subnormal = exponent < 113;
    const std::uint32_t significand = subnormal ? (magnitude & 0x7fffffu) | 0x800000u : magnitude - (112u << 23);
    const std::uint32_t dropped = subnormal ? 126 - exponent : 13;
    const std::uint32_t rest = significand & ((1u << dropped) - 1), tie = 1u << (dropped - 1);
    std::uint32_t kept = significand >> dropped;
    if (rest > tie || (rest == tie && (kept & 1u))) ++kept;
    return static_cast<std::uint16_t>(sign | kept);
}

}  // namespace arcuate
