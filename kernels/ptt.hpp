// Parallel transport tractography (Aydogan & Shi 2021, IEEE Trans Med Imaging 40:635): a streamline is a smooth curve with a frame that is carried along without
// turning about the tangent. A step draws the two curvatures in that frame; their likelihood is the FOD's amplitude along a short probe ahead.
#pragma once

#include "kernels/arcs.hpp"
#include "kernels/rejection.hpp"

namespace arcuate::kernels {

/// The cutoff and the power are those of the mean amplitude along the probe.
struct PttParams : DrawParams {
    float max_curvature;      ///< [1/mm]
    float probe;              ///< length of the probe [mm]
    const ArcShape* calibration;  ///< (rejection.calibration_count) by how much and to which side of `normal` the probe bends
};

/// Where one half of a streamline stands.
struct PttState {
    Vec3 position;         ///< [mm]
    Vec3 direction;        ///< unit tangent
    Vec3 normal;           ///< unit, carried along; direction x normal completes the frame
};

/// A curve of constant curvature from a state: a circle's arc in the plane of the tangent and the bending direction.
struct PttCurve {
    Vec3 bend;             ///< unit, towards the centre
    float curvature;       ///< [1/mm]

    ARCUATE_HD PttCurve(const PttState& from, float k1, float k2) {
        curvature = sqrt(fma(k1, k1, k2 * k2));
        const Vec3 binormal = cross(from.direction, from.normal);
        bend = curvature > 1e-6f ? (1.0f / curvature) * fma(k2, binormal, k1 * from.normal) : from.normal;
    }
    /// Position and tangent `along` mm from the start.
    ARCUATE_HD void at(const PttState& from, float along, Vec3& position, Vec3& tangent) const {
        const SinCos half = sincos(0.5f * curvature * along);
        const float sine = 2.0f * half.sin * half.cos, versine = 2.0f * half.sin * half.sin;
        const bool straight = !(curvature > 1e-6f);
        position = fma(straight ? 0.0f : versine / curvature, bend, fma(straight ? along : sine / curvature, from.direction, from.position));
        tangent = fma(sine, bend, (1.0f - versine) * from.direction);
    }
    /// The state after `along` mm. Parallel transport turns the normal with the tangent, in the plane of the curve alone.
    ARCUATE_HD PttState moved(const PttState& from, float along) const {
        PttState to;
        at(from, along, to.position, to.direction);
        to.direction = normalized(to.direction);
        const SinCos half = sincos(0.5f * curvature * along);
        const float sine = 2.0f * half.sin * half.cos, versine = 2.0f * half.sin * half.sin;
        const float in_plane = dot(from.normal, bend);
        const Vec3 normal = fma(-in_plane * sine, from.direction, fma(-in_plane * versine, bend, from.normal));
        to.normal = normalized(fma(-dot(normal, to.direction), to.direction, normal));
        return to;
    }
};

template <int Lmax>
struct Ptt {
    using State = PttState;
    static constexpr int team_lanes = 32, thread_registers = Lmax <= 8 ? few_registers : 255;

    FodField<Lmax> field;
    PttParams params;

    ARCUATE_HD int vertices_per_step() const { return 1; }
    ARCUATE_HD float amplitude(Vec3 position, Vec3 direction) const { return amplitude_at(field, position, direction); }
    ARCUATE_HD bool start(Vec3 seed, const Philox& random, const Vec3* asked, State& state) const {
        float f;
        Vec3 d;
        if (!first_direction(Crew<team_lanes>{}, field, seed, random, asked, params.seed_cutoff, params.seed_trials, d, f)) return false;
        return restart(seed, d, state);
    }
    ARCUATE_HD bool restart(Vec3 position, Vec3 direction, State& state) const {
        state = {position, direction, frame_around(direction).u};
        return true;
    }

    /// Likelihoods of the first `wanted` of eight curves: the mean amplitude along the probe (trapezoid), to the power; 0 below the cutoff and where the
    /// probe leaves the image. The probe is an arc in the carried frame.
    ARCUATE_HD void likelihoods(float amplitude_here, const ArcOf<Float8>& probes, int wanted, float* p) const {
        Float8 sum = Float8::all(0.5f * amplitude_here);
        VecOf<Float8> position{};
        unsigned alive = (1u << wanted) - 1u;
        along_arcs(field, probes, params.samples, alive, position,
                   [&](int i, Float8 f, unsigned&) { sum = sum + Float8::all(i < params.samples ? 1.0f : 0.5f) * max(f, Float8::all(0.0f)); });
        float sums[8];
        store(sum, sums);
        for (int k = 0; k < wanted; ++k) p[k] = alive >> k & 1u ? likelihood(sums[k]) : 0.0f;
    }

    /// Curvatures uniform in the disc, as arcs of the probe's length.
    template <class T>
    ARCUATE_HD void draw(T radius, T turn, T& angle, T& cosine, T& sine) const {
        const auto azimuth = sincos(all_of<T>(2.0f * pi) * turn);
        angle = all_of<T>(params.max_curvature * params.probe) * sqrt(radius);
        cosine = azimuth.cos;
        sine = azimuth.sin;
    }

    ARCUATE_HD StepEnd step(State& state, const Philox& random, Vec3* vertices, StepCounts& counts) const {
        return step_by(Evaluators<team_lanes>{}, state, random, vertices, counts);
    }

    ARCUATE_HD StepEnd step_by(EightAtOnce, State& state, const Philox& random, Vec3* vertices, StepCounts& counts) const {
        const float here = max(amplitude(state.position, state.direction), 0.0f);
        const Frame frame = frame_of(state);
        ArcShape8 shapes{};
        int chosen = 0;
        const StepEnd end = draw_eight_by_rejection(params.rejection, random, 0, counts, chosen, [&](int first, int wanted, const Random4x8* r, float* p) {
            if (r) draw(uniform(r->v[0]), uniform(r->v[1]), shapes.angle, shapes.cos_azimuth, shapes.sin_azimuth);
            else shapes = eight_of(params.calibration + first, wanted);
            likelihoods(here, ArcOf<Float8>(state.position, frame, shapes, params.probe), wanted, p);
        });
        return end == StepEnd::none ? moved(state, one_of(shapes, chosen), vertices, counts) : end;
    }

    template <int Lanes>
    ARCUATE_HD StepEnd step_by(Team<Lanes> team, State& state, const Philox& random, Vec3* vertices, StepCounts& counts) const {
        const float here = max(amplitude(state.position, state.direction), 0.0f);
        const Frame frame = frame_of(state);
        const ArcLanes lanes(Lanes, params.samples);
        PerLane<ArcSample, Lanes> samples{};
        int chosen = 0;
        const StepEnd end = draw_by_rejection(team, params.rejection, lanes.arcs, counts, chosen, [&](int first) {
            PerLane<std::uint32_t, Lanes> bits{};
            samples = arc_samples(team, lanes, field, state.position, frame, params.probe, params.rejection, params.calibration, first, random, bits, [&](const Random4& r) {
                ArcShape shape;
                draw(uniform(r.v[0]), uniform(r.v[1]), shape.angle, shape.cos_azimuth, shape.sin_azimuth);
                return shape;
            });
            const unsigned outside = team.which([&](int k) { return samples[k].outside; });
            const auto amplitudes = team.each([&](int k) { return max(samples[k].amplitude, 0.0f); });
            auto sum = team.each([&](int) { return 0.5f * here; });
            unsigned any_outside = 0;
            for (int i = 0; i < lanes.samples; ++i) {
                any_outside |= outside >> lanes.lane(0, i);
                const auto there = team.moved(amplitudes, [&](int k) { return lanes.lane(lanes.arc(k), i); });
                sum = team.each([&](int k) { return sum[k] + (i + 1 < lanes.samples ? 1.0f : 0.5f) * there[k]; });
            }
            return team.each([&](int k) { return Drawn{any_outside >> lanes.arc(k) & 1u ? 0.0f : likelihood(sum[k]), bits[k]}; });
        });
        if (end != StepEnd::none) return end;
        const Vec3 shape = vector_of(team, chosen, [&](int k) { return Vec3{samples[k].shape.angle, samples[k].shape.cos_azimuth, samples[k].shape.sin_azimuth}; });
        return moved(state, {shape.x, shape.y, shape.z}, vertices, counts);
    }

  private:
    ARCUATE_HD static Frame frame_of(const State& state) { return {state.normal, cross(state.direction, state.normal), state.direction}; }

    /// Of the sum of the amplitudes along a probe.
    ARCUATE_HD float likelihood(float sum) const {
        const float mean = sum / static_cast<float>(params.samples);
        return mean >= params.cutoff && mean > 0.0f ? pow(mean, params.power) : 0.0f;
    }

    /// A step along the curve that a probe was drawn for.
    ARCUATE_HD StepEnd moved(State& state, const ArcShape& shape, Vec3* vertices, StepCounts& counts) const {
        const float curvature = shape.angle / params.probe;
        state = PttCurve(state, curvature * shape.cos_azimuth, curvature * shape.sin_azimuth).moved(state, params.step);
        vertices[0] = state.position;
        ++counts.steps;
        return field.grid.nearest(transform_point(field.grid.world_to_voxel, state.position)) ? StepEnd::none : StepEnd::exit_image;
    }
};

}  // namespace arcuate::kernels
