// Multi-tissue spherical deconvolution of one voxel with hard non-negativity (Jeurissen et al. 2014, NeuroImage 103:411).
//
//     minimise |C x - s|^2  subject to  A x >= 0,    x: the coefficients of all tissues, A: amplitudes of the FODs along a dense set of directions
//
// With C^T C = L L^T and y = L^T x this is the projection of b = L^-1 C^T s onto the cone B y >= 0, B = A L^-T, whose rows are scaled to
// unit length. By duality y = b + B^T m, where the multipliers m >= 0 minimise |b + B^T m|: the non-negative least squares of Lawson & Hanson (1974,
// ch. 23), solved with the Gram matrix B B^T that all voxels share. Each round takes in, instead of the most violated constraint alone,
// every violated one that is the worst in its neighbourhood; where none of them stays, the most violated alone, which always makes progress.
//
// In double: C^T C of three tissues has a condition number far above what float resolves.
#pragma once

#include "kernels/csd.hpp"
#include "kernels/lanes.hpp"
#include "kernels/math.hpp"
#include "kernels/views.hpp"

namespace arcuate::kernels {

inline constexpr int msmt_neighbours = 8;

/// What all voxels share; made by dwi/msmt.cpp. Rows have `Capacity` values, zero after the unknowns.
struct MsmtProblem {
    int volumes;
    int unknowns;                ///< coefficients of all tissues
    int constraints;             ///< padded to a multiple of 32 with rows of zeros, csd_max_directions at most
    int max_iterations;
    const double* project;       ///< (volumes, Capacity) s -> b
    const double* constraint;    ///< (constraints, Capacity) rows of B, unit length
    const double* constraint_t;  ///< (unknowns, constraints) its transpose
    const double* gram;          ///< (constraints, constraints) B B^T
    const std::int16_t* near;    ///< (constraints, msmt_neighbours) the rows most parallel to each; itself where there are fewer
    const double* recover;       ///< (unknowns, Capacity) y -> x: row j is what y_j adds
};

/// Signals of a voxel in, coefficients of all tissues out. Capacity: a multiple of 8, more than the unknowns.
template <int Capacity>
struct EstimateMsmt {
    MsmtProblem problem;
    RowsView<const float> signals;    ///< (voxels, volumes)
    RowsView<float> coefficients;     ///< (voxels, unknowns)
    CsdOutcome* outcome;              ///< (voxels)

    /// A constraint counts as violated beyond this distance, relative to |b|; an order below what float holds.
    static constexpr double tolerance = 1e-8;
    /// Of the violated constraints, those join in a round that are violated by this share of the worst.
    static constexpr double at_least = 0.5;
    /// A row whose part across the other active rows is shorter than the root of this counts as dependent on them.
    static constexpr double least_pivot = 1e-18, doubtful_pivot = 1e-4;

    /// The constraints held at zero, in the order in which they were eliminated, and the Cholesky factor U of their Gram matrix (U^T U). A
    /// constraint keeps its column of U for as long as it is active, so rows have the full width and zeros where nothing stands.
    struct Active {
        int count;
        std::int16_t index[Capacity];          ///< which constraint
        std::int16_t column[Capacity];         ///< of U and of the arrays below
        std::int16_t at_column[Capacity];      ///< the constraint in each column; -1: free
        double inverse_pivot[Capacity];        ///< by position
        double z[Capacity];                    ///< by position: U^T z = -(B_i b)
        double multiplier[Capacity];           ///< by column, >= 0, zero where free
        double target[Capacity];               ///< by column: multipliers that put y on all planes
        double factor[Capacity * Capacity];    ///< (position, column)
    };

    ARCUATE_HD void operator()(std::int64_t voxel) const {
        double y[Capacity];
        outcome[voxel] = estimate(signals.row(voxel), y);
        float* const out = coefficients.row(voxel);
        if (outcome[voxel] == CsdOutcome::skipped) {
            for (int c = 0; c < problem.unknowns; ++c) out[c] = 0.0f;
            return;
        }
        double x[Capacity];
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) x[c] = 0;
        for (int j = 0; j < problem.unknowns; ++j) add_scaled4(x, problem.recover + j * Capacity, y[j], Capacity);
        for (int c = 0; c < problem.unknowns; ++c) out[c] = static_cast<float>(x[c]);
    }

    ARCUATE_HD CsdOutcome estimate(const float* signal, double* y) const {
        double b[Capacity];
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) b[c] = 0;
        bool any = false;
        for (int v = 0; v < problem.volumes; ++v) {
            if (!is_finite(signal[v])) return CsdOutcome::skipped;
            const double s = static_cast<double>(max(0.0f, signal[v]));  // noise and resampling make negative signals
            any = any || s > 0;
            add_scaled4(b, problem.project + v * Capacity, s, Capacity);
        }
        if (!any) return CsdOutcome::skipped;
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) y[c] = b[c];
        const double slack = tolerance * sqrt(dot8(b, b, Capacity));
        Active active;
        active.count = 0;
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) {
            active.at_column[c] = -1;
            active.multiplier[c] = 0;
        }
        double amplitude[csd_max_directions];
        std::uint32_t violated[csd_max_directions / 32];
        double explained = 0;  // |b|^2 - |y|^2, which grows from round to round
        bool refined = false;
        for (int iteration = 0; iteration < problem.max_iterations; ++iteration) {
            const int worst = find_violated(y, -slack, amplitude, violated);
            if (worst < 0) {
                if (active.count > 0 && !refined) {
                    refine(active, y);
                    project(active, b, y);
                }
                return CsdOutcome::converged;
            }
            const double bound = at_least * amplitude[worst];
            for (int w = 0; w < problem.constraints / 32; ++w)
                for (std::uint32_t left = violated[w]; left; left &= left - 1) {
                    const int d = 32 * w + lowest_bit(left);
                    if (amplitude[d] <= bound && is_worst_nearby(amplitude, d)) join(active, d, b);
                }
            bool progress = settle(active, explained);
            if (!progress) {
                join(active, worst, b);
                progress = settle(active, explained);
            }
            project(active, b, y);
            if (progress) continue;
            // Even the most violated one leaves at once: rounding decides, and y is as good as it gets after a step of iterative refinement.
            if (refined) return CsdOutcome::converged;
            refine(active, y);
            project(active, b, y);
            refined = true;
        }
        return CsdOutcome::not_converged;
    }

    /// Amplitudes along every direction, and the bits of those below `bound`; returns the least of them, the first of equals, -1 where there is none.
    ARCUATE_HD int find_violated(const double* y, double bound, double* amplitude, std::uint32_t* violated) const {
        int worst = -1;
        for (int d = 0; d < problem.constraints; d += 32) {
            Double4 sum[8];
            ARCUATE_UNROLL
            for (int k = 0; k < 8; ++k) sum[k] = Double4::all(0);
            const double* row = problem.constraint_t + d;
            for (int c = 0; c < problem.unknowns; ++c, row += problem.constraints) {
                const Double4 value = Double4::all(y[c]);
                ARCUATE_UNROLL
                for (int k = 0; k < 8; ++k) sum[k] = fma(Double4::load(row + 4 * k), value, sum[k]);
            }
            std::uint32_t word = 0;
            const Double4 limit = Double4::all(bound);
            ARCUATE_UNROLL
            for (int k = 0; k < 8; ++k) {
                word |= static_cast<std::uint32_t>(sum[k].below(limit)) << 4 * k;
                sum[k].store(amplitude + d + 4 * k);
            }
            violated[d / 32] = word;
            for (; word; word &= word - 1) {
                const int here = d + lowest_bit(word);
                if (worst < 0 || amplitude[here] < amplitude[worst]) worst = here;
            }
        }
        return worst;
    }

    /// None of its neighbours is more violated; of equals, none has a lower index.
    ARCUATE_HD bool is_worst_nearby(const double* amplitude, int d) const {
        const std::int16_t* const near = problem.near + d * msmt_neighbours;
        for (int k = 0; k < msmt_neighbours; ++k) {
            const int other = near[k];
            if (amplitude[other] < amplitude[d] || (amplitude[other] == amplitude[d] && other < d)) return false;
        }
        return true;
    }

    /// Takes a constraint in, with multiplier 0, unless it is in or depends on those that are.
    ARCUATE_HD void join(Active& active, int index, const double* b) const {
        double rest[Capacity];
        int column = -1;
        const double* const gram = problem.gram + std::int64_t{index} * problem.constraints;
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) {
            const int other = active.at_column[c];
            if (other == index) return;
            if (other < 0 && column < 0) column = c;
            rest[c] = other < 0 ? 0.0 : gram[other];
        }
        const int k = active.count;
        if (column < 0) return;
        double square = gram[index], along = -dot8(problem.constraint + std::int64_t{index} * Capacity, b, Capacity);
        double part[Capacity];
        for (int i = 0; i < k; ++i) {
            part[i] = rest[active.column[i]] * active.inverse_pivot[i];
            add_scaled4(rest, active.factor + i * Capacity, -part[i], Capacity);
            square = fma(-part[i], part[i], square);
            along = fma(-part[i], active.z[i], along);
        }
        if (square < doubtful_pivot) {
            // The Gram matrix no longer resolves the part across the others; the rows themselves do. One correction of the seminormal equations
            // (Bjorck 1987, Linear Algebra Appl 88/89:31).
            double across[Capacity], share[Capacity], correction[Capacity];
            const double* const own = problem.constraint + std::int64_t{index} * Capacity;
            for (int pass = 0; pass < 2; ++pass) {
                solve_upper(active, part, share);
                ARCUATE_ROLLED
                for (int c = 0; c < Capacity; ++c) across[c] = own[c];
                for (int i = 0; i < k; ++i)
                    add_scaled4(across, problem.constraint + std::int64_t{active.index[i]} * Capacity, -share[active.column[i]], Capacity);
                if (pass == 1) break;
                solve_lower(active, across, correction);
                for (int i = 0; i < k; ++i) part[i] = part[i] + correction[i];
            }
            square = dot8(across, across, Capacity);
            along = -dot8(across, b, Capacity);
        }
        if (!(square > least_pivot)) return;
        for (int i = 0; i < k; ++i) active.factor[i * Capacity + column] = part[i];
        double* const row = active.factor + k * Capacity;
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) row[c] = 0;
        const double pivot = sqrt(square);
        row[column] = pivot;
        active.inverse_pivot[k] = 1.0 / pivot;
        active.z[k] = along * active.inverse_pivot[k];
        active.index[k] = static_cast<std::int16_t>(index);
        active.column[k] = static_cast<std::int16_t>(column);
        active.at_column[column] = static_cast<std::int16_t>(index);
        active.multiplier[column] = 0;
        active.count = k + 1;
    }

    /// Takes a constraint out: what its row held goes into the rows after it by plane rotations.
    ARCUATE_HD void leave(Active& active, int position) const {
        const int column = active.column[position];
        double out[Capacity];
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) out[c] = active.factor[position * Capacity + c];
        double out_z = active.z[position];
        for (int i = position + 1; i < active.count; ++i) {
            const double* const from = active.factor + i * Capacity;
            double* const to = active.factor + (i - 1) * Capacity;
            const int pivot = active.column[i];
            const double length = sqrt(fma(from[pivot], from[pivot], out[pivot] * out[pivot])), inverse = 1.0 / length;
            const double cosine = from[pivot] * inverse, sine = out[pivot] * inverse;
            const Double4 cos4 = Double4::all(cosine), sin4 = Double4::all(sine);
            ARCUATE_ROLLED
            for (int c = 0; c < Capacity; c += 4) {
                const Double4 u = Double4::load(from + c), x = Double4::load(out + c);
                fma(cos4, u, sin4 * x).store(to + c);
                fnma(sin4, u, cos4 * x).store(out + c);
            }
            const double z = active.z[i];
            active.z[i - 1] = fma(cosine, z, sine * out_z);
            out_z = fma(-sine, z, cosine * out_z);
            active.inverse_pivot[i - 1] = inverse;
            active.index[i - 1] = active.index[i];
            active.column[i - 1] = active.column[i];
        }
        --active.count;
        for (int i = 0; i < active.count; ++i) active.factor[i * Capacity + column] = 0;
        active.at_column[column] = -1;
        active.multiplier[column] = 0;
    }

    /// Brings the multipliers to those that put y on all active planes; constraints whose multiplier would not stay positive leave.
    /// True where |b|^2 - |y|^2 has grown beyond `explained`, which it becomes.
    ARCUATE_HD bool settle(Active& active, double& explained) const {
        while (active.count > 0) {
            solve_upper(active, active.z, active.target);
            double fraction = 1;
            bool inside = true;
            for (int i = 0; i < active.count; ++i) {
                const int c = active.column[i];
                if (active.target[c] > 0) continue;
                inside = false;
                fraction = min(fraction, active.multiplier[c] > 0 ? active.multiplier[c] / (active.multiplier[c] - active.target[c]) : 0.0);
            }
            if (inside) {
                ARCUATE_ROLLED
                for (int c = 0; c < Capacity; ++c) active.multiplier[c] = active.target[c];
                break;
            }
            for (int i = active.count - 1; i >= 0; --i) {
                const int c = active.column[i];
                const double from = active.multiplier[c], to = active.target[c];
                const bool leaves = !(to > 0) && !(from > 0 && from / (from - to) > fraction);
                active.multiplier[c] = fma(fraction, to - from, from);
                if (leaves) leave(active, i);
            }
        }
        double now = 0;
        for (int i = 0; i < active.count; ++i) now = fma(active.z[i], active.z[i], now);
        const bool grown = now > fma(explained, 1e-14, explained);
        explained = now;
        return grown;
    }

    /// What rounding left of the amplitudes along the active constraints goes into the multipliers.
    ARCUATE_HD void refine(Active& active, const double* y) const {
        double part[Capacity], change[Capacity];
        solve_lower(active, y, part);
        solve_upper(active, part, change);
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) active.multiplier[c] = active.multiplier[c] - change[c];
    }

    /// U^T part = B v, by position.
    ARCUATE_HD void solve_lower(const Active& active, const double* v, double* part) const {
        double rest[Capacity];
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c)
            rest[c] = active.at_column[c] < 0 ? 0.0 : dot8(problem.constraint + std::int64_t{active.at_column[c]} * Capacity, v, Capacity);
        for (int i = 0; i < active.count; ++i) {
            part[i] = rest[active.column[i]] * active.inverse_pivot[i];
            add_scaled4(rest, active.factor + i * Capacity, -part[i], Capacity);
        }
    }

    /// U x = z, four rows at a time; z by position, x by column.
    ARCUATE_HD void solve_upper(const Active& active, const double* z, double* x) const {
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) x[c] = 0;
        int i = active.count - 1;
        for (; i >= 3; i -= 4) {
            Double4 sum[4];
            ARCUATE_UNROLL
            for (int r = 0; r < 4; ++r) sum[r] = Double4::all(0);
            const double* const rows = active.factor + (i - 3) * Capacity;
            ARCUATE_ROLLED
            for (int c = 0; c < Capacity; c += 4) {
                const Double4 t = Double4::load(x + c);
                ARCUATE_UNROLL
                for (int r = 0; r < 4; ++r) sum[r] = fma(Double4::load(rows + r * Capacity + c), t, sum[r]);
            }
            double known[4], value[4];
            sums_of(sum, known);
            for (int r = 3; r >= 0; --r) {
                double rest = z[i - 3 + r] - known[r];
                for (int later = 3; later > r; --later) rest = fma(-rows[r * Capacity + active.column[i - 3 + later]], value[later], rest);
                value[r] = rest * active.inverse_pivot[i - 3 + r];
            }
            for (int r = 0; r < 4; ++r) x[active.column[i - 3 + r]] = value[r];
        }
        for (; i >= 0; --i)
            x[active.column[i]] = (z[i] - dot8(active.factor + i * Capacity, x, Capacity)) * active.inverse_pivot[i];
    }

    /// y = b + B^T m
    ARCUATE_HD void project(const Active& active, const double* b, double* y) const {
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) y[c] = b[c];
        for (int i = 0; i < active.count; ++i)
            add_scaled4(y, problem.constraint + std::int64_t{active.index[i]} * Capacity, active.multiplier[active.column[i]], Capacity);
    }
};

}  // namespace arcuate::kernels
