// Multi-tissue spherical deconvolution of one voxel with hard non-negativity (Jeurissen et al. 2014, NeuroImage 103:411).
//
//     minimise |C x - s|^2  subject to  A x >= 0,    x: the coefficients of all tissues, A: amplitudes of the FODs along a dense set of directions
//
// With C^T C = L L^T and y = L^T x this is the projection of b = L^-1 C^T s onto the cone B y >= 0, B = A L^-T. It is found by the dual
// active-set method (Goldfarb & Idnani 1983, Math Program 27:1; on a cone it is Lawson & Hanson's NNLS of the multipliers): the most
// violated constraint joins, those whose multiplier would turn negative leave, until none is violated. The active rows of B are kept as
// Q R, so that an iterate is b less its part along Q, and a row joins by orthogonalisation and leaves by plane rotations.
//
// In double: C^T C of three tissues has a condition number far above what float resolves.
#pragma once

#include "kernels/csd.hpp"
#include "kernels/math.hpp"
#include "kernels/views.hpp"

namespace arcuate::kernels {

/// What all voxels share; made by dwi/msmt.cpp. Rows have `Capacity` values, zero after the unknowns.
struct MsmtProblem {
    int volumes;
    int unknowns;                ///< coefficients of all tissues
    int constraints;             ///< padded to a multiple of 32 with rows of zeros
    int max_iterations;
    const double* project;       ///< (volumes, Capacity) s -> b
    const double* constraint;    ///< (constraints, Capacity) rows of B, unit length
    const double* constraint_t;  ///< (unknowns, constraints) its transpose
    const double* recover;       ///< (unknowns, Capacity) y -> x: row j is what y_j adds
};

/// Signals of a voxel in, coefficients of all tissues out. Capacity: a multiple of 8, more than the unknowns.
template <int Capacity>
struct EstimateMsmt {
    static constexpr int width = Capacity;

    MsmtProblem problem;
    RowsView<const float> signals;    ///< (voxels, volumes)
    RowsView<float> coefficients;     ///< (voxels, unknowns)
    CsdOutcome* outcome;              ///< (voxels)

    /// A constraint counts as violated beyond this distance, relative to |b|; an order below what float holds.
    static constexpr double tolerance = 1e-8;

    /// The active rows of B, transposed, as Q R.
    struct Active {
        int count;
        double q[Capacity * Capacity];               ///< row k: unit vector k
        double r[Capacity * (Capacity + 1) / 2];     ///< column k: k+1 values from column(k) on
        double z[Capacity];                          ///< Q^T b
        double multiplier[Capacity];                 ///< >= 0
        static constexpr int column(int k) { return k * (k + 1) / 2; }
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
        combine(problem.recover, problem.unknowns, y, x);
        for (int c = 0; c < problem.unknowns; ++c) out[c] = static_cast<float>(x[c]);
    }

    ARCUATE_HD CsdOutcome estimate(const float* signal, double* y) const {
        double b[Capacity];
        for (int c = 0; c < width; ++c) b[c] = 0;
        bool any = false;
        for (int v = 0; v < problem.volumes; ++v) {
            if (!is_finite(signal[v])) return CsdOutcome::skipped;
            const double s = static_cast<double>(max(0.0f, signal[v]));  // noise and resampling make negative signals
            any = any || s > 0;
            add_scaled(b, problem.project + v * width, s);
        }
        if (!any) return CsdOutcome::skipped;
        for (int c = 0; c < width; ++c) y[c] = b[c];
        const double slack = tolerance * sqrt(dot(b, b));
        Active active;
        active.count = 0;
        for (int iteration = 0; iteration < problem.max_iterations; ++iteration) {
            const int joining = most_violated(y, -slack);
            if (joining < 0 || !join(active, joining, y)) return CsdOutcome::converged;
            if (!settle(active, b, y)) return CsdOutcome::converged;
        }
        return CsdOutcome::not_converged;
    }

    /// The constraint of least amplitude below `bound`, the first of equals; -1 if there is none.
    ARCUATE_HD int most_violated(const double* y, double bound) const {
        int worst = -1;
        for (int d = 0; d < problem.constraints; d += 32) {
            double amplitude[32];
            ARCUATE_UNROLL
            for (int k = 0; k < 32; ++k) amplitude[k] = 0;
            const double* row = problem.constraint_t + d;
            for (int c = 0; c < problem.unknowns; ++c, row += problem.constraints) {
                const double value = y[c];
                ARCUATE_UNROLL
                for (int k = 0; k < 32; ++k) amplitude[k] = fma(row[k], value, amplitude[k]);
            }
            for (int k = 0; k < 32; ++k)
                if (amplitude[k] < bound) {
                    bound = amplitude[k];
                    worst = d + k;
                }
        }
        return worst;
    }

    /// Takes a row into the active set and moves y onto its plane. False where the row adds nothing to the others: then it was violated by rounding alone.
    ARCUATE_HD bool join(Active& active, int index, double* y) const {
        const int k = active.count;
        if (k == problem.unknowns) return false;
        double* const q = active.q + k * Capacity;
        double* const r = active.r + Active::column(k);
        const double* const row = problem.constraint + std::int64_t{index} * width;
        for (int c = 0; c < width; ++c) q[c] = row[c];
        for (int i = 0; i < k; ++i) r[i] = 0;
        for (int pass = 0; pass < 2; ++pass) {  // classical Gram-Schmidt, twice: enough (Giraud et al. 2005)
            double along[Capacity];
            for (int i = 0; i < k; ++i) along[i] = dot(active.q + i * Capacity, q);
            for (int i = 0; i < k; ++i) {
                r[i] = r[i] + along[i];
                add_scaled(q, active.q + i * Capacity, -along[i]);
            }
        }
        const double length = sqrt(dot(q, q));
        if (!(length > 1e-9)) return false;
        r[k] = length;
        for (int c = 0; c < width; ++c) q[c] = q[c] / length;
        active.z[k] = dot(q, y);
        add_scaled(y, q, -active.z[k]);
        active.multiplier[k] = 0;
        active.count = k + 1;
        return true;
    }

    /// Brings the multipliers to those of the active set; rows whose multiplier would not stay positive leave. False where the one that
    /// joined last would leave at once: rounding decides, and y is as good as it gets.
    ARCUATE_HD bool settle(Active& active, const double* b, double* y) const {
        bool moved = false;
        for (bool first = true;; first = false) {
            double target[Capacity];
            solve_multipliers(active, target);
            double fraction = 1;
            int leaving = -1;
            for (int i = 0; i < active.count; ++i)
                if (!(target[i] > 0)) {
                    const double reach = active.multiplier[i] / (active.multiplier[i] - target[i]);
                    if (leaving < 0 || reach < fraction) {
                        fraction = reach;
                        leaving = i;
                    }
                }
            const bool newcomer_leaves = first && leaving == active.count - 1;
            for (int i = 0; i < active.count; ++i)
                active.multiplier[i] = leaving < 0 ? target[i] : fma(fraction, target[i] - active.multiplier[i], active.multiplier[i]);
            if (leaving < 0) break;
            leave(active, leaving);
            moved = true;
            if (newcomer_leaves) {
                restart(active, b, y);
                return false;
            }
        }
        if (moved) restart(active, b, y);
        return true;
    }

    /// R multiplier = -z
    ARCUATE_HD void solve_multipliers(const Active& active, double* out) const {
        for (int i = 0; i < active.count; ++i) out[i] = -active.z[i];
        for (int k = active.count - 1; k >= 0; --k) {
            const double* const r = active.r + Active::column(k);
            out[k] = out[k] / r[k];
            for (int i = 0; i < k; ++i) out[i] = fma(-r[i], out[k], out[i]);
        }
    }

    /// Takes row `gone` out: rotations of neighbouring vectors make the rest triangular again.
    ARCUATE_HD void leave(Active& active, int gone) const {
        double cosine[Capacity], sine[Capacity];
        for (int k = gone + 1; k < active.count; ++k) {
            const double* const from = active.r + Active::column(k);
            double* const to = active.r + Active::column(k - 1);
            double carried = from[gone];
            for (int i = 0; i < gone; ++i) to[i] = from[i];
            for (int i = gone; i < k - 1; ++i) {
                const double a = carried, c = from[i + 1];
                to[i] = fma(cosine[i], a, sine[i] * c);
                carried = fma(cosine[i], c, -(sine[i] * a));
            }
            const double a = carried, c = from[k], length = sqrt(fma(a, a, c * c));
            const double cs = a / length, sn = c / length;
            cosine[k - 1] = cs;
            sine[k - 1] = sn;
            to[k - 1] = length;
            double* const p = active.q + (k - 1) * Capacity;
            double* const q = active.q + k * Capacity;
            for (int j = 0; j < width; ++j) {
                const double u = p[j], v = q[j];
                p[j] = fma(cs, u, sn * v);
                q[j] = fma(cs, v, -(sn * u));
            }
            const double u = active.z[k - 1], v = active.z[k];
            active.z[k - 1] = fma(cs, u, sn * v);
            active.z[k] = fma(cs, v, -(sn * u));
            active.multiplier[k - 1] = active.multiplier[k];
        }
        active.count = active.count - 1;
    }

    /// y = b - Q z
    ARCUATE_HD void restart(const Active& active, const double* b, double* y) const {
        for (int c = 0; c < width; ++c) y[c] = b[c];
        for (int i = 0; i < active.count; ++i) add_scaled(y, active.q + i * Capacity, -active.z[i]);
    }

    /// out = sum_j y_j row_j
    ARCUATE_HD void combine(const double* rows, int count, const double* y, double* out) const {
        for (int c = 0; c < width; ++c) out[c] = 0;
        for (int j = 0; j < count; ++j) add_scaled(out, rows + j * width, y[j]);
    }

    ARCUATE_HD void add_scaled(double* to, const double* from, double scale) const {
        for (int c = 0; c < width; c += 8) {
            ARCUATE_UNROLL
            for (int k = 0; k < 8; ++k) to[c + k] = fma(from[c + k], scale, to[c + k]);
        }
    }

    /// Eight interleaved partial sums, then a fixed tree.
    ARCUATE_HD double dot(const double* a, const double* b) const {
        double part[8] = {0, 0, 0, 0, 0, 0, 0, 0};
        for (int c = 0; c < width; c += 8) {
            ARCUATE_UNROLL
            for (int k = 0; k < 8; ++k) part[k] = fma(a[c + k], b[c + k], part[k]);
        }
        return ((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7]));
    }
};

}  // namespace arcuate::kernels
