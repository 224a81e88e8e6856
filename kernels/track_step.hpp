// What a tracking algorithm and the loop around it say to each other.
//
// An algorithm is a trivially copyable struct with
//   State                      where a half stands: position [mm], unit direction, and what the algorithm keeps between steps
//   team_lanes                 threads of a GPU that track a streamline of it together
//   thread_registers           of each of them, at most: all 255, or few_registers where that spills none
//   vertices_per_step()        vertices that a step yields, at most max_step_vertices
//   start(seed, random, direction, state)      the first direction at a seed; `direction`: one that the user asks for, or null
//   step(state, random, vertices, counts)      one step; `random` is the step's own stream
//   restart(position, direction, state)        a state in the middle of a streamline, after its end was cut off
//   amplitude(position, direction)             how much the data support a direction (an FOD amplitude, an FA, a peak's length)
#pragma once

#include "kernels/philox.hpp"
#include "kernels/vec3.hpp"

namespace arcuate::kernels {

inline constexpr int max_step_vertices = 8;

/// Why a step was not taken.
enum class StepEnd : std::uint8_t { none, exit_image, calibrator, model, high_curvature };

/// What a step counts, for the run's summary. "Arcs" are candidate steps, whatever their shape.
struct StepCounts {
    std::int32_t steps = 0;      ///< arcs taken
    std::int32_t arcs = 0;       ///< arcs evaluated for those, calibration included
    std::int32_t end_arcs = 0;   ///< arcs evaluated for steps that could not be taken
    std::int32_t truncated = 0;  ///< candidates above the calibrated bound
};

/// Direction `trial` of a seed, uniform on the sphere; draw 0 belongs to the seed's position.
ARCUATE_HD Vec3 seed_direction(const Philox& random, int trial) {
    const Random4 r = random(1u + static_cast<std::uint32_t>(trial));
    Vec3 d;
    uniform_direction(r.v[0], r.v[1], d.x, d.y, d.z);
    return normalized(d);
}

}  // namespace arcuate::kernels
