// Trackers that look at one point per step: a direction there, and a straight step along it. With Runge-Kutta 4 the direction is the weighted
// mean of four, found at the start, twice at the middle and at the end of the step (Basser et al. 2000, Magn Reson Med 44:625); a fifth, where the step
// has led, must exist and lie within the angle of the first. With Runge-Kutta `Directions` holds no angle of its own, unless it is the cone that it draws from.
//
// `Directions` says which way from a point:
//   start(position, random, asked, direction)               the first direction at a seed
//   next(position, from, random, draw, to, counts)          the direction that continues `from`; its random numbers are draws `draw`, `draw` + 1, ...
//   amplitude(position, direction)
//   team_lanes, thread_registers
#pragma once

#include "kernels/track_step.hpp"

namespace arcuate::kernels {

inline constexpr int max_trials = 1 << 16;  ///< random numbers that one direction may draw

template <class Directions>
struct FirstOrder {
    static constexpr int team_lanes = Directions::team_lanes, thread_registers = Directions::thread_registers;
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
        Vec3 first{}, before{}, found{}, sum{}, direction{};
        Vec3 position = state.position, from = state.direction;
        const int turns = rk4 ? 5 : 1;
        // One loop, in which `next` stands once: it is large.
        ARCUATE_ROLLED
        for (int turn = 0; turn < turns; ++turn) {
            before = found;
            const StepEnd end = directions.next(position, from, random, static_cast<std::uint32_t>(turn * max_trials), found, counts);
            if (end != StepEnd::none) return end;
            if (turn == 0) direction = first = found;
            if (turn < 4) {
                sum = turn == 0 ? found : fma(turn == 3 ? 1.0f : 2.0f, found, sum);
                if (turn == 2) from = normalized(before + found);
                position = fma(turn < 2 ? 0.5f * step_mm : step_mm, found, state.position);
            }
            if (turn == 3) {
                direction = from = normalized(sum);
                position = fma(step_mm, direction, state.position);
            }
        }
        if (rk4 && !(dot(first, found) >= cos_max_angle)) return StepEnd::high_curvature;
        state = {fma(step_mm, direction, state.position), direction};
        vertices[0] = state.position;
        ++counts.steps;
        return StepEnd::none;
    }
};

}  // namespace arcuate::kernels
