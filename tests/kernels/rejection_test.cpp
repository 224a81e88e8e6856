// Drawing candidates eight at a time, or by a team, gives what drawing them one by one does.
#include "kernels/rejection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <type_traits>

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

/// One candidate after the other, as the method is described: how it ends, and the candidate that was taken, the fixed set counted, too.
StepEnd one_by_one(const Rejection& r, const Game& game, const Philox& random, std::uint32_t first_draw, StepCounts& counts, int& taken) {
    float largest = 0;
    for (int n = 0; n < r.calibration_count; ++n) {
        const float p = game.fixed(n);
        if (p < 0) {
            counts.end_arcs += n + 1;
            return StepEnd::exit_image;
        }
        largest = std::max(largest, p);
    }
    if (largest == 0) {
        counts.end_arcs += r.calibration_count;
        return StepEnd::calibrator;
    }
    for (int n = 0; n < r.trials; ++n) {
        const auto draw = random(first_draw + static_cast<std::uint32_t>(n));
        const float p = game.drawn(draw.v[0], draw.v[1]), bound = r.ratio * largest;
        counts.truncated += p > bound;
        if (!(uniform(draw.v[2]) * bound < p)) continue;
        taken = r.calibration_count + n;
        counts.arcs += taken + 1;
        return StepEnd::none;
    }
    counts.end_arcs += r.calibration_count + r.trials;
    return StepEnd::model;
}

template <int Lanes>
StepEnd by_team(int at_once, const Rejection& r, const Game& game, const Philox& random, std::uint32_t first_draw, StepCounts& counts, int& taken) {
    const Team<Lanes> team;
    int first_of_last = 0, chosen = 0;
    const StepEnd end = draw_by_rejection(team, r, at_once, counts, chosen, [&](int first) {
        first_of_last = first;
        return team.each([&](int k) {
            if (k >= at_once) return Drawn{std::numeric_limits<float>::infinity(), 0};  // a lane that is left over counts for nothing
            const int n = first + k;
            if (n < r.calibration_count) return Drawn{game.fixed(n), 0};
            const auto draw = random(first_draw + static_cast<std::uint32_t>(n - r.calibration_count));
            return Drawn{game.drawn(draw.v[0], draw.v[1]), draw.v[2]};
        });
    });
    taken = first_of_last + chosen;
    return end;
}

}  // namespace

TEST(Rejection, TogetherIsOneByOne) {
    int seen[5]{};
    std::int32_t truncated = 0;
    for (std::uint64_t item = 0; item < 3000; ++item) {
        const Game game{item, item % 10 == 0 ? 0.05f : 0.0f, item % 7 == 0 ? 0.02f : 0.6f};
        const Rejection r{static_cast<int>(item % 21) + 1, 1.3f, static_cast<int>(item % 37) + 1};
        const Philox random{9, item, Purpose::forward_half, 3};
        StepCounts one;
        int taken = 0;
        const StepEnd end = one_by_one(r, game, random, 11, one, taken);
        const auto expect_same = [&](StepEnd other, const StepCounts& counts, bool same_candidate) {
            ASSERT_EQ(end, other) << item;
            EXPECT_EQ(one.arcs, counts.arcs);
            EXPECT_EQ(one.end_arcs, counts.end_arcs);
            EXPECT_EQ(one.truncated, counts.truncated);
            EXPECT_TRUE(end != StepEnd::none || same_candidate) << item;
        };

        StepCounts eight;
        int chosen = 0;
        Random4x8 block{};
        const StepEnd end8 = draw_eight_by_rejection(r, random, 11, eight, chosen, [&](int first, int wanted, const Random4x8* draws, float* p) {
            if (draws) block = *draws;
            for (int k = 0; k < wanted; ++k) p[k] = draws ? game.drawn(draws->v[0][k], draws->v[1][k]) : game.fixed(first + k);
        });
        expect_same(end8, eight, block.v[3][chosen] == random(static_cast<std::uint32_t>(11 + taken - r.calibration_count)).v[3]);

        const auto expect_same_by = [&](auto lanes, int at_once) {
            StepCounts counts;
            int other = 0;
            const StepEnd end_of_team = by_team<lanes>(at_once, r, game, random, 11, counts, other);
            expect_same(end_of_team, counts, other == taken);
        };
        expect_same_by(std::integral_constant<int, 32>{}, 32);
        expect_same_by(std::integral_constant<int, 32>{}, 10);
        expect_same_by(std::integral_constant<int, 32>{}, static_cast<int>(item % 32) + 1);
        expect_same_by(std::integral_constant<int, 8>{}, 8);
        expect_same_by(std::integral_constant<int, 8>{}, 2);
        expect_same_by(std::integral_constant<int, 1>{}, 1);
        ++seen[static_cast<int>(end)];
        truncated += one.truncated;
    }
    for (const StepEnd end : {StepEnd::none, StepEnd::exit_image, StepEnd::calibrator, StepEnd::model}) EXPECT_GT(seen[static_cast<int>(end)], 20);
    EXPECT_GT(truncated, 20);
}
