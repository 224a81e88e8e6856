// One iteration of SIFT2 for a streamline (Smith, Tournier, Calamante & Connelly 2015, NeuroImage 119:338): its coefficient, given those of all others.
//
// All streamlines move at once, so each must foresee the others. The data term is bounded above by one in which every streamline of a fixel is thought to
// change by the same factor as this one (De Pierro 1995, IEEE Trans Med Imaging 14:132): with TD = sum_s l_s w_s and l_s w_s / TD the share of s,
//   (mu sum_s l_s w_s r_s - FD)^2 <= sum_s (l_s w_s / TD) (mu TD r_s - FD)^2,
// equal at r = 1. So the sum over streamlines of what each minimises never falls below the cost, and going to the minimum lowers it.
//
// Such steps are safe and short. Each streamline therefore goes on in the direction of its last change (Nesterov's momentum) unless its step turns round, which is
// the adaptive restart of O'Donoghue & Candes 2015, Found Comput Math 15:715, coefficient by coefficient.
#pragma once

#include "kernels/fixed_point.hpp"
#include "kernels/streamline_fixels.hpp"

namespace arcuate::kernels {

/// What a streamline needs to know of a fixel.
struct Sift2Fixel {
    float gain;             ///< weight of the fixel x mu^2 TD x quantum
    float pull;             ///< weight x mu FD x quantum
    float weight;           ///< 0: streamlines do not look at it
    float mean;             ///< of the coefficients of its streamlines, weighted by length
    float factor_of_mean;   ///< e^mean
};

struct Sift2Limits {
    float lowest;      ///< a streamline whose coefficient falls below this gets a weight of 0
    float highest;     ///< coefficients are at most this
    float max_step;    ///< largest change in an iteration
    float tikhonov;    ///< multiplier of F^2
    float variation;   ///< multiplier of the mean along the streamline of (F - mean)^2 where below, (e^F - e^mean)^2 where above a fixel's mean
    float momentum;    ///< how much of the change from one minimum to the next is added to it
};

/// Streamlines, their lengths in fixels, and the sums that their coefficients make there.
struct WeightedLengths {
    static constexpr double scale = 0x1p16;  ///< of the sums

    const std::uint32_t* packed;   ///< (n + 1) where each streamline's words begin
    const std::uint32_t* words;
    FixelLengthCode code;
    std::int64_t* sums;            ///< (n_fixels, 2) sums of units x e^F, and of units x F

    ARCUATE_HD std::int64_t* of(std::uint32_t word) const { return sums + 2 * static_cast<std::int64_t>(code.fixel(word)); }
    ARCUATE_HD void add(std::int64_t i, float coefficient, float factor) const {
        const double c = static_cast<double>(coefficient) * scale, f = static_cast<double>(factor) * scale;
        for (std::uint32_t k = packed[i]; k < packed[i + 1]; ++k) {
            std::int64_t* const sum = of(words[k]);
            const double units = static_cast<double>(code.units(words[k]));
            add_relaxed(sum, to_fixed(units, f));
            add_relaxed(sum + 1, to_fixed(units, c));
        }
    }
    /// A weight of 0 counts with the lowest coefficient for the mean. base: what the weight is a multiple of.
    ARCUATE_HD void add(std::int64_t i, float coefficient, float base, const Sift2Limits& limits) const {
        if (coefficient == -infinity) return add(i, limits.lowest, 0.0f);
        add(i, coefficient, base * exp(coefficient));
    }
};

struct AdjustCoefficients {
    WeightedLengths lengths;
    const Sift2Fixel* fixels;
    Sift2Limits limits;
    const float* base;             ///< (n) coefficients of the weights that change; null: all 0. What follows is added to them, and only that is regularised
    const float* before;           ///< (n) coefficients; -infinity for a weight of 0, which stays
    float* minimum;                ///< (n) in and out: the last minimum, where momentum counts from
    float* after;                  ///< out (n)
    float* variation;              ///< out (n) of `before`, without its multiplier

    ARCUATE_HD void operator()(std::int64_t i) const {
        const float weight = base ? exp(base[i]) : 1.0f;
        after[i] = adjusted(i, before[i], weight);
        lengths.add(i, after[i], weight, limits);
    }

  private:
    ARCUATE_HD float adjusted(std::int64_t i, float f, float weight) const {
        variation[i] = 0.0f;
        if (f == -infinity) return f;
        const float factor = exp(f);
        // `below`: fixels whose mean is above f.
        float gain = 0, pull = 0, total = 0, below = 0, below_mean = 0, above = 0, above_factor = 0, squares = 0;
        for (std::uint32_t k = lengths.packed[i]; k < lengths.packed[i + 1]; ++k) {
            const std::uint32_t word = lengths.words[k];
            prefetch(lengths.of(word));  // add() would wait for each in turn
            const Sift2Fixel fixel = fixels[lengths.code.fixel(word)];
            const float units = static_cast<float>(lengths.code.units(word));
            const float part = units * fixel.weight;
            gain = fma(units, fixel.gain, gain);
            pull = fma(units, fixel.pull, pull);
            total = total + part;
            // Without a branch, which would be guessed wrong half of the time.
            const bool is_below = f < fixel.mean;
            const float low = is_below ? part : 0.0f, high = part - low;
            const float difference = is_below ? f - fixel.mean : factor - fixel.factor_of_mean;
            below = below + low;
            above = above + high;
            below_mean = fma(low, fixel.mean, below_mean);
            above_factor = fma(high, fixel.factor_of_mean, above_factor);
            squares = fma(part * difference, difference, squares);
        }
        if (!(total > 0.0f)) return f;
        variation[i] = squares / total;
        const float tv = limits.variation / total;
        const float step = step_to_minimum(f, fma(tv * above, factor * factor, weight * factor * gain), fma(tv * above_factor, factor, weight * factor * pull),
                                           fma(tv, below, limits.tikhonov), tv * below_mean);
        const float next = f + step, moved = next - minimum[i];
        minimum[i] = next;
        const float ahead = moved * step > 0.0f ? limits.momentum * moved : 0.0f;  // none where the streamline turns round
        const float reached = min(f + min(limits.max_step, max(-limits.max_step, step + ahead)), limits.highest);
        return reached < limits.lowest ? -infinity : reached;
    }

    /// The d that minimises a r^2 - 2 b r + c (f + d)^2 - 2 e (f + d), r = e^d, by Newton's method.
    ARCUATE_HD static float step_to_minimum(float f, float a, float b, float c, float e) {
        float d = 0;
        for (int pass = 0; pass < 8; ++pass) {
            const float r = exp(d);
            const float slope = fma(a * r, r, -(b * r)) + fma(c, f + d, -e);
            const float curvature = max(fma(2.0f * a * r, r, -(b * r)), a * r * r) + c;  // the first alone would not be positive far below the minimum
            if (!(curvature > 0.0f)) return d;
            const float change = min(1.0f, max(-1.0f, slope / curvature));
            d = d - change;
            if (abs(change) < 1e-6f) break;
        }
        return d;
    }
};

/// Coefficients in one pass: a streamline's weight is the mean along it of the ratio of fibre density to track density, 0 where it meets no fixel (Smith, Raffelt, Tournier & Connelly,
/// Quantitative streamlines tractography, doi 10.31219/osf.io/c67kn).
struct LinearCoefficients {
    WeightedLengths lengths;
    const Sift2Fixel* fixels;      ///< of coefficients that are all 0
    Sift2Limits limits;
    float* after;                  ///< out (n)

    ARCUATE_HD void operator()(std::int64_t i) const {
        float sum = 0, total = 0;
        for (std::uint32_t k = lengths.packed[i]; k < lengths.packed[i + 1]; ++k) {
            const std::uint32_t word = lengths.words[k];
            const Sift2Fixel fixel = fixels[lengths.code.fixel(word)];
            if (!(fixel.gain > 0.0f)) continue;
            const float part = static_cast<float>(lengths.code.units(word)) * fixel.weight;
            total = total + part;
            sum = fma(part, fixel.pull / fixel.gain, sum);
        }
        const float mean = sum / total, reached = min(log(mean), limits.highest);
        after[i] = total > 0.0f && mean > 0.0f && reached >= limits.lowest ? reached : -infinity;
        lengths.add(i, after[i], 1.0f, limits);
    }
};

}  // namespace arcuate::kernels
