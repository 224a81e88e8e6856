// The loop around a tracking algorithm in double precision: a seed, two halves, the steps' random numbers. Without regions and tissues.
#pragma once

#include "arcuate/tracking/track.hpp"
#include "kernels/philox.hpp"
#include "reference/vectors.hpp"

#include <optional>
#include <vector>

namespace arcuate::reference {

using kernels::Philox;
using kernels::Purpose;
using tracking::Stop;

/// A number in [0, 1) that a kernel has as a float exactly.
inline double uniform(std::uint32_t bits) { return (bits >> 8) / 16777216.0; }

struct Streamline {
    bool started = false;        ///< there was a direction at the seed
    std::vector<Vec3d> half[2];  ///< vertices after the seed
    Stop stop[2] = {Stop::not_tracked, Stop::not_tracked};
};

/// `Algorithm`: start(seed, random), a state with a `direction`, or nothing; step(state, random, vertices), which moves the state and
/// appends vertices, or says why not.
template <class Algorithm>
Streamline streamline(const Algorithm& algorithm, const Vec3d& seed, std::uint64_t run_seed, std::uint64_t id, double max_length) {
    Streamline out;
    const auto start = algorithm.start(seed, Philox{run_seed, id, Purpose::seed, 0});
    if (!start) return out;
    out.started = true;
    double so_far = 0;
    for (int which = 0; which < 2 && so_far < max_length; ++which) {
        auto state = *start;
        if (which == 1) state.direction = -state.direction;
        auto& half = out.half[which];
        std::optional<Stop> end;
        for (std::uint32_t step = 0; !end; ++step) {
            std::vector<Vec3d> vertices;
            end = algorithm.step(state, Philox{run_seed, id, which == 0 ? Purpose::forward_half : Purpose::backward_half, step}, vertices);
            for (const Vec3d& vertex : vertices) {
                const Vec3d before = half.empty() ? seed : half.back();
                const double segment = length(vertex - before), most = max_length - so_far;
                half.push_back(segment < most ? vertex : before + (most / segment) * (vertex - before));
                so_far += std::min(segment, most);
                if (segment < most) continue;
                end = Stop::length_exceeded;
                break;
            }
        }
        out.stop[which] = *end;
    }
    return out;
}

/// Straight steps along directions found at points, Euler's method or Runge-Kutta 4 (Basser et al. 2000): four directions, of which the
/// first three continue the last step's and the fourth the sum of the second and third, and one behind the step, which must exist and be
/// within an angle of the first. `Directions`: start(position, random) and next(position, from, random, draw, to), which says why there is
/// none.
template <class Directions>
struct FirstOrder {
    struct State {
        Vec3d position, direction;
    };
    Directions directions;
    double step_mm;
    bool rk4;
    double cos_max_angle;  ///< of Runge-Kutta 4: between the directions at both ends of a step

    std::optional<State> start(const Vec3d& seed, const Philox& random) const {
        const auto direction = directions.start(seed, random);
        if (!direction) return {};
        return State{seed, *direction};
    }
    std::optional<Stop> step(State& state, const Philox& random, std::vector<Vec3d>& vertices) const {
        Vec3d k[5];
        const auto find = [&](std::uint32_t i, double along, const Vec3d& direction, const Vec3d& from) {
            return directions.next(state.position + (along * step_mm) * direction, from, random, i << 16, k[i]);
        };
        const Vec3d last = state.direction;
        if (const auto end = find(0, 0, last, last)) return end;
        Vec3d direction = k[0];
        if (rk4) {
            if (const auto end = find(1, 0.5, k[0], last)) return end;
            if (const auto end = find(2, 0.5, k[1], last)) return end;
            if (const auto end = find(3, 1, k[2], normalized(k[1] + k[2]))) return end;
            direction = normalized(k[0] + 2 * k[1] + 2 * k[2] + k[3]);
            if (const auto end = find(4, 1, direction, direction)) return end;
            if (dot(k[0], k[4]) < cos_max_angle) return Stop::high_curvature;
        }
        state = {state.position + step_mm * direction, direction};
        vertices.push_back(state.position);
        return {};
    }
};

}  // namespace arcuate::reference
