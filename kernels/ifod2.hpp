// iFOD2: second-order integration over fibre orientation distributions (Tournier, Calamante & Connelly, Proc. ISMRM 2010, p. 1670).
//
// A step is an arc of fixed length, tangent to the current direction. Its probability is the product of FOD amplitudes along it, and arcs are
// drawn from that density by rejection: a few calibration arcs bound the largest probability nearby, then candidates, uniform over the cap
// of allowed end directions, are tried until one is accepted. Candidate c of a step has its own random numbers, so candidates may be
// evaluated in any order, several at a time; the first accepted by number wins.
#pragma once

#include "kernels/arcs.hpp"
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

/// The algorithm: the field it walks on and its parameters. TrackStreamline holds the loop around it.
template <int Lmax, class Stored = float>
struct Ifod2 {
    using State = Ifod2State;

    FodField<Lmax, Stored> field;
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
        T log_p = all_of<T>(from.half_log_start), half_log = all_of<T>(0.0f);
        VecOf<T> position{};
        unsigned alive = (1u << wanted) - 1u;
        const unsigned outside = along_arcs(field, arcs, params.samples, alive, position, [&](int i, T amplitudes, unsigned& going) {
            float f[lanes];
            store(amplitudes, f);
            for (int k = 0; k < lanes; ++k)
                if (!(f[k] >= params.cutoff && f[k] > 0.0f)) going &= ~(1u << k);
            const T log_f = log_of_normal(max(amplitudes, all_of<T>(0x1p-126f)));
            half_log = all_of<T>(0.5f) * log_f;
            log_p = log_p + (i < params.samples ? log_f : half_log);  // trapezoid: weights 1/2, 1, ..., 1, 1/2
        });
        float exponent[lanes], x[lanes], y[lanes], z[lanes];
        store(half_log, half_log_end);
        store(all_of<T>(params.power) * log_p, exponent);
        store(position.x, x), store(position.y, y), store(position.z, z);
        for (int k = 0; k < wanted; ++k) {
            const bool whole = (alive >> k & 1u) && !(tissues.fractions && tissues.at({x[k], y[k], z[k]}).csf >= 0.5f);
            p[k] = whole ? exp(exponent[k]) : outside >> k & 1u ? -1.0f : 0.0f;
        }
    }
    ARCUATE_HD float arc_probability(const State& from, const Arc& arc, float& half_log_end) const {
        float p = 0.0f;
        arc_probabilities<float>(from, arc, 1, &p, &half_log_end);
        return p;
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
    template <int Lanes = candidate_lanes>
    ARCUATE_HD StepEnd step(State& state, const Philox& random, Vec3* vertices, StepCounts& counts) const {
        const Frame frame = frame_around(state.direction);
        ArcShape shape{};
        float half_log_end = 0.0f;
        StepEnd end;
        if constexpr (Lanes == 1) {
            end = draw_by_rejection(params.rejection, random, 0, counts, [&](int calibration, const Random4& r) {
                shape = calibration >= 0 ? params.calibration[calibration] : cone_direction(r, params.one_minus_cos_max);
                return arc_probability(state, Arc(state.position, frame, shape, params.step), half_log_end);
            });
        } else {
            ArcShape8 shapes{};
            float half_logs[8];
            int chosen = 0;
            end = draw_eight_by_rejection(params.rejection, random, 0, counts, chosen, [&](int first, int wanted, const Random4x8* r, float* p) {
                shapes = r ? cone_direction(*r, params.one_minus_cos_max) : eight_of(params.calibration + first, wanted);
                arc_probabilities<Float8>(state, ArcOf<Float8>(state.position, frame, shapes, params.step), wanted, p, half_logs);
            });
            shape = one_of(shapes, chosen);
            half_log_end = half_logs[chosen];
        }
        if (end != StepEnd::none) return end;
        const Arc arc(state.position, frame, shape, params.step);
        Vec3 tangent{};
        for (int i = 1; i <= params.samples; ++i)
            arc.sample(static_cast<float>(i) / static_cast<float>(params.samples), vertices[i - 1], tangent);
        state = {vertices[params.samples - 1], normalized(tangent), half_log_end};
        ++counts.steps;
        return StepEnd::none;
    }
};

}  // namespace arcuate::kernels
