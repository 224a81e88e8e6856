// Trackers that look at one point per step: a direction there, and a straight step along it. With Runge-Kutta 4 the direction is the weighted
// mean of four, found at the start, twice at the middle and at the end of the step (Basser et al. 2000, Magn Reson Med 44:625). Each of them continues the
// direction that the step began with, so the largest angle, which holds for each, holds for their mean.
//
// `Directions` says which way from a point:
//   start(position, random, asked, direction)               the first direction at a seed
//   next(position, from, random, draw, to, counts)          the direction that continues `from`; its random numbers are draws `draw`, `draw` + 1, ...
//   amplitude(position, direction)
#pragma once

#include "kernels/track_step.hpp"

namespace arcuate::kernels {

inline constexpr int max_trials = 1 << 16;  ///< random numbers that one direction may draw

template <class Directions>
struct FirstOrder {
    struct State {
        Vec3 position;   ///< [mm]
        Vec3 direction;  ///< unit
    };

    Directions directions;
    float step_mm;
    bool rk4;

    ARCUATE_HD int vertices_per_step() const { return 1; }
    ARCUATE_HD float amplitude(Vec3 position, Vec3 direction) const { return directions.amplitude(position, direction); }

    ARCUATE_HD bool start(Vec3 seed, const Philox& random, const Vec3* asked, State& state) const {
        state.position = seed;
        return directions.start(seed, random, asked, state.direction);
    }
    ARCUATE_HD bool restart(Vec3 position, Vec3 direction, State& state) const {
        state = {position, direction};
        return true;
    }

    ARCUATE_HD StepEnd step(State& state, const Philox& random, Vec3* vertices, StepCounts& counts) const {
        Vec3 sum{0, 0, 0}, direction{}, position = state.position;
        const int turns = rk4 ? 4 : 1;
        for (int turn = 0; turn < turns; ++turn) {
            const StepEnd end = directions.next(position, state.direction, random, static_cast<std::uint32_t>(turn * max_trials), direction, counts);
            if (end != StepEnd::none) return end;
            sum = fma(turn == 0 || turn == 3 ? 1.0f : 2.0f, direction, sum);
            position = fma(turn == 2 ? step_mm : 0.5f * step_mm, direction, state.position);
        }
        if (rk4) direction = normalized(sum);
        state = {fma(step_mm, direction, state.position), direction};
        vertices[0] = state.position;
        ++counts.steps;
        return StepEnd::none;
    }
};

}  // namespace arcuate::kernels
