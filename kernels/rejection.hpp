// Rejection sampling of the next step, as iFOD2 does it: a fixed set of candidates bounds the largest probability nearby, then random ones are tried
// until one is accepted. Candidate n has its own random numbers, so candidates may be evaluated in any order; the first accepted by number wins.
#pragma once

#include "kernels/philox_lanes.hpp"
#include "kernels/team.hpp"
#include "kernels/track_step.hpp"

namespace arcuate::kernels {

/// Who evaluates candidates: a processor's eight lanes, or a GPU's team. A tracker's step takes either on a processor, so that a test can hold them against each other.
struct EightAtOnce {};
#if defined(ARCUATE_THREAD_PER_LANE)
template <int Lanes>
using Evaluators = Team<Lanes>;
#else
template <int>
using Evaluators = EightAtOnce;
#endif

struct Rejection {
    int calibration_count;  ///< candidates of the fixed set
    float ratio;            ///< bound on the probability, as a multiple of the fixed set's largest
    int trials;             ///< random candidates before giving up
};

/// What every algorithm that draws from FODs in this way is told.
struct DrawParams {
    float step;               ///< [mm]
    float cutoff;             ///< amplitude below which a candidate is impossible
    float seed_cutoff;        ///< amplitude that a first direction must exceed
    float power;              ///< exponent of a candidate's probability
    int samples;              ///< along a candidate, its start excluded
    int seed_trials;          ///< directions per seed
    Rejection rejection;
};

/// Up to eight candidates at a time, of which the first accepted by number wins: the same result and the same counts as one by one.
/// `evaluate(first, wanted, random, p)`: the probabilities of candidates first, ..., first + wanted - 1 of the fixed set (random: null) or of the random ones.
/// `chosen`: which of those evaluated last was accepted.
template <class Evaluate>
ARCUATE_HD StepEnd draw_eight_by_rejection(const Rejection& r, const Philox& random, std::uint32_t first_draw, StepCounts& counts, int& chosen, Evaluate evaluate) {
    float p[8], largest = 0.0f;
    for (int first = 0; first < r.calibration_count; first += 8) {
        const int wanted = min(8, r.calibration_count - first);
        evaluate(first, wanted, nullptr, p);
        for (int k = 0; k < wanted; ++k) {
            if (p[k] < 0.0f) {
                counts.end_arcs += first + k + 1;
                return StepEnd::exit_image;
            }
            largest = max(largest, p[k]);
        }
    }
    if (!(largest > 0.0f)) {
        counts.end_arcs += r.calibration_count;
        return StepEnd::calibrator;
    }
    const float bound = r.ratio * largest;
    for (int first = 0; first < r.trials; first += 8) {
        const int wanted = min(8, r.trials - first);
        const Random4x8 draws = eight_draws(random, first_draw + static_cast<std::uint32_t>(first));
        evaluate(first, wanted, &draws, p);
        for (int k = 0; k < wanted; ++k) {
            counts.truncated += p[k] > bound;
            if (!(uniform(draws.v[2][k]) * bound < p[k])) continue;
            counts.arcs += r.calibration_count + first + k + 1;
            chosen = k;
            return StepEnd::none;
        }
    }
    counts.end_arcs += r.calibration_count + r.trials;
    return StepEnd::model;
}

/// A candidate as a lane knows it.
struct Drawn {
    float p;              ///< its probability
    std::uint32_t bits;   ///< random ones, of a random candidate: whether it is accepted
};

/// The same by a team, `at_once` candidates at a time, a lane each; the random ones follow the fixed set without a gap, some of them beside its last, whatever comes of that.
/// `evaluate(first)`: Drawn by lane, of candidates first, first + 1, ... of both kinds. `chosen`: the lane whose candidate was accepted.
template <class Team, class Evaluate>
ARCUATE_HD StepEnd draw_by_rejection(const Team& team, const Rejection& r, int at_once, StepCounts& counts, int& chosen, Evaluate evaluate) {
    const int all = r.calibration_count + r.trials;
    float largest = 0.0f;
    for (int first = 0; first < all; first += at_once) {
        const PerLane<Drawn, Team::lanes> drawn = evaluate(first);
        const int fixed = min(at_once, r.calibration_count - first), wanted = min(at_once, all - first);
        if (fixed > 0) {
            if (const unsigned outside = team.which([&](int k) { return k < fixed && drawn[k].p < 0.0f; })) {
                counts.end_arcs += first + lowest_bit(outside) + 1;
                return StepEnd::exit_image;
            }
            largest = max(largest, team.greatest(team.each([&](int k) { return k < fixed ? drawn[k].p : 0.0f; })));
        }
        if (first + at_once < r.calibration_count) continue;
        if (!(largest > 0.0f)) {
            counts.end_arcs += r.calibration_count;
            return StepEnd::calibrator;
        }
        const float bound = r.ratio * largest;
        const auto random = [&](int k) { return k >= fixed && k < wanted; };
        const unsigned above = team.which([&](int k) { return random(k) && drawn[k].p > bound; });
        const unsigned accepted = team.which([&](int k) { return random(k) && uniform(drawn[k].bits) * bound < drawn[k].p; });
        if (accepted) {
            chosen = lowest_bit(accepted);
            counts.truncated += count_bits(above & ((2u << chosen) - 1u));
            counts.arcs += first + chosen + 1;
            return StepEnd::none;
        }
        counts.truncated += count_bits(above);
    }
    counts.end_arcs += all;
    return all > 0 ? StepEnd::model : StepEnd::calibrator;
}

}  // namespace arcuate::kernels
