// Eight streams of random numbers that differ in their step alone, at once.
#pragma once

#include "kernels/lanes.hpp"
#include "kernels/philox.hpp"

namespace arcuate::kernels {

/// Philox{seed, item, purpose, step[k]}(draw) for k = 0 to 7.
ARCUATE_HD void eight_streams(Philox stream, const std::uint32_t* step, std::uint32_t draw, Random4* out) {
#if ARCUATE_LANES_AVX2
    const auto all = [](std::uint32_t word) { return _mm256_set1_epi32(static_cast<int>(word)); };
    __m256i c[4] = {all(static_cast<std::uint32_t>(stream.item)), all(static_cast<std::uint32_t>(stream.item >> 32)),
                    _mm256_or_si256(all(static_cast<std::uint32_t>(stream.purpose) << 24), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(step))), all(draw)};
    __m256i key0 = all(static_cast<std::uint32_t>(stream.seed)), key1 = all(static_cast<std::uint32_t>(stream.seed >> 32));
    const __m256i m0 = all(0xD2511F53u), m1 = all(0xCD9E8D57u), add0 = all(0x9E3779B9u), add1 = all(0xBB67AE85u);
    // 64-bit products of the even and the odd lanes, and from them the low and the high words of all.
    const auto product = [](__m256i a, __m256i m, __m256i& low, __m256i& high) {
        const __m256i even = _mm256_mul_epu32(a, m), odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), m);
        low = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
        high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
    };
    for (int round = 0; round < 10; ++round) {
        __m256i low0, high0, low1, high1;
        product(c[0], m0, low0, high0);
        product(c[2], m1, low1, high1);
        c[0] = _mm256_xor_si256(_mm256_xor_si256(high1, c[1]), key0);
        c[2] = _mm256_xor_si256(_mm256_xor_si256(high0, c[3]), key1);
        c[1] = low1;
        c[3] = low0;
        key0 = _mm256_add_epi32(key0, add0);
        key1 = _mm256_add_epi32(key1, add1);
    }
    std::uint32_t word[4][8];
    for (int i = 0; i < 4; ++i) _mm256_storeu_si256(reinterpret_cast<__m256i*>(word[i]), c[i]);
    for (int k = 0; k < 8; ++k) out[k] = {{word[0][k], word[1][k], word[2][k], word[3][k]}};
#else
    for (int k = 0; k < 8; ++k) out[k] = Philox{stream.seed, stream.item, stream.purpose, step[k]}(draw);
#endif
}

}  // namespace arcuate::kernels
