// Eight blocks of random numbers at once: of streams that differ in their step, or successive draws of one.
#pragma once

#include "kernels/lanes.hpp"
#include "kernels/philox.hpp"

namespace arcuate::kernels {

/// Word i of block k is v[i][k].
struct Random4x8 {
    std::uint32_t v[4][8];
};

namespace detail {
/// philox4x32_10 by lane; counter words 0 and 1 are the item's.
ARCUATE_HD Random4x8 philox_lanes(const Philox& stream, Words8 c2, Words8 c3) {
    const auto all = [](std::uint64_t word) { return Words8::all(static_cast<std::uint32_t>(word)); };
    Words8 c0 = all(stream.item), c1 = all(stream.item >> 32), key0 = all(stream.seed), key1 = all(stream.seed >> 32);
    for (int round = 0; round < 10; ++round) {
        const Product8 p0 = multiply(c0, all(0xD2511F53u)), p1 = multiply(c2, all(0xCD9E8D57u));
        c0 = p1.high ^ c1 ^ key0;
        c2 = p0.high ^ c3 ^ key1;
        c1 = p1.low;
        c3 = p0.low;
        key0 = key0 + all(0x9E3779B9u);
        key1 = key1 + all(0xBB67AE85u);
    }
    Random4x8 out;
    c0.store(out.v[0]), c1.store(out.v[1]), c2.store(out.v[2]), c3.store(out.v[3]);
    return out;
}
}  // namespace detail

/// Philox{seed, item, purpose, step[k]}(draw) for k = 0 to 7.
ARCUATE_HD Random4x8 eight_streams(const Philox& stream, const std::uint32_t* step, std::uint32_t draw) {
    return detail::philox_lanes(stream, Words8::all(static_cast<std::uint32_t>(stream.purpose) << 24) | Words8::load(step), Words8::all(draw));
}

/// stream(first + k) for k = 0 to 7.
ARCUATE_HD Random4x8 eight_draws(const Philox& stream, std::uint32_t first) {
    return detail::philox_lanes(stream, Words8::all((static_cast<std::uint32_t>(stream.purpose) << 24) | stream.step), Words8::all(first) + Words8::numbers());
}

/// uniform() by lane.
ARCUATE_HD Float8 uniform(const std::uint32_t (&bits)[8]) { return number_of(shift_right<8>(Words8::load(bits))) * Float8::all(0x1p-24f); }

}  // namespace arcuate::kernels
