// Null distributions (Morris, Embleton & Parker 2008, NeuroImage 42:1329): the trackers' geometry without their data, so that a connection can be compared with
// what chance alone would make.
#pragma once

#include "kernels/first_order.hpp"
#include "kernels/ifod2.hpp"

namespace arcuate::kernels {

/// Uniform directions within a cone, for FirstOrder: iFOD1 without an FOD.
struct NullDirections {
    static constexpr int team_lanes = 1, thread_registers = 255;

    VoxelGrid grid;
    float one_minus_cos_max;

    ARCUATE_HD float amplitude(Vec3 position, Vec3) const { return grid.nearest(transform_point(grid.world_to_voxel, position)) ? 1.0f : 0.0f; }

    ARCUATE_HD bool start(Vec3 seed, const Philox& random, const Vec3* asked, Vec3& direction) const {
        direction = asked ? *asked : seed_direction(random, 0);
        return amplitude(seed, direction) > 0.0f;
    }
    ARCUATE_HD StepEnd next(Vec3 position, Vec3 from, const Philox& random, std::uint32_t draw, Vec3& to, StepCounts& counts) const {
        if (!(amplitude(position, from) > 0.0f)) return StepEnd::exit_image;
        to = normalized(turned(frame_around(from), cone_direction(random(draw), one_minus_cos_max)));
        ++counts.arcs;
        return StepEnd::none;
    }
};

using NullDistribution1 = FirstOrder<NullDirections>;

/// Uniform arcs: iFOD2 without an FOD.
struct NullDistribution2 {
    using State = Ifod2State;
    static constexpr int team_lanes = 1, thread_registers = 255;

    NullDirections image;
    float step_mm;
    int samples;   ///< vertices per arc

    ARCUATE_HD int vertices_per_step() const { return samples; }
    ARCUATE_HD float amplitude(Vec3 position, Vec3 direction) const { return image.amplitude(position, direction); }
    ARCUATE_HD bool start(Vec3 seed, const Philox& random, const Vec3* asked, State& state) const {
        state = {seed, {}, 0.0f};
        return image.start(seed, random, asked, state.direction);
    }
    ARCUATE_HD bool restart(Vec3 position, Vec3 direction, State& state) const {
        state = {position, direction, 0.0f};
        return true;
    }
    ARCUATE_HD StepEnd step(State& state, const Philox& random, Vec3* vertices, StepCounts& counts) const {
        const Arc arc(state.position, frame_around(state.direction), cone_direction(random(0), image.one_minus_cos_max), step_mm);
        Vec3 tangent{};
        for (int i = 1; i <= samples; ++i) {
            arc.sample(static_cast<float>(i) / static_cast<float>(samples), vertices[i - 1], tangent);
            if (!(amplitude(vertices[i - 1], tangent) > 0.0f)) return StepEnd::exit_image;
        }
        state = {vertices[samples - 1], normalized(tangent), 0.0f};
        ++counts.steps;
        ++counts.arcs;
        return StepEnd::none;
    }
};

}  // namespace arcuate::kernels
