// One iteration of SIFT2 for a streamline (Smith, Tournier, Calamante & Connelly 2015, NeuroImage 119:338): its coefficient, given those of all others.
//
// All streamlines move at once, so each must foresee the others. The data term is bounded above by one in which every streamline of a fixel is thought to
// change by the same factor as this one (De Pierro 1995, IEEE Trans Med Imaging 14:132): with TD = sum_s l_s w_s and l_s w_s / TD the share of s,
//   (mu sum_s l_s w_s r_s - FD)^2 <= sum_s (l_s w_s / TD) (mu TD r_s - FD)^2,
// equal at r = 1. So the sum over streamlines of what each minimises never falls below the cost, and the cost falls with every iteration.
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
};

struct AdjustCoefficients {
    static constexpr double scale = 0x1p16;  ///< of the sums

    const std::uint32_t* packed;   ///< (n + 1) where each streamline's words begin
    const std::uint32_t* words;
    FixelLengthCode code;
    const Sift2Fixel* fixels;
    Sift2Limits limits;
    const float* before;           ///< (n) coefficients; -infinity for a weight of 0, which stays
    float* after;                  ///< out (n)
    float* variation;              ///< out (n) of `before`, without its multiplier
    std::int64_t* sums;            ///< (n_fixels, 2) sums of units x e^after, and of units x after

    ARCUATE_HD void operator()(std::int64_t i) const {
        const std::uint32_t begin = packed[i], end = packed[i + 1];
        const float f = before[i];
        variation[i] = 0.0f;
        after[i] = f;
        if (f == -infinity) return add(begin, end, limits.lowest, 0.0f);
        const float factor = exp(f);
        // `below`: fixels whose mean is above f.
        float gain = 0, pull = 0, total = 0, below = 0, below_mean = 0, above = 0, above_factor = 0, squares = 0;
        for (std::uint32_t k = begin; k < end; ++k) {
            prefetch(sums + 2 * static_cast<std::int64_t>(code.fixel(words[k])));  // add() would wait for each in turn
            const Sift2Fixel fixel = fixels[code.fixel(words[k])];
            const float units = static_cast<float>(code.units(words[k]));
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
        if (!(total > 0.0f)) return add(begin, end, f, factor);
        variation[i] = squares / total;
        const float tv = limits.variation / total;
        const float step = minimum(f, fma(tv * above, factor * factor, factor * gain), fma(tv * above_factor, factor, factor * pull),
                                   fma(tv, below, limits.tikhonov), tv * below_mean);
        const float next = min(f + min(limits.max_step, max(-limits.max_step, step)), limits.highest);
        if (next < limits.lowest) {
            after[i] = -infinity;
            return add(begin, end, limits.lowest, 0.0f);
        }
        after[i] = next;
        add(begin, end, next, exp(next));
    }

  private:
    /// The d that minimises a r^2 - 2 b r + c (f + d)^2 - 2 e (f + d), r = e^d, by Newton's method.
    ARCUATE_HD static float minimum(float f, float a, float b, float c, float e) {
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

    ARCUATE_HD void add(std::uint32_t begin, std::uint32_t end, float coefficient, float factor) const {
        const double c = static_cast<double>(coefficient) * scale, f = static_cast<double>(factor) * scale;
        for (std::uint32_t k = begin; k < end; ++k) {
            const std::int64_t fixel = code.fixel(words[k]);
            const double units = static_cast<double>(code.units(words[k]));
            add_relaxed(sums + 2 * fixel, to_fixed(units, f));
            add_relaxed(sums + 2 * fixel + 1, to_fixed(units, c));
        }
    }
};

}  // namespace arcuate::kernels
