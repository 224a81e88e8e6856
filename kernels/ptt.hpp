// Parallel transport tractography (Aydogan & Shi 2021, IEEE Trans Med Imaging 40:635): a streamline is a smooth curve with a frame that is carried along without
// turning about the tangent. A step draws the two curvatures in that frame; their likelihood is the FOD's amplitude along a short probe ahead.
#pragma once

#include "kernels/fod_field.hpp"
#include "kernels/ifod2.hpp"

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

    FodField<Lmax> field;
    PttParams params;

    ARCUATE_HD int vertices_per_step() const { return 1; }
    ARCUATE_HD float amplitude(Vec3 position, Vec3 direction) const { return amplitude_at(field, position, direction); }
    ARCUATE_HD bool start(Vec3 seed, const Philox& random, const Vec3* asked, State& state) const {
        float f;
        Vec3 d;
        if (!first_direction(field, seed, random, asked, params.seed_cutoff, params.seed_trials, d, f)) return false;
        return restart(seed, d, state);
    }
    ARCUATE_HD bool restart(Vec3 position, Vec3 direction, State& state) const {
        state = {position, direction, frame_around(direction).u};
        return true;
    }

    /// Likelihood of a curve: the mean amplitude along its probe (trapezoid), to the power; 0 below the cutoff and where the probe leaves the image.
    ARCUATE_HD float likelihood(const State& from, float amplitude_here, const PttCurve& curve) const {
        float sum = 0.5f * amplitude_here;
        for (int i = 1; i <= params.samples; ++i) {
            Vec3 position, tangent;
            curve.at(from, params.probe * static_cast<float>(i) / static_cast<float>(params.samples), position, tangent);
            Cell cell;
            if (!field.locate(position, cell)) return 0.0f;
            sum += (i < params.samples ? 1.0f : 0.5f) * max(field.amplitude(cell, tangent), 0.0f);
        }
        const float mean = sum / static_cast<float>(params.samples);
        return mean >= params.cutoff && mean > 0.0f ? pow(mean, params.power) : 0.0f;
    }

    ARCUATE_HD StepEnd step(State& state, const Philox& random, Vec3* vertices, StepCounts& counts) const {
        const float here = max(amplitude(state.position, state.direction), 0.0f);
        float k1 = 0.0f, k2 = 0.0f;  // curvatures, uniform in the disc
        const StepEnd end = draw_by_rejection(params.rejection, random, 0, counts, [&](int calibration, const Random4& r) {
            if (calibration >= 0) {
                const ArcShape bent = params.calibration[calibration];
                k1 = bent.angle / params.probe * bent.cos_azimuth;
                k2 = bent.angle / params.probe * bent.sin_azimuth;
            } else {
                const float k = params.max_curvature * sqrt(uniform(r.v[0]));
                const SinCos azimuth = sincos(2.0f * pi * uniform(r.v[1]));
                k1 = k * azimuth.cos;
                k2 = k * azimuth.sin;
            }
            return likelihood(state, here, PttCurve(state, k1, k2));
        });
        if (end != StepEnd::none) return end;
        state = PttCurve(state, k1, k2).moved(state, params.step);
        vertices[0] = state.position;
        ++counts.steps;
        return field.grid.nearest(transform_point(field.grid.world_to_voxel, state.position)) ? StepEnd::none : StepEnd::exit_image;
    }
};

}  // namespace arcuate::kernels
