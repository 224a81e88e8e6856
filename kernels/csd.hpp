// Constrained spherical deconvolution of one voxel (Tournier, Calamante & Connelly 2007, NeuroImage 35:1459).
//
// The FOD f minimises |M f - s|^2 + norm |f|^2 + |H_neg f|^2, where H_neg are the rows of H (the FOD's amplitudes along a dense set of directions,
// weighted) at which f is negative; the set is found by repetition from a linear deconvolution with a larger norm: Newton's method on a strictly convex
// function made of quadratic pieces. Between two repetitions
// few directions change sign, so the Gram matrix M^T M + H_neg^T H_neg is kept and only they are added or taken away. Whole steps almost always settle within a dozen;
// where they run in a circle, steps are shortened until the function falls, which no circle survives.
#pragma once

#include "kernels/normal_equations.hpp"
#include "kernels/sh_basis.hpp"
#include "kernels/views.hpp"

#include <initializer_list>

namespace arcuate::kernels {

inline constexpr int csd_whole_steps = 12;  ///< before they are shortened where need be

enum class CsdOutcome : std::uint8_t { converged = 0, not_converged = 1, skipped = 2 };

inline constexpr int csd_max_directions = 2048;  ///< constraint directions, at most

/// What all voxels share; made by dwi/csd_problem.cpp. Rows have `width` values, zero after the coefficients.
template <int Lmax>
struct CsdProblem {
    static constexpr int coefficients = sh_count(Lmax);
    using Normal = NormalEquations<coefficients>;
    static constexpr int width = Normal::width;

    int volumes;                 ///< of the shell
    int unpadded;                ///< directions of the constraint
    int directions;              ///< the same, padded to a multiple of 64 with rows of zeros
    int max_iterations;
    double threshold;            ///< a weighted amplitude below this is constrained
    double uncertainty;          ///< more than the error of an amplitude in float, relative to |f|
    const double* forward;       ///< (volumes, width) M: coefficients -> signal
    const double* initial;       ///< (volumes, width) linear deconvolution, transposed: signal -> coefficients
    const double* constraint;    ///< (directions, width) H
    const float* constraint_t;   ///< (coefficients, directions) its transpose
    const double* normal;        ///< (Normal::size) M^T M + norm
    const double* normal_all;    ///< (Normal::size) the same plus H^T H of every direction
};

/// Signals of a voxel in, FOD coefficients out.
template <int Lmax>
struct EstimateFod {
    using Problem = CsdProblem<Lmax>;
    using Normal = typename Problem::Normal;
    static constexpr int n = Problem::coefficients, width = Problem::width;

    Problem problem;
    RowsView<const float> signals;  ///< (voxels, volumes)
    RowsView<float> fods;           ///< (voxels, coefficients)
    CsdOutcome* outcome;            ///< (voxels)

    ARCUATE_HD void operator()(std::int64_t voxel) const {
        double f[n];
        outcome[voxel] = estimate(signals.row(voxel), f);
        float* const out = fods.row(voxel);
        ARCUATE_ROLLED
        for (int c = 0; c < n; ++c) out[c] = outcome[voxel] == CsdOutcome::skipped ? 0.0f : static_cast<float>(f[c]);
    }

    ARCUATE_HD CsdOutcome estimate(const float* signal, double* f) const {
        double start[width], rhs[width];  // start: the step's origin, later on
        for (int c = 0; c < width; ++c) start[c] = rhs[c] = 0;
        bool any = false;
        for (int v = 0; v < problem.volumes; ++v) {
            if (!is_finite(signal[v])) return CsdOutcome::skipped;
            const double s = static_cast<double>(max(0.0f, signal[v]));  // noise and resampling make negative signals
            any = any || s > 0;
            const double* const forward = problem.forward + v * width;
            const double* const initial = problem.initial + v * width;
            add_scaled4(rhs, forward, s, width);
            add_scaled4(start, initial, s, width);
        }
        if (!any) return CsdOutcome::skipped;
        ARCUATE_ROLLED
        for (int c = 0; c < n; ++c) f[c] = start[c];

        constexpr int max_words = csd_max_directions / 32;
        std::uint32_t now[max_words], in_gram[max_words];
        const int words = problem.directions / 32;
        Normal normal, factor;
        bool whole = true;
        for (int iteration = 0;; ++iteration) {
            const int negative = find_negative(f, now);
            if (iteration == 0) {
                // Start from nothing or from everything, whichever is nearer.
                const bool most = 2 * negative > problem.directions;
                const double* const base = most ? problem.normal_all : problem.normal;
                for (int i = 0; i < Normal::size; ++i) normal.a[i] = base[i];
                ARCUATE_ROLLED
                for (int c = 0; c < n; ++c) normal.a[Normal::at(c, n)] = rhs[c];
                for (int w = 0; w < words; ++w) in_gram[w] = most ? 0xffffffffu : 0u;
            } else {
                bool same = true;
                for (int w = 0; w < words; ++w) same = same && now[w] == in_gram[w];
                if (same && whole) return CsdOutcome::converged;
            }
            if (iteration == problem.max_iterations) return CsdOutcome::not_converged;
            update(normal, in_gram, now, words);
            ARCUATE_ROLLED
            for (int c = 0; c < n; ++c) start[c] = f[c];
            if (!solve(normal, factor, f)) return CsdOutcome::skipped;
            if (iteration >= csd_whole_steps) whole = shorten(normal, start, rhs, f);
        }
    }

    /// Halves the step from `from` to `f`, which is Newton's by `normal`, until the function falls by a tenth of what its slope promises (Armijo 1966,
    /// Pac J Math 16:1), or by nothing that double resolves; true where the step stays whole.
    ARCUATE_HD bool shorten(const Normal& normal, const double* from, const double* rhs, double* f) const {
        double step[n];
        for (int c = 0; c < n; ++c) step[c] = f[c] - from[c];
        const double slope = -2 * square(normal.a, step), before = cost(from, rhs), doubt = 1e-12 * abs(before);
        double share = 1;
        while (share > 1e-9 && cost(f, rhs) > fma(0.1 * share, slope, before + doubt)) {
            share *= 0.5;
            for (int c = 0; c < n; ++c) f[c] = fma(share, step[c], from[c]);
        }
        return share == 1;
    }

    /// What is minimised, less |s|^2.
    ARCUATE_HD double cost(const double* f, const double* rhs) const {
        double sum = square(problem.normal, f);
        for (int c = 0; c < n; ++c) sum = fma(-2 * rhs[c], f[c], sum);
        for (int d = 0; d < problem.unpadded; ++d) {
            const double* const row = problem.constraint + std::int64_t{d} * width;
            double amplitude = 0;
            for (int c = 0; c < n; ++c) amplitude = fma(row[c], f[c], amplitude);
            if (amplitude < problem.threshold) sum = fma(amplitude, amplitude, sum);
        }
        return sum;
    }

    /// x^T A x.
    ARCUATE_HD static double square(const double* normal, const double* x) {
        double sum = 0;
        for (int i = 0; i < n; ++i) {
            double row = 0.5 * normal[Normal::at(i, i)] * x[i];
            for (int j = i + 1; j < n; ++j) row = fma(normal[Normal::at(i, j)], x[j], row);
            sum = fma(2 * row, x[i], sum);
        }
        return sum;
    }

    /// Sets the bit of every direction along which the FOD is below the threshold; returns how many. Amplitudes are found in float, and those that
    /// float leaves in doubt in double.
    ARCUATE_HD int find_negative(const double* f, std::uint32_t* bits) const {
        float value[n];
        double square = 0;
        for (int c = 0; c < n; ++c) {
            value[c] = static_cast<float>(f[c]);
            square = fma(f[c], f[c], square);
        }
        const double doubt = problem.uncertainty * sqrt(square);
        const Float8 low = Float8::all(static_cast<float>(problem.threshold - doubt)), high = Float8::all(static_cast<float>(problem.threshold + doubt));
        int count = 0;
        for (int d = 0; d < problem.directions; d += 64) {
            Float8 amplitude[8];
            ARCUATE_UNROLL
            for (int k = 0; k < 8; ++k) amplitude[k] = Float8::all(0);
            const float* h = problem.constraint_t + d;
            ARCUATE_ROLLED
            for (int c = 0; c < n; ++c, h += problem.directions) {
                const Float8 coefficient = Float8::all(value[c]);
                ARCUATE_UNROLL
                for (int k = 0; k < 8; ++k) amplitude[k] = fma(Float8::load(h + 8 * k), coefficient, amplitude[k]);
            }
            ARCUATE_UNROLL
            for (int half = 0; half < 2; ++half) {
                std::uint32_t sure = 0, perhaps = 0;
                ARCUATE_UNROLL
                for (int k = 0; k < 4; ++k) {
                    sure |= static_cast<std::uint32_t>(amplitude[4 * half + k].not_above(low)) << 8 * k;
                    perhaps |= static_cast<std::uint32_t>(amplitude[4 * half + k].not_above(high)) << 8 * k;
                }
                for (std::uint32_t left = perhaps & ~sure; left; left &= left - 1) {
                    const int doubtful = d + 32 * half + lowest_bit(left);
                    if (doubtful >= problem.unpadded) break;
                    const double* const row = problem.constraint + std::int64_t{doubtful} * width;
                    double exact = 0;
                    for (int c = 0; c < n; ++c) exact = fma(row[c], f[c], exact);
                    if (exact < problem.threshold) sure |= left & (0u - left);
                }
                bits[d / 32 + half] = sure;
                count += count_bits(sure);
            }
        }
        return count;
    }

    /// Adds the directions that became negative to the Gram matrix, takes away those that no longer are; `in_gram` becomes `now`.
    ARCUATE_HD void update(Normal& normal, std::uint32_t* in_gram, const std::uint32_t* now, int words) const {
        for (const bool leaving : {false, true}) {
            std::int16_t index[64];
            int count = 0;
            for (int w = 0; w < words; ++w)
                for (std::uint32_t left = leaving ? in_gram[w] & ~now[w] : now[w] & ~in_gram[w]; left; left &= left - 1) {
                    index[count++] = static_cast<std::int16_t>(32 * w + lowest_bit(left));
                    if (count == 64) {
                        add_rows(normal, index, count, leaving);
                        count = 0;
                    }
                }
            add_rows(normal, index, count, leaving);
        }
        for (int w = 0; w < words; ++w) in_gram[w] = now[w];
    }

    ARCUATE_HD void add_rows(Normal& normal, const std::int16_t* index, int count, bool leaving) const {
        if (leaving)
            add_outer_products<true>(normal, problem.constraint, index, count);
        else
            add_outer_products<false>(normal, problem.constraint, index, count);
    }
};

}  // namespace arcuate::kernels
