// Multi-tissue spherical deconvolution of one voxel with hard non-negativity (Jeurissen et al. 2014, NeuroImage 103:411).
//
//     minimise |C x - s|^2  subject to  A x >= 0,    x: the coefficients of all tissues, A: amplitudes of the FODs along a dense set of directions
//
// With C^T C = L L^T and y = L^T x this is the projection of b = L^-1 C^T s onto the cone B y >= 0, B = A L^-T, whose rows are scaled to
// unit length. By duality y = b + B^T m, where the multipliers m >= 0 minimise |b + B^T m|: the non-negative least squares of Lawson & Hanson (1974,
// ch. 23). Each round takes in, instead of the most violated constraint alone, every violated one that is the worst in its neighbourhood; where
// none of them stays, the most violated alone, which always makes progress.
//
// The face of the cone on which the projection lies (kernels/cone_face.hpp) is first sought in float, where rounds are cheap, and then found from there in double:
// C^T C of three tissues has a condition number far above what float resolves. The search for violated constraints is in float, too,
// and what it finds near the bound is decided in double.
#pragma once

#include "kernels/cone_face.hpp"
#include "kernels/csd.hpp"
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
    const float* constraint_f;   ///< (constraints, Capacity) the same in float
    const float* constraint_t;   ///< (unknowns, constraints) its transpose
    const std::int16_t* near;    ///< (constraints, msmt_neighbours) the rows most parallel to each; itself where there are fewer
    const double* recover;       ///< (unknowns, Capacity) y -> x: row j is what y_j adds
};

/// Signals of a voxel in, coefficients of all tissues out. Capacity: a multiple of 48, more than the unknowns.
template <int Capacity>
struct EstimateMsmt {
    using Face = ConeFace<Double4, Capacity>;

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
    /// The search in float ends where nothing is violated by more, relative to |b|.
    static constexpr float rough_tolerance = 1e-5f;

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
        alignas(32) float amplitude[csd_max_directions];
        Face face;
        face.begin(problem.constraint, b, problem.unknowns);
        {
            ConeFace<Float8, Capacity> rough;
            find_roughly(b, rough, amplitude);
            for (int i = 0; i < rough.count; ++i) face.join(rough.index[i], static_cast<double>(max(rough.multiplier[i], 0.0f)));
        }
        face.settle(y);
        bool refined = false;
        for (int iteration = 0; iteration < problem.max_iterations; ++iteration) {
            const float least = find_amplitudes(y, amplitude);
            if (least >= 0) {
                if (face.count > 0 && !refined) face.refine(y);
                return CsdOutcome::converged;
            }
            if (go_on(face, amplitude, least, y)) continue;
            // Even the most violated one leaves at once: rounding decides, and y is as good as it gets after a step of iterative refinement.
            if (refined) return CsdOutcome::converged;
            face.refine(y);
            refined = true;
        }
        return CsdOutcome::not_converged;
    }

    /// The face as float finds it, until rounding decides.
    ARCUATE_HD void find_roughly(const double* b, ConeFace<Float8, Capacity>& face, float* amplitude) const {
        alignas(32) float point[Capacity], y[Capacity];
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) y[c] = point[c] = static_cast<float>(b[c]);
        face.begin(problem.constraint_f, point, problem.unknowns);
        for (int iteration = 0; iteration < problem.max_iterations; ++iteration) {
            const float least = scan(y, amplitude);
            if (!(least < -rough_tolerance && go_on(face, amplitude, least, y))) return;
        }
    }

    /// One round: takes violated constraints in, and y to where the face says. False where not even the most violated one stays.
    template <class AnyFace, class T>
    ARCUATE_HD bool go_on(AnyFace& face, const float* amplitude, float least, T* y) const {
        int worst = -1;
        for_each_below(amplitude, at_least * least, [&](int d) {
            if (worst < 0 && amplitude[d] == least) worst = d;
            if (is_worst_nearby(amplitude, d)) face.join(d, 0);
        });
        if (face.settle(y)) return true;
        face.join(worst, 0);
        return face.settle(y);
    }

    /// Amplitudes along every direction, 0 for those that the tolerance forgives; returns the least of them, or 0.
    ARCUATE_HD float find_amplitudes(const double* y, float* amplitude) const {
        float value[Capacity];
        for (int c = 0; c < problem.unknowns; ++c) value[c] = static_cast<float>(y[c]);
        const float rough = scan(value, amplitude);
        if (rough < -4 * uncertainty) return rough;
        float exact = 0;
        for_each_below(amplitude, uncertainty, [&](int d) {
            const double here = Face::dot(problem.constraint + std::int64_t{d} * Capacity, y);
            amplitude[d] = here < -tolerance ? static_cast<float>(here) : 0.0f;
            exact = min(exact, amplitude[d]);
        });
        return exact;
    }

    /// Amplitudes along every direction in float; returns the least of them, or 0.
    ARCUATE_HD float scan(const float* y, float* amplitude) const {
        Float8 least = Float8::all(0);
        for (int d = 0; d < problem.constraints; d += 64) {
            Float8 sum[8];
            ARCUATE_UNROLL
            for (int k = 0; k < 8; ++k) sum[k] = Float8::all(0);
            const float* across = problem.constraint_t + d;
            ARCUATE_ROLLED
            for (int c = 0; c < problem.unknowns; ++c, across += problem.constraints) {
                const Float8 here = Float8::all(y[c]);
                ARCUATE_UNROLL
                for (int k = 0; k < 8; ++k) sum[k] = fma(Float8::load(across + 8 * k), here, sum[k]);
            }
            ARCUATE_UNROLL
            for (int k = 0; k < 8; ++k) {
                sum[k].store(amplitude + d + 8 * k);
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
