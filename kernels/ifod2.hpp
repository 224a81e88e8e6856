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

/// Positions and tangents along an arc from a state; sample i of n, i = 1..n. T: float, or Float8 for eight arcs from the same state; the same bits.
template <class T>
struct ArcOf {
    Vec3 start, direction;
    VecOf<T> bend;  ///< unit, perpendicular to direction, towards the centre of curvature
    T angle;
    float step;

    template <class Shape>
    ARCUATE_HD ArcOf(const Ifod2State& from, const Frame& frame, const Shape& shape, float step_mm)
        : start(from.position), direction(from.direction),
          bend{fma(shape.sin_azimuth, all_of<T>(frame.v.x), shape.cos_azimuth * all_of<T>(frame.u.x)), fma(shape.sin_azimuth, all_of<T>(frame.v.y), shape.cos_azimuth * all_of<T>(frame.u.y)),
               fma(shape.sin_azimuth, all_of<T>(frame.v.z), shape.cos_azimuth * all_of<T>(frame.u.z))},
          angle(shape.angle), step(step_mm) {}

    /// x = p + R (sin a d + (1 - cos a) u), t = cos a d + sin a u, with a = angle i/n and R = step/angle;
    /// in half angles, 1 - cos a = 2 sin^2(a/2), which keeps its digits when the arc is nearly straight.
    ARCUATE_HD void sample(float fraction, VecOf<T>& position, VecOf<T>& tangent) const {
        const auto all = [](float value) { return all_of<T>(value); };
        const auto half = sincos(all(0.5f) * angle * all(fraction));
        const T sine = all(2.0f) * half.sin * half.cos;
        const T versine = all(2.0f) * half.sin * half.sin;
        const T along = choose_below(angle, all(1e-6f), all(step * fraction), all(step) * sine / angle);
        const T aside = choose_below(angle, all(1e-6f), all(0.0f), all(step) * versine / angle);
        const T left = all(1.0f) - versine;
        position = {fma(aside, bend.x, fma(along, all(direction.x), all(start.x))), fma(aside, bend.y, fma(along, all(direction.y), all(start.y))),
                    fma(aside, bend.z, fma(along, all(direction.z), all(start.z)))};
        tangent = {fma(sine, bend.x, left * all(direction.x)), fma(sine, bend.y, left * all(direction.y)), fma(sine, bend.z, left * all(direction.z))};
    }
};

struct Arc : ArcOf<float> {
    using ArcOf<float>::ArcOf;
    ARCUATE_HD void sample(float fraction, Vec3& position, Vec3& tangent) const {
        VecOf<float> p, t;
        ArcOf<float>::sample(fraction, p, t);
        position = {p.x, p.y, p.z};
        tangent = {t.x, t.y, t.z};
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

    /// Probabilities of one arc or of the first `wanted` of eight: 0 where an amplitude is below the cutoff, negative where it leaves the image before that.
    /// `half_log_end`: ln(F)/2 at its end.
    template <class T>
    ARCUATE_HD void arc_probabilities(const State& from, const ArcOf<T>& arcs, int wanted, float* p, float* half_log_end) const {
        constexpr int lanes = sizeof(T) / sizeof(float);
        constexpr int stride = FodField<Lmax>::stride;
        T log_p = all_of<T>(from.half_log_start), half_log = all_of<T>(0.0f);
        VecOf<T> position{}, tangent{};
        alignas(32) float series[lanes][stride]{};
        float x[lanes], y[lanes], z[lanes], f[lanes];
        unsigned alive = (1u << wanted) - 1u;
        for (int i = 1; i <= params.samples && alive; ++i) {
            arcs.sample(static_cast<float>(i) / static_cast<float>(params.samples), position, tangent);
            const auto row = [&](int axis) {
                const float* m = field.grid.world_to_voxel.m[axis];
                return fma(all_of<T>(m[2]), position.z, fma(all_of<T>(m[1]), position.y, fma(all_of<T>(m[0]), position.x, all_of<T>(m[3]))));
            };
            store(row(0), x), store(row(1), y), store(row(2), z);
            for (int k = 0; k < lanes; ++k) {
                if (!(alive >> k & 1u)) continue;
                Cell cell;
                if (field.grid.locate_voxel({x[k], y[k], z[k]}, cell)) {
                    field.interpolate(cell, series[k]);
                } else {
                    p[k] = -1.0f;
                    alive &= ~(1u << k);
                }
            }
            const T value = amplitudes(series[0], tangent);
            store(value, f);
            for (int k = 0; k < lanes; ++k) {
                if (!(alive >> k & 1u) || (f[k] >= params.cutoff && f[k] > 0.0f)) continue;
                p[k] = 0.0f;
                alive &= ~(1u << k);
            }
            const T log_f = log_of_normal(max(value, all_of<T>(0x1p-126f)));
            half_log = all_of<T>(0.5f) * log_f;
            log_p = log_p + (i < params.samples ? log_f : half_log);  // trapezoid: weights 1/2, 1, ..., 1, 1/2
        }
        store(half_log, half_log_end);
        store(all_of<T>(params.power) * log_p, f);
        store(position.x, x), store(position.y, y), store(position.z, z);
        for (int k = 0; k < lanes; ++k)
            if (alive >> k & 1u) p[k] = tissues.fractions && tissues.at({x[k], y[k], z[k]}).csf >= 0.5f ? 0.0f : exp(f[k]);
    }
    ARCUATE_HD float arc_probability(const State& from, const Arc& arc, float& half_log_end) const {
        float p = 0.0f;
        arc_probabilities<float>(from, arc, 1, &p, &half_log_end);
        return p;
    }

    ARCUATE_HD static float amplitudes(const float* series, const VecOf<float>& d) { return FodField<Lmax>::Polynomial::value(series, d.x, d.y, d.z); }
    ARCUATE_HD static Float8 amplitudes(const float* series, const VecOf<Float8>& d) {
        Float8 c[FodField<Lmax>::stride];
        for (int j = 0; j < FodField<Lmax>::stride; j += 8) transpose(series + j, FodField<Lmax>::stride, c + j);
        return FodField<Lmax>::Polynomial::value(c, d.x, d.y, d.z);
    }

    /// The first direction at a seed: the one asked for if its amplitude is above seed_cutoff; otherwise uniform directions until one has an amplitude above seed_cutoff. Not weighted by amplitude.
    ARCUATE_HD bool start(Vec3 seed_position, const Philox& random, const Vec3* asked, State& state) const {
        Vec3 d;
        float f;
        if (!first_direction(field, seed_position, random, asked, params.seed_cutoff, params.seed_trials, d, f)) return false;
        state = {seed_position, d, 0.5f * log(f)};
        return true;
    }

    ARCUATE_HD ArcShape8 calibration_shapes(int first, int wanted) const {
        float angles[8]{}, cosines[8]{}, sines[8]{};
        for (int k = 0; k < wanted; ++k) {
            const ArcShape& one = params.calibration[first + k];
            angles[k] = one.angle, cosines[k] = one.cos_azimuth, sines[k] = one.sin_azimuth;
        }
        return {Float8::load(angles), Float8::load(cosines), Float8::load(sines)};
    }

    /// Draws the next arc. On StepEnd::none the arc's vertices are in `vertices` (params.samples of them) and the state stands at its end.
    ARCUATE_HD StepEnd step(State& state, const Philox& random, Vec3* vertices, StepCounts& counts) const {
        const Frame frame = frame_around(state.direction);
        ArcShape shape{};
        float half_log_end = 0.0f;
#if defined(__CUDA_ARCH__)
        const StepEnd end = draw_by_rejection(params.rejection, random, 0, counts, [&](int calibration, const Random4& r) {
            shape = calibration >= 0 ? params.calibration[calibration] : cone_direction(r, params.one_minus_cos_max);
            return arc_probability(state, Arc(state, frame, shape, params.step), half_log_end);
        });
#else
        ArcShape8 shapes{};
        float half_logs[8];
        int chosen = 0;
        const StepEnd end = draw_eight_by_rejection(params.rejection, random, 0, counts, chosen, [&](int first, int wanted, const Random4x8* r, float* p) {
            shapes = r ? cone_direction(*r, params.one_minus_cos_max) : calibration_shapes(first, wanted);
            arc_probabilities<Float8>(state, ArcOf<Float8>(state, frame, shapes, params.step), wanted, p, half_logs);
        });
        float angles[8], cosines[8], sines[8];
        shapes.angle.store(angles), shapes.cos_azimuth.store(cosines), shapes.sin_azimuth.store(sines);
        shape = {angles[chosen], cosines[chosen], sines[chosen]};
        half_log_end = half_logs[chosen];
#endif
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
