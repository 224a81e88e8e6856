// Eight blocks of random numbers at once: of streams that differ in their step, or successive draws of one.
#pragma once

#include "kernels/lanes.hpp"
#include "kernels/philox.hpp"

namespace arcuate::kernels {

/// Word i of block k is v[i][k].
struct Random4x8 {
    std::uint32_t v[4][8];
};

#if ARCUATE_LANES_AVX2
namespace detail {
inline __m256i all_words(std::uint32_t word) { return _mm256_set1_epi32(static_cast<int>(word)); }

/// philox4x32_10 by lane; counter words 0 and 1 are the item's.
inline Random4x8 philox_lanes(const Philox& stream, __m256i c2, __m256i c3) {
    __m256i c0 = all_words(static_cast<std::uint32_t>(stream.item)), c1 = all_words(static_cast<std::uint32_t>(stream.item >> 32));
    __m256i key0 = all_words(static_cast<std::uint32_t>(stream.seed)), key1 = all_words(static_cast<std::uint32_t>(stream.seed >> 32));
    const __m256i m0 = all_words(0xD2511F53u), m1 = all_words(0xCD9E8D57u), add0 = all_words(0x9E3779B9u), add1 = all_words(0xBB67AE85u);
    // 64-bit products of the even and the odd lanes, and from them the low and the high words of all.
    const auto product = [](__m256i a, __m256i m, __m256i& low, __m256i& high) {
        const __m256i even = _mm256_mul_epu32(a, m), odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), m);
        low = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
        high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
    };
    for (int round = 0; round < 10; ++round) {
        __m256i low0, high0, low1, high1;
        product(c0, m0, low0, high0);
        product(c2, m1, low1, high1);
        c0 = _mm256_xor_si256(_mm256_xor_si256(high1, c1), key0);
        c2 = _mm256_xor_si256(_mm256_xor_si256(high0, c3), key1);
        c1 = low1;
        c3 = low0;
        key0 = _mm256_add_epi32(key0, add0);
        key1 = _mm256_add_epi32(key1, add1);
    }
    Random4x8 out;
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out.v[0]), c0);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out.v[1]), c1);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out.v[2]), c2);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out.v[3]), c3);
    return out;
}
}  // namespace detail
#else
namespace detail {
template <class Block>
ARCUATE_HD Random4x8 eight_blocks(Block block) {
    Random4x8 out;
    for (std::uint32_t k = 0; k < 8; ++k) {
        const Random4 one = block(k);
        for (int i = 0; i < 4; ++i) out.v[i][k] = one.v[i];
    }
    return out;
}
}  // namespace detail
#endif

/// Philox{seed, item, purpose, step[k]}(draw) for k = 0 to 7.
ARCUATE_HD Random4x8 eight_streams(Philox stream, const std::uint32_t* step, std::uint32_t draw) {
#if ARCUATE_LANES_AVX2
    return detail::philox_lanes(stream,
                                _mm256_or_si256(detail::all_words(static_cast<std::uint32_t>(stream.purpose) << 24), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(step))),
                                detail::all_words(draw));
#else
    return detail::eight_blocks([&](std::uint32_t k) { return Philox{stream.seed, stream.item, stream.purpose, step[k]}(draw); });
#endif
}

/// stream(first + k) for k = 0 to 7.
ARCUATE_HD Random4x8 eight_draws(const Philox& stream, std::uint32_t first) {
#if ARCUATE_LANES_AVX2
    return detail::philox_lanes(stream, detail::all_words((static_cast<std::uint32_t>(stream.purpose) << 24) | stream.step),
                                _mm256_add_epi32(detail::all_words(first), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)));
#else
    return detail::eight_blocks([&](std::uint32_t k) { return stream(first + k); });
#endif
}

/// uniform() by lane.
ARCUATE_HD Float8 uniform(const std::uint32_t (&bits)[8]) {
#if ARCUATE_LANES_AVX2
    return {_mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_srli_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(bits)), 8)), _mm256_set1_ps(0x1p-24f))};
#else
    Float8 out;
    for (int k = 0; k < 8; ++k) out.v[k] = uniform(bits[k]);
    return out;
#endif
}

}  // namespace arcuate::kernels
