// Drawing candidates eight at a time gives what drawing them one by one does.
#include "kernels/rejection.hpp"

#include <gtest/gtest.h>

using namespace arcuate::kernels;

namespace {

/// A probability for every candidate of the fixed set and for every draw; now and then one that leaves the image.
struct Game {
    std::uint64_t item;
    float ends, possible;  ///< shares of fixed candidates outside, and of drawn ones that are not impossible

    float fixed(int n) const {
        const auto r = Philox{1, item, Purpose::noise, 7}(static_cast<std::uint32_t>(n));
        return uniform(r.v[0]) < ends ? -1.0f : uniform(r.v[1]) < possible ? uniform(r.v[2]) : 0.0f;
    }
    float drawn(std::uint32_t a, std::uint32_t b) const { return uniform(a) < possible ? uniform(b) : uniform(b) < ends ? -1.0f : 0.0f; }
};

}  // namespace

TEST(Rejection, EightAtATimeIsOneByOne) {
    int seen[5]{};
    std::int32_t truncated = 0;
    for (std::uint64_t item = 0; item < 3000; ++item) {
        const Game game{item, item % 10 == 0 ? 0.05f : 0.0f, item % 7 == 0 ? 0.02f : 0.6f};
        const Rejection r{static_cast<int>(item % 21) + 1, 1.3f, static_cast<int>(item % 37) + 1};
        const Philox random{9, item, Purpose::forward_half, 3};
        StepCounts one, eight;
        std::uint32_t last = 0, chosen_draw = 0;
        const StepEnd end = draw_by_rejection(r, random, 11, one, [&](int n, const Random4& draw) {
            last = draw.v[3];
            return n >= 0 ? game.fixed(n) : game.drawn(draw.v[0], draw.v[1]);
        });
        int chosen = 0;
        Random4x8 block{};
        const StepEnd end8 = draw_eight_by_rejection(r, random, 11, eight, chosen, [&](int first, int wanted, const Random4x8* draws, float* p) {
            if (draws) block = *draws;
            for (int k = 0; k < wanted; ++k) p[k] = draws ? game.drawn(draws->v[0][k], draws->v[1][k]) : game.fixed(first + k);
        });
        chosen_draw = block.v[3][chosen];
        ASSERT_EQ(end, end8) << item;
        EXPECT_EQ(one.arcs, eight.arcs);
        EXPECT_EQ(one.end_arcs, eight.end_arcs);
        EXPECT_EQ(one.truncated, eight.truncated);
        EXPECT_TRUE(end != StepEnd::none || last == chosen_draw);
        ++seen[static_cast<int>(end)];
        truncated += one.truncated;
    }
    for (const StepEnd end : {StepEnd::none, StepEnd::exit_image, StepEnd::calibrator, StepEnd::model}) EXPECT_GT(seen[static_cast<int>(end)], 20);
    EXPECT_GT(truncated, 20);
}
