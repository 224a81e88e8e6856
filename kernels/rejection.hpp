// Rejection sampling of the next step, as iFOD2 does it: a fixed set of candidates bounds the largest probability nearby, then random ones are tried
// until one is accepted. Candidate n has its own random numbers, so candidates may be evaluated in any order; the first accepted by number wins.
#pragma once

#include "kernels/philox_lanes.hpp"
#include "kernels/track_step.hpp"

namespace arcuate::kernels {

/// Candidates at a time: a processor has eight lanes, a GPU's thread is one. A tracker's step takes either on a processor, so that a test can hold them against each other.
#if defined(__CUDA_ARCH__)
inline constexpr int candidate_lanes = 1;
#else
inline constexpr int candidate_lanes = 8;
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

/// The same for up to eight candidates at a time, of which the first accepted by number wins: the same result and the same counts as one by one.
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

/// `evaluate(calibration, random)`: the probability of a candidate, of the fixed set's number `calibration`, or, where that is negative, of the random numbers' first
/// two; negative where the candidate leaves the image, which ends the half where it is one of the fixed set. What `evaluate` wrote last is the accepted candidate.
/// Random candidates take draws first_draw, first_draw + 1, ... of the step's stream.
template <class Evaluate>
ARCUATE_HD StepEnd draw_by_rejection(const Rejection& r, const Philox& random, std::uint32_t first_draw, StepCounts& counts, Evaluate evaluate) {
    float largest = 0.0f, bound = 0.0f;
    std::int32_t evaluated = 0;
    // One loop over both kinds of candidates: `evaluate` is large, and stands in it once.
    for (int n = -r.calibration_count; n < r.trials; ++n) {
        const bool calibrating = n < 0;
        if (n == 0) {
            if (!(largest > 0.0f)) {
                counts.end_arcs += evaluated;
                return StepEnd::calibrator;
            }
            bound = r.ratio * largest;
        }
        const Random4 draw = calibrating ? Random4{} : random(first_draw + static_cast<std::uint32_t>(n));
        const float p = evaluate(calibrating ? n + r.calibration_count : -1, draw);
        ++evaluated;
        if (calibrating) {
            if (p < 0.0f) {
                counts.end_arcs += evaluated;
                return StepEnd::exit_image;
            }
            largest = max(largest, p);
            continue;
        }
        counts.truncated += p > bound;
        if (!(uniform(draw.v[2]) * bound < p)) continue;
        counts.arcs += evaluated;
        return StepEnd::none;
    }
    counts.end_arcs += evaluated;
    return StepEnd::model;
}

}  // namespace arcuate::kernels
