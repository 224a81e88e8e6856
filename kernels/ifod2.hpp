// iFOD2: second-order integration over fibre orientation distributions (Tournier, Calamante & Connelly, Proc. ISMRM 2010, p. 1670).
//
// A step is an arc of fixed length, tangent to the current direction. Its probability is the product of FOD amplitudes along it, and arcs are
// drawn from that density by rejection: a few calibration arcs bound the largest probability nearby, then candidates, uniform over the cap
// of allowed end directions, are tried until one is accepted. Candidate c of a step has its own random numbers, so candidates may be
// evaluated in any order, several at a time; the first accepted by number wins.
#pragma once

#include "kernels/cone.hpp"
#include "kernels/fod_field.hpp"
#include "kernels/rejection.hpp"
#include "kernels/tissues.hpp"

namespace arcuate::kernels {

inline constexpr int max_arc_samples = max_step_vertices;  ///< FOD samples of an arc, its start excluded

struct Ifod2Params : DrawParams {
    float max_angle;          ///< between the tangents at an arc's ends [rad]
    float one_minus_cos_max;  ///< 1 - cos(max_angle)
    const ArcShape* calibration;  ///< (rejection.calibration_count), on the device
};

/// Where one half of a streamline stands.
struct Ifod2State {
    Vec3 position;         ///< [mm]
    Vec3 direction;        ///< unit
    float half_log_start;  ///< ln(F)/2 at `position` along `direction`
};

/// Positions and tangents along an arc of `shape` from a state; sample i of n, i = 1..n.
struct Arc {
    Vec3 start, direction, bend;  ///< bend: unit, perpendicular to direction, towards the centre of curvature
    float angle, step;

    ARCUATE_HD Arc(const Ifod2State& from, const Frame& frame, ArcShape shape, float step_mm)
        : start(from.position), direction(from.direction), bend(fma(shape.sin_azimuth, frame.v, shape.cos_azimuth * frame.u)), angle(shape.angle), step(step_mm) {}

    /// x = p + R (sin a d + (1 - cos a) u), t = cos a d + sin a u, with a = angle i/n and R = step/angle;
    /// in half angles, 1 - cos a = 2 sin^2(a/2), which keeps its digits when the arc is nearly straight.
    ARCUATE_HD void sample(float fraction, Vec3& position, Vec3& tangent) const {
        const SinCos half = sincos(0.5f * angle * fraction);
        const float sine = 2.0f * half.sin * half.cos;
        const float versine = 2.0f * half.sin * half.sin;
        const bool straight = angle < 1e-6f;
        const float along = straight ? step * fraction : step * sine / angle;
        const float aside = straight ? 0.0f : step * versine / angle;
        position = fma(aside, bend, fma(along, direction, start));
        tangent = fma(sine, bend, (1.0f - versine) * direction);
    }
};

/// The algorithm: the field it walks on and its parameters. TrackStreamline holds the loop around it.
template <int Lmax>
struct Ifod2 {
    using State = Ifod2State;

    FodField<Lmax> field;
    Ifod2Params params;
    TissueImage tissues;   ///< with anatomical constraints an arc that ends in CSF is impossible

    ARCUATE_HD int vertices_per_step() const { return params.samples; }

    ARCUATE_HD float amplitude(Vec3 position, Vec3 direction) const { return amplitude_at(field, position, direction); }

    ARCUATE_HD bool restart(Vec3 position, Vec3 direction, State& state) const {
        const float f = amplitude(position, direction);
        state = {position, direction, f > 0.0f ? 0.5f * log(f) : 0.0f};
        return f > 0.0f;
    }

    /// Probability of an arc: 0 where an amplitude is below the cutoff, negative where it leaves the image before that. `half_log_end`: ln(F)/2 at its end.
    ARCUATE_HD float arc_probability(const State& from, const Arc& arc, float& half_log_end) const {
        float log_p = from.half_log_start;
        const float n = static_cast<float>(params.samples);
        half_log_end = 0.0f;
        Vec3 position{}, tangent{};
        for (int i = 1; i <= params.samples; ++i) {
            arc.sample(static_cast<float>(i) / n, position, tangent);
            Cell cell;
            if (!field.locate(position, cell)) return -1.0f;
            const float f = field.amplitude(cell, tangent);
            if (!(f >= params.cutoff && f > 0.0f)) return 0.0f;
            const float log_f = log(f);
            half_log_end = 0.5f * log_f;
            log_p += i < params.samples ? log_f : half_log_end;  // trapezoid: weights 1/2, 1, ..., 1, 1/2
        }
        if (tissues.fractions && tissues.at(position).csf >= 0.5f) return 0.0f;
        return exp(params.power * log_p);
    }

    /// The first direction at a seed: the one asked for if its amplitude is above seed_cutoff; otherwise uniform directions until one has an amplitude above seed_cutoff. Not weighted by amplitude.
    ARCUATE_HD bool start(Vec3 seed_position, const Philox& random, const Vec3* asked, State& state) const {
        Vec3 d;
        float f;
        if (!first_direction(field, seed_position, random, asked, params.seed_cutoff, params.seed_trials, d, f)) return false;
        state = {seed_position, d, 0.5f * log(f)};
        return true;
    }

    /// Draws the next arc. On StepEnd::none the arc's vertices are in `vertices` (params.samples of them) and the state stands at its end.
    ARCUATE_HD StepEnd step(State& state, const Philox& random, Vec3* vertices, StepCounts& counts) const {
        const Frame frame = frame_around(state.direction);
        ArcShape shape{};
        float half_log_end = 0.0f;
        const StepEnd end = draw_by_rejection(params.rejection, random, 0, counts, [&](int calibration, const Random4& r) {
            shape = calibration >= 0 ? params.calibration[calibration] : cone_direction(r, params.one_minus_cos_max);
            return arc_probability(state, Arc(state, frame, shape, params.step), half_log_end);
        });
        if (end != StepEnd::none) return end;
        const Arc arc(state, frame, shape, params.step);
        Vec3 tangent{};
        for (int i = 1; i <= params.samples; ++i)
            arc.sample(static_cast<float>(i) / static_cast<float>(params.samples), vertices[i - 1], tangent);
        state = {vertices[params.samples - 1], normalized(tangent), half_log_end};
        ++counts.steps;
        return StepEnd::none;
    }
};

}  // namespace arcuate::kernels
