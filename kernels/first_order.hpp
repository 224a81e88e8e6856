// Trackers that look at one point per step: a direction there, and a straight step along it. With Runge-Kutta 4 the direction is the weighted
// mean of four, found at the start, twice at the middle and at the end of the step (Basser et al. 2000, Magn Reson Med 44:625); a fifth, where the step
// has led, must exist and lie within the angle of the first. With Runge-Kutta `Directions` holds no angle of its own, unless it is the cone that it draws from.
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
    float cos_max_angle = 0;  ///< of Runge-Kutta 4: between the directions at both ends of a step

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
        Vec3 first{};
        StepEnd end = directions.next(state.position, state.direction, random, 0, first, counts);
        if (end != StepEnd::none) return end;
        Vec3 direction = first;
        if (rk4) {
            Vec3 sum = first, found = first;
            for (int turn = 1; turn < 4; ++turn) {
                const Vec3 position = fma(turn == 3 ? step_mm : 0.5f * step_mm, found, state.position);
                const Vec3 from = turn == 3 ? normalized(direction + found) : state.direction;
                direction = found;
                end = directions.next(position, from, random, static_cast<std::uint32_t>(turn * max_trials), found, counts);
                if (end != StepEnd::none) return end;
                sum = fma(turn == 3 ? 1.0f : 2.0f, found, sum);
            }
            direction = normalized(sum);
            end = directions.next(fma(step_mm, direction, state.position), direction, random, static_cast<std::uint32_t>(4 * max_trials), found, counts);
            if (end != StepEnd::none) return end;
            if (!(dot(first, found) >= cos_max_angle)) return StepEnd::high_curvature;
        }
        state = {fma(step_mm, direction, state.position), direction};
        vertices[0] = state.position;
        ++counts.steps;
        return StepEnd::none;
    }
};

}  // namespace arcuate::kernels
