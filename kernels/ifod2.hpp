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
    static constexpr int team_lanes = 32;  // lanes for ten arcs of three samples
    static constexpr int thread_registers = Lmax <= 8 ? few_registers : 255;

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

    /// Probabilities of the first `wanted` of eight arcs: 0 where an amplitude is below the cutoff, negative where it leaves the image before that.
    /// `half_log_end`: ln(F)/2 at its end.
    ARCUATE_HD void arc_probabilities(const State& from, const ArcOf<Float8>& arcs, int wanted, float* p, float* half_log_end) const {
        Float8 log_p = Float8::all(from.half_log_start), half_log = Float8::all(0.0f);
        VecOf<Float8> position{};
        unsigned alive = (1u << wanted) - 1u;
        const unsigned outside = along_arcs(field, arcs, params.samples, alive, position, [&](int i, Float8 amplitudes, unsigned& going) {
            float f[8];
            amplitudes.store(f);
            for (int k = 0; k < 8; ++k)
                if (!(f[k] >= params.cutoff && f[k] > 0.0f)) going &= ~(1u << k);
            const Float8 log_f = log_of_normal(max(amplitudes, Float8::all(0x1p-126f)));
            half_log = Float8::all(0.5f) * log_f;
            log_p = log_p + (i < params.samples ? log_f : half_log);  // trapezoid: weights 1/2, 1, ..., 1, 1/2
        });
        float exponent[8], x[8], y[8], z[8];
        half_log.store(half_log_end);
        (Float8::all(params.power) * log_p).store(exponent);
        position.x.store(x), position.y.store(y), position.z.store(z);
        for (int k = 0; k < wanted; ++k) {
            const bool whole = (alive >> k & 1u) && !(tissues.fractions && tissues.at_step({x[k], y[k], z[k]}).csf >= 0.5f);
            p[k] = whole ? exp(exponent[k]) : outside >> k & 1u ? -1.0f : 0.0f;
        }
    }

    /// The first direction at a seed: the one asked for if its amplitude is above seed_cutoff; otherwise uniform directions until one has an amplitude above seed_cutoff. Not weighted by amplitude.
    ARCUATE_HD bool start(Vec3 seed_position, const Philox& random, const Vec3* asked, State& state) const {
        Vec3 d;
        float f;
        if (!first_direction(Crew<team_lanes>{}, field, seed_position, random, asked, params.seed_cutoff, params.seed_trials, d, f)) return false;
        state = {seed_position, d, 0.5f * log(f)};
        return true;
    }

    /// Draws the next arc. On StepEnd::none the arc's vertices are in `vertices` (params.samples of them) and the state stands at its end.
    ARCUATE_HD StepEnd step(State& state, const Philox& random, Vec3* vertices, StepCounts& counts) const {
        return step_by(Evaluators<team_lanes>{}, state, random, vertices, counts);
    }

    ARCUATE_HD StepEnd step_by(EightAtOnce, State& state, const Philox& random, Vec3* vertices, StepCounts& counts) const {
        const Frame frame = frame_around(state.direction);
        ArcShape8 shapes{};
        float half_logs[8];
        int chosen = 0;
        const StepEnd end = draw_eight_by_rejection(params.rejection, random, 0, counts, chosen, [&](int first, int wanted, const Random4x8* r, float* p) {
            shapes = r ? cone_direction(*r, params.one_minus_cos_max) : eight_of(params.calibration + first, wanted);
            arc_probabilities(state, ArcOf<Float8>(state.position, frame, shapes, params.step), wanted, p, half_logs);
        });
        if (end != StepEnd::none) return end;
        const Arc arc(state.position, frame, one_of(shapes, chosen), params.step);
        Vec3 tangent{};
        for (int i = 1; i <= params.samples; ++i)
            arc.sample(static_cast<float>(i) / static_cast<float>(params.samples), vertices[i - 1], tangent);
        state = {vertices[params.samples - 1], normalized(tangent), half_logs[chosen]};
        ++counts.steps;
        return StepEnd::none;
    }

    template <int Lanes>
    ARCUATE_HD StepEnd step_by(Team<Lanes> team, State& state, const Philox& random, Vec3* vertices, StepCounts& counts) const {
        const Frame frame = frame_around(state.direction);
        const ArcLanes lanes(Lanes, params.samples);
        PerLane<ArcSample, Lanes> samples{};
        PerLane<float, Lanes> log_f{};
        int chosen = 0;
        const StepEnd end = draw_by_rejection(team, params.rejection, lanes.arcs, counts, chosen, [&](int first) {
            PerLane<std::uint32_t, Lanes> bits{};
            samples = arc_samples(team, lanes, field, state.position, frame, params.step, params.rejection, params.calibration, first, random, bits,
                                  [&](const Random4& r) { return cone_direction(r, params.one_minus_cos_max); });
            log_f = team.each([&](int k) { return log_of_normal(max(samples[k].amplitude, 0x1p-126f)); });
            return team.each([&, p = probabilities(team, lanes, state, samples, log_f)](int k) { return Drawn{p[k], bits[k]}; });
        });
        if (end != StepEnd::none) return end;
        for (int i = 0; i < params.samples; ++i) vertices[i] = vector_of(team, lanes.lane(chosen, i), [&](int k) { return samples[k].position; });
        const int last = lanes.lane(chosen, params.samples - 1);
        state = {vertices[params.samples - 1], normalized(vector_of(team, last, [&](int k) { return samples[k].tangent; })), 0.5f * team.of(log_f, last)};
        ++counts.steps;
        return StepEnd::none;
    }

  private:
    /// arc_probabilities() of a team's arcs, to each lane that of its own.
    template <int Lanes>
    ARCUATE_HD PerLane<float, Lanes> probabilities(const Team<Lanes>& team, const ArcLanes& lanes, const State& from, const PerLane<ArcSample, Lanes>& samples, const PerLane<float, Lanes>& log_f) const {
        const auto low = [&](int k) { return !(samples[k].amplitude >= params.cutoff && samples[k].amplitude > 0.0f); };
        const unsigned outside = team.which([&](int k) { return samples[k].outside; }), below = team.which([&](int k) { return !samples[k].outside && low(k); });
        const unsigned csf = team.which([&](int k) { return tissues.fractions && lanes.sample(k) == lanes.samples - 1 && !low(k) && tissues.at_step(samples[k].position).csf >= 0.5f; });
        auto log_p = team.each([&](int) { return from.half_log_start; });
        for (int i = 0; i < lanes.samples; ++i) {
            const auto there = team.moved(log_f, [&](int k) { return lanes.lane(lanes.arc(k), i); });
            log_p = team.each([&](int k) { return log_p[k] + (i + 1 < lanes.samples ? there[k] : 0.5f * there[k]); });
        }
        return team.each([&](int k) {
            const auto at = [&](unsigned of, int i) { return of >> lanes.lane(lanes.arc(k), i) & 1u; };
            float p = at(csf, lanes.samples - 1) ? 0.0f : exp(params.power * log_p[k]);
            // The first sample that is wrong decides.
            for (int i = lanes.samples - 1; i >= 0; --i) p = at(outside, i) ? -1.0f : at(below, i) ? 0.0f : p;
            return p;
        });
    }
};

}  // namespace arcuate::kernels
