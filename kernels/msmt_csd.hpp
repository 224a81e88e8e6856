// Multi-tissue spherical deconvolution of one voxel with hard non-negativity (Jeurissen et al. 2014, NeuroImage 103:411).
//
//     minimise |C x - s|^2  subject to  A x >= 0,    x: the coefficients of all tissues, A: amplitudes of the FODs along a dense set of directions
//
// With C^T C = L L^T and y = L^T x this is the projection of b = L^-1 C^T s onto the cone B y >= 0, B = A L^-T, whose rows are scaled to
// unit length. By duality y = b + B^T m, where the multipliers m >= 0 minimise |b + B^T m|: the non-negative least squares of Lawson & Hanson (1974,
// ch. 23). Each round takes in, instead of the most violated constraint alone, every violated one that is the worst in its neighbourhood; where
// none of them stays, the most violated alone, which always makes progress.
//
// The face of the cone on which the projection lies is found by the products of the constraints (kernels/gram_face.hpp) and, where these do not resolve it, by the
// constraints themselves (kernels/cone_face.hpp). The search for violated constraints is in float, and what it finds near the bound is decided in double.
#pragma once

#include "kernels/cone_face.hpp"
#include "kernels/csd.hpp"
#include "kernels/gram_face.hpp"
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
    const float* constraint_t;   ///< (unknowns, constraints) its transpose in float
    const double* gram;          ///< (constraints, constraints) B B^T
    const float* gram_f;         ///< the same in float
    const std::int16_t* near;    ///< (constraints, msmt_neighbours) the rows most parallel to each; itself where there are fewer
    const double* recover;       ///< (unknowns, Capacity) y -> x: row j is what y_j adds
};

/// Signals of a voxel in, coefficients of all tissues out. Capacity: a multiple of 48, more than the unknowns.
template <int Capacity>
struct EstimateMsmt {
    using Face = ConeFace<Capacity>;

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
    /// Amplitudes are sums over the active constraints, which are fewer than the unknowns, where one is violated by more than this, relative to |b|: such sums have errors
    /// of 2^-24 times all multipliers.
    static constexpr float clear = 2e-5f;

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
        for (int j = 0; j < problem.unknowns; ++j) add_scaled4(x, problem.recover + j * Capacity, y[j], Capacity);
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
        const double length = sqrt(Face::dot(b, b));
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) y[c] = b[c] = length > 0 ? b[c] / length : 0.0;
        const CsdOutcome end = project(b, y);
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) y[c] = y[c] * length;
        return end;
    }

    /// y, which is b, becomes b's projection onto the cone; |b| = 1.
    ARCUATE_HD CsdOutcome project(const double* b, double* y) const {
        alignas(32) float amplitude[csd_max_directions], start[csd_max_directions];
        GramFace<Capacity> face;
        face.begin(problem.gram, problem.constraints, problem.unknowns);
        const auto join = [&](int d) { face.join(d, Face::dot(constraint(d), b)); };
        float least = scan(y, start);
        ARCUATE_ROLLED
        for (int d = 0; d < problem.constraints; ++d) amplitude[d] = start[d];
        for (int iteration = 0; iteration < problem.max_iterations; ++iteration) {
            if (least > -clear) {
                go_to(face, b, y);
                correct(face, b, y);
                least = find_amplitudes(y, amplitude);
                if (least >= 0) {
                    correct(face, b, y);
                    return CsdOutcome::converged;
                }
            }
            const int worst = for_each_joining(amplitude, least, join);
            if (!face.settle()) {
                join(worst);
                if (!face.settle()) return project_carefully(face, b, y);
            }
            if (least <= -clear) least = add_up(face, start, amplitude);
        }
        return CsdOutcome::not_converged;
    }

    /// The same from the face where nearly dependent constraints stopped GramFace.
    ARCUATE_APART CsdOutcome project_carefully(const GramFace<Capacity>& from, const double* b, double* y) const {
        alignas(32) float amplitude[csd_max_directions];
        Face face;
        face.begin(problem.constraint, b, problem.unknowns);
        for (int i = 0; i < from.count; ++i) face.join(from.index[i], from.multiplier[i]);
        face.settle(y);
        bool refined = false;
        for (int iteration = 0; iteration < problem.max_iterations; ++iteration) {
            const float least = find_amplitudes(y, amplitude);
            if (least >= 0) {
                if (face.count > 0 && !refined) face.refine(y);
                return CsdOutcome::converged;
            }
            const int worst = for_each_joining(amplitude, least, [&](int d) { face.join(d, 0); });
            if (face.settle(y)) continue;
            face.join(worst, 0);
            if (face.settle(y)) continue;
            // Even the most violated one leaves at once: rounding decides, and y is as good as it gets after a step of iterative refinement.
            if (refined) return CsdOutcome::converged;
            face.refine(y);
            refined = true;
        }
        return CsdOutcome::not_converged;
    }

    ARCUATE_HD const double* constraint(int which) const { return problem.constraint + std::int64_t{which} * Capacity; }

    /// y = b + B^T m.
    ARCUATE_HD void go_to(const GramFace<Capacity>& face, const double* b, double* y) const {
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) y[c] = b[c];
        for (int i = 0; i < face.count; ++i) add_scaled4(y, constraint(face.index[i]), face.multiplier[i], Capacity);
    }

    /// What rounding left of the active amplitudes of y goes into the multipliers, and y to where these say.
    ARCUATE_HD void correct(GramFace<Capacity>& face, const double* b, double* y) const {
        double rest[Capacity];
        for (int i = 0; i < face.count; ++i) rest[i] = Face::dot(constraint(face.index[i]), y);
        face.correct(rest);
        go_to(face, b, y);
    }

    /// Amplitudes along every direction, from those of the point; returns the least of them, or 0.
    ARCUATE_HD float add_up(const GramFace<Capacity>& face, const float* start, float* amplitude) const {
        float multiplier[Capacity];
        for (int i = 0; i < face.count; ++i) multiplier[i] = static_cast<float>(face.multiplier[i]);
        return sums_of_rows(start, face.count, amplitude, [&](int i) { return multiplier[i]; }, [&](int i) { return problem.gram_f + std::int64_t{face.index[i]} * problem.constraints; });
    }

    /// Calls body(d) for the constraints that join in a round; returns the most violated one.
    template <class Body>
    ARCUATE_HD int for_each_joining(const float* amplitude, float least, const Body& body) const {
        int worst = -1;
        for_each_below(amplitude, at_least * least, [&](int d) {
            if (worst < 0 && amplitude[d] == least) worst = d;
            if (is_worst_nearby(amplitude, d)) body(d);
        });
        return worst;
    }

    /// Amplitudes along every direction, 0 for those that the tolerance forgives; returns the least of them, or 0.
    ARCUATE_HD float find_amplitudes(const double* y, float* amplitude) const {
        const float rough = scan(y, amplitude);
        if (rough < -4 * uncertainty) return rough;
        float exact = 0;
        for_each_below(amplitude, uncertainty, [&](int d) {
            const double here = Face::dot(constraint(d), y);
            amplitude[d] = here < -tolerance ? static_cast<float>(here) : 0.0f;
            exact = min(exact, amplitude[d]);
        });
        return exact;
    }

    /// Amplitudes along every direction in float; returns the least of them, or 0.
    ARCUATE_HD float scan(const double* y, float* amplitude) const {
        return sums_of_rows(nullptr, problem.unknowns, amplitude, [&](int c) { return static_cast<float>(y[c]); },
                            [&](int c) { return problem.constraint_t + std::int64_t{c} * problem.constraints; });
    }

    /// out = start (nullptr: 0) + sum over i < n of scale_of(i) row_of(i); returns the least of it, or 0.
    template <class ScaleOf, class RowOf>
    ARCUATE_HD float sums_of_rows(const float* start, int n, float* out, const ScaleOf& scale_of, const RowOf& row_of) const {
        Float8 least = Float8::all(0);
        for (int d = 0; d < problem.constraints; d += 64) {
            Float8 sum[8];
            ARCUATE_UNROLL
            for (int k = 0; k < 8; ++k) sum[k] = start ? Float8::load(start + d + 8 * k) : Float8::all(0);
            ARCUATE_ROLLED
            for (int i = 0; i < n; ++i) {
                const Float8 here = Float8::all(scale_of(i));
                const float* const row = row_of(i) + d;
                ARCUATE_UNROLL
                for (int k = 0; k < 8; ++k) sum[k] = fma(Float8::load(row + 8 * k), here, sum[k]);
            }
            ARCUATE_UNROLL
            for (int k = 0; k < 8; ++k) {
                sum[k].store(out + d + 8 * k);
                least = min(sum[k], least);
            }
        }
        return least_of(least);
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
};

}  // namespace arcuate::kernels
