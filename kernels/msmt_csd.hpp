// Multi-tissue spherical deconvolution of one voxel with hard non-negativity (Jeurissen et al. 2014, NeuroImage 103:411).
//
//     minimise |C x - s|^2  subject to  A x >= 0,    x: the coefficients of all tissues, A: amplitudes of the FODs along a dense set of directions
//
// With C^T C = L L^T and y = L^T x this is the projection of b = L^-1 C^T s onto the cone B y >= 0, B = A L^-T, whose rows are scaled to
// unit length. By duality y = b + B^T m, where the multipliers m >= 0 minimise |b + B^T m|: the non-negative least squares of Lawson & Hanson (1974,
// ch. 23). Each round takes in, instead of the most violated constraint alone, every violated one that is the worst in its neighbourhood; where
// none of them stays, the most violated alone, which always makes progress.
//
// The active rows a_i are kept with their dual basis d_i: the vectors in the span of the active rows with d_i a_j = 1 for i = j and 0 otherwise. The
// multipliers that put y on all active planes are -d_i b, and one row more or less is a product with the dual basis and a change of rank one: loops
// over whole rows that wait for nothing, where the substitutions and rotations of a triangular factor wait for every row before.
//
// In double: C^T C of three tissues has a condition number far above what float resolves. Only the search for violated constraints is in float,
// and what it finds near the bound is decided in double.
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
    int constraints;             ///< padded to a multiple of 64 with rows of zeros, csd_max_directions at most
    int max_iterations;
    const double* project;       ///< (volumes, Capacity) s -> b
    const double* constraint;    ///< (constraints, Capacity) rows of B, unit length
    const float* constraint_t;   ///< (unknowns, constraints) its transpose
    const std::int16_t* near;    ///< (constraints, msmt_neighbours) the rows most parallel to each; itself where there are fewer
    const double* recover;       ///< (unknowns, Capacity) y -> x: row j is what y_j adds
};

/// Signals of a voxel in, coefficients of all tissues out. Capacity: a multiple of 48, more than the unknowns.
template <int Capacity>
struct EstimateMsmt {
    MsmtProblem problem;
    RowsView<const float> signals;    ///< (voxels, volumes)
    RowsView<float> coefficients;     ///< (voxels, unknowns)
    CsdOutcome* outcome;              ///< (voxels)

    /// A constraint counts as violated beyond this distance, relative to |b|: y -> x magnifies it by up to 1e5, the root of the norm's inverse.
    static constexpr double tolerance = 1e-10;
    /// More than the error of an amplitude in float, relative to |b|: 96 terms of 2^-24 each.
    static constexpr float uncertainty = 6e-6f;
    /// Of the violated constraints, those join in a round that are violated by this share of the worst.
    static constexpr float at_least = 0.5f;
    /// A row whose part across the other active rows is shorter than the root of this counts as dependent on them; below the second, the part
    /// is freed once more of what rounding left along them.
    static constexpr double least_square = 1e-18, doubtful_square = 1e-3;
    /// The column of the dual basis that holds the multipliers -d_i b.
    static constexpr int target = Capacity - 1;

    /// The constraints held at zero, in any order.
    struct Active {
        int count;
        std::int16_t index[Capacity];        ///< which constraint
        double multiplier[Capacity];         ///< >= 0
        alignas(32) double dual[Capacity * Capacity];  ///< row i: d_i, and in its last column -d_i b
    };

    ARCUATE_HD void operator()(std::int64_t voxel) const {
        alignas(32) double y[Capacity];
        outcome[voxel] = estimate(signals.row(voxel), y);
        float* const out = coefficients.row(voxel);
        if (outcome[voxel] == CsdOutcome::skipped) {
            for (int c = 0; c < problem.unknowns; ++c) out[c] = 0.0f;
            return;
        }
        alignas(32) double x[Capacity];
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) x[c] = 0;
        add_rows<false>(x, y, problem.unknowns, [&](int j) { return problem.recover + j * Capacity; });
        for (int c = 0; c < problem.unknowns; ++c) out[c] = static_cast<float>(x[c]);
    }

    ARCUATE_HD CsdOutcome estimate(const float* signal, double* y) const {
        alignas(32) double b[Capacity];
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
        const double length = sqrt(dot8(b, b, Capacity));
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) y[c] = b[c] = length > 0 ? b[c] / length : 0.0;
        const CsdOutcome end = project(b, y);
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) y[c] = y[c] * length;
        return end;
    }

    /// y, which is b, becomes b's projection onto the cone; |b| = 1.
    ARCUATE_HD CsdOutcome project(const double* b, double* y) const {
        Active active;
        active.count = 0;
        alignas(32) float amplitude[csd_max_directions];
        double explained = 0;  // |b|^2 - |y|^2, which grows from round to round
        bool refined = false;
        for (int iteration = 0; iteration < problem.max_iterations; ++iteration) {
            const float least = find_amplitudes(y, amplitude);
            if (least >= 0) {
                if (active.count > 0 && !refined) refine(active, b, y);
                return CsdOutcome::converged;
            }
            int worst = -1;
            for_each_below(amplitude, at_least * least, [&](int d) {
                if (worst < 0 && amplitude[d] == least) worst = d;
                if (is_worst_nearby(amplitude, d)) join(active, d, b);
            });
            bool progress = settle(active, b, y, explained);
            if (!progress) {
                join(active, worst, b);
                progress = settle(active, b, y, explained);
            }
            if (progress) continue;
            // Even the most violated one leaves at once: rounding decides, and y is as good as it gets after a step of iterative refinement.
            if (refined) return CsdOutcome::converged;
            refine(active, b, y);
            refined = true;
        }
        return CsdOutcome::not_converged;
    }

    /// Amplitudes along every direction, 0 for those that the tolerance forgives; returns the least of them, or 0.
    ARCUATE_HD float find_amplitudes(const double* y, float* amplitude) const {
        float value[Capacity];
        for (int c = 0; c < problem.unknowns; ++c) value[c] = static_cast<float>(y[c]);
        Float8 least = Float8::all(0);
        for (int d = 0; d < problem.constraints; d += 64) {
            Float8 sum[8];
            ARCUATE_UNROLL
            for (int k = 0; k < 8; ++k) sum[k] = Float8::all(0);
            const float* across = problem.constraint_t + d;
            ARCUATE_ROLLED
            for (int c = 0; c < problem.unknowns; ++c, across += problem.constraints) {
                const Float8 here = Float8::all(value[c]);
                ARCUATE_UNROLL
                for (int k = 0; k < 8; ++k) sum[k] = fma(Float8::load(across + 8 * k), here, sum[k]);
            }
            ARCUATE_UNROLL
            for (int k = 0; k < 8; ++k) {
                sum[k].store(amplitude + d + 8 * k);
                least = min(sum[k], least);
            }
        }
        const float rough = least_of(least);
        if (rough < -4 * uncertainty) return rough;
        float exact = 0;
        for_each_below(amplitude, uncertainty, [&](int d) {
            const double here = dot8(row(d), y, Capacity);
            amplitude[d] = here < -tolerance ? static_cast<float>(here) : 0.0f;
            exact = min(exact, amplitude[d]);
        });
        return exact;
    }

    /// Calls body(d) for every direction whose amplitude is not above `bound`, in ascending order.
    template <class Body>
    ARCUATE_HD void for_each_below(const float* amplitude, float bound, const Body& body) const {
        for (int first = 0; first < problem.constraints; first += 32) {
            std::uint32_t bits = 0;
            ARCUATE_UNROLL
            for (int k = 0; k < 4; ++k) bits |= static_cast<std::uint32_t>(Float8::load(amplitude + first + 8 * k).not_above(Float8::all(bound))) << 8 * k;
            for (; bits; bits &= bits - 1) body(first + lowest_bit(bits));
        }
    }

    /// None of its neighbours is more violated; of equals, none has a lower index.
    ARCUATE_HD bool is_worst_nearby(const float* amplitude, int d) const {
        const std::int16_t* const near = problem.near + d * msmt_neighbours;
        for (int k = 0; k < msmt_neighbours; ++k) {
            const int other = near[k];
            if (amplitude[other] < amplitude[d] || (amplitude[other] == amplitude[d] && other < d)) return false;
        }
        return true;
    }

    /// Takes a constraint in, with multiplier 0, unless it depends on the active ones or is kept by their planes already.
    ARCUATE_HD void join(Active& active, int index, const double* b) const {
        const int k = active.count;
        if (k == problem.unknowns) return;
        alignas(32) double across[Capacity], along[Capacity];
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) across[c] = row(index)[c];
        const auto dual_row = [&](int i) { return dual(active, i); };
        const auto own_row = [&](int i) { return row(active.index[i]); };
        dot_rows(along, across, k, dual_row);
        add_rows<true>(across, along, k, own_row);
        double square = dot8(across, across, Capacity);
        if (square < doubtful_square) {
            alignas(32) double left[Capacity];
            dot_rows(left, across, k, dual_row);
            add_rows<true>(across, left, k, own_row);
            for (int i = 0; i < k; ++i) along[i] = along[i] + left[i];
            square = dot8(across, across, Capacity);
        }
        const double violation = -dot8(across, b, Capacity);
        if (!(square > least_square && violation > 0)) return;
        double* const added = dual(active, k);
        const double inverse = 1.0 / square;
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) added[c] = across[c] * inverse;
        added[target] = violation * inverse;
        take_away(active, along, added);
        active.index[k] = static_cast<std::int16_t>(index);
        active.multiplier[k] = 0;
        active.count = k + 1;
    }

    /// Takes a constraint out; the last one moves to its place.
    ARCUATE_HD void leave(Active& active, int position) const {
        alignas(32) double out[Capacity], share[Capacity];
        const int last = --active.count;
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) {
            out[c] = dual(active, position)[c];
            dual(active, position)[c] = dual(active, last)[c];
        }
        active.index[position] = active.index[last];
        active.multiplier[position] = active.multiplier[last];
        const double multiplier = out[target];
        out[target] = 0;
        const double inverse = 1.0 / dot8(out, out, Capacity);
        dot_rows(share, out, last, [&](int i) { return dual(active, i); });
        ARCUATE_ROLLED
        for (int i = 0; i < last; ++i) share[i] = share[i] * inverse;
        out[target] = multiplier;
        take_away(active, share, out);
    }

    /// Brings the multipliers to those that put y on all active planes, and y there; constraints whose multiplier would not stay positive leave.
    /// True where |b - y|^2 has grown beyond `explained`, which it becomes.
    ARCUATE_HD bool settle(Active& active, const double* b, double* y, double& explained) const {
        for (bool inside = false; !inside;) {
            double fraction = 1;
            inside = true;
            for (int i = 0; i < active.count; ++i) {
                const double from = active.multiplier[i], to = dual(active, i)[target];
                if (to > 0) continue;
                inside = false;
                fraction = min(fraction, from > 0 ? from / (from - to) : 0.0);
            }
            for (int i = 0; i < active.count; ++i) {
                double& multiplier = active.multiplier[i];
                const double from = multiplier, to = dual(active, i)[target];
                const bool leaves = !(to > 0) && !(from > 0 && from / (from - to) > fraction);
                multiplier = inside ? to : leaves ? -1.0 : fma(fraction, to - from, from);
            }
            for (int i = active.count - 1; i >= 0 && !inside; --i)
                if (active.multiplier[i] < 0) leave(active, i);
        }
        const double now = follow_multipliers(active, b, y);
        const bool grown = now > fma(explained, 1e-14, explained);
        explained = now;
        return grown;
    }

    /// What rounding left of the amplitudes along the active constraints goes into the multipliers.
    ARCUATE_HD void refine(Active& active, const double* b, double* y) const {
        alignas(32) double rest[Capacity], along[Capacity], change[Capacity];
        dot_rows(rest, y, active.count, [&](int i) { return row(active.index[i]); });
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) along[c] = 0;
        add_rows<false>(along, rest, active.count, [&](int i) { return dual(active, i); });
        along[target] = 0;
        dot_rows(change, along, active.count, [&](int i) { return dual(active, i); });
        for (int i = 0; i < active.count; ++i) active.multiplier[i] = dual(active, i)[target] = active.multiplier[i] - change[i];
        follow_multipliers(active, b, y);
    }

    /// y = b + B^T m; returns |B^T m|^2.
    ARCUATE_HD double follow_multipliers(const Active& active, const double* b, double* y) const {
        alignas(32) double change[Capacity];
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) change[c] = 0;
        add_rows<false>(change, active.multiplier, active.count, [&](int i) { return row(active.index[i]); });
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) y[c] = b[c] + change[c];
        return dot8(change, change, Capacity);
    }

    ARCUATE_HD const double* row(int index) const { return problem.constraint + std::int64_t{index} * Capacity; }
    ARCUATE_HD static const double* dual(const Active& active, int i) { return active.dual + i * Capacity; }
    ARCUATE_HD static double* dual(Active& active, int i) { return active.dual + i * Capacity; }

    /// out_i = row_of(i) v for i < count; what follows, to a multiple of four, is overwritten.
    template <class RowOf>
    ARCUATE_HD static void dot_rows(double* out, const double* v, int count, const RowOf& row_of) {
        for (int i = 0; i < count; i += 4) {
            const double* rows[4];
            Double4 sum[4];
            ARCUATE_UNROLL
            for (int r = 0; r < 4; ++r) rows[r] = row_of(min(i + r, count - 1)), sum[r] = Double4::all(0);
            ARCUATE_ROLLED
            for (int c = 0; c < Capacity; c += 4) {
                const Double4 here = Double4::load(v + c);
                ARCUATE_UNROLL
                for (int r = 0; r < 4; ++r) sum[r] = fma(Double4::load(rows[r] + c), here, sum[r]);
            }
            sums_of(sum, out + i);
        }
    }

    /// to += sum over i < count of scale_i row_of(i), or to -= it
    template <bool Subtract, class RowOf>
    ARCUATE_HD static void add_rows(double* to, const double* scale, int count, const RowOf& row_of) {
        ARCUATE_ROLLED
        for (int first = 0; first < Capacity; first += 48) {
            Double4 sum[12];
            ARCUATE_UNROLL
            for (int c = 0; c < 12; ++c) sum[c] = Double4::load(to + first + 4 * c);
            for (int i = 0; i < count; ++i) {
                const Double4 s = Double4::all(scale[i]);
                const double* const from = row_of(i) + first;
                ARCUATE_UNROLL
                for (int c = 0; c < 12; ++c) sum[c] = Subtract ? fnma(s, Double4::load(from + 4 * c), sum[c]) : fma(s, Double4::load(from + 4 * c), sum[c]);
            }
            ARCUATE_UNROLL
            for (int c = 0; c < 12; ++c) sum[c].store(to + first + 4 * c);
        }
    }

    /// d_i -= share_i v for every active row.
    ARCUATE_HD static void take_away(Active& active, const double* share, const double* v) {
        ARCUATE_ROLLED
        for (int first = 0; first < Capacity; first += 48) {
            Double4 here[12];
            ARCUATE_UNROLL
            for (int c = 0; c < 12; ++c) here[c] = Double4::load(v + first + 4 * c);
            for (int i = 0; i < active.count; ++i) {
                const Double4 s = Double4::all(share[i]);
                double* const to = dual(active, i) + first;
                ARCUATE_UNROLL
                for (int c = 0; c < 12; ++c) fnma(s, here[c], Double4::load(to + 4 * c)).store(to + 4 * c);
            }
        }
    }
};

}  // namespace arcuate::kernels
