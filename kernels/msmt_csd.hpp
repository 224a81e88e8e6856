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
#include "kernels/team_sums.hpp"
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

/// Where a team works on a voxel, in memory that it shares.
template <int Capacity>
struct MsmtRoom {
    GramFaceRoom<Capacity> active;
    alignas(32) double b[Capacity], y[Capacity], x[Capacity];
    float scale[Capacity];
    alignas(32) float amplitude[csd_max_directions], start[csd_max_directions];
    ConeFace<Capacity> careful;
};

/// Signals of a voxel in, coefficients of all tissues out, by a team: the lanes of a warp take columns, or directions. Capacity: a multiple of 48, more than the unknowns.
template <int Capacity>
struct EstimateMsmt {
    static constexpr int team_lanes = 32, thread_registers = few_registers;
    using Room = MsmtRoom<Capacity>;

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

    ARCUATE_HD void operator()(std::int64_t voxel, Room& room) const { estimate(Crew<team_lanes>{}, voxel, room); }

    template <class Team>
    ARCUATE_HD void estimate(const Team& team, std::int64_t voxel, Room& room) const {
        const CsdOutcome end = of_signal(team, signals.row(voxel), room);
        float* const out = coefficients.row(voxel);
        team.once([&] { outcome[voxel] = end; });
        if (end == CsdOutcome::skipped) {
            team.over(problem.unknowns, [&](int c) { out[c] = 0.0f; });
            return;
        }
        team.over(Capacity, [&](int c) { room.x[c] = 0; });
        add_rows(team, room.x, Capacity, problem.unknowns, [&](int j) { return room.y[j]; }, [&](int j) { return problem.recover + j * Capacity; });
        team.over(problem.unknowns, [&](int c) { out[c] = static_cast<float>(room.x[c]); });
    }

  private:
    /// To y.
    template <class Team>
    ARCUATE_HD CsdOutcome of_signal(const Team& team, const float* signal, Room& room) const {
        bool any = false;
        for (int v = 0; v < problem.volumes; ++v) {
            if (!is_finite(signal[v])) return CsdOutcome::skipped;
            any = any || signal[v] > 0;
        }
        if (!any) return CsdOutcome::skipped;
        team.over(Capacity, [&](int c) { room.b[c] = 0; });
        add_rows(team, room.b, Capacity, problem.volumes, [&](int v) { return static_cast<double>(max(0.0f, signal[v])); },  // noise and resampling make negative signals
                 [&](int v) { return problem.project + v * Capacity; });
        const double length = sqrt(dot(team, room.b, room.b, Capacity));
        team.over(Capacity, [&](int c) { room.y[c] = room.b[c] = length > 0 ? room.b[c] / length : 0.0; });
        const CsdOutcome end = project(team, room);
        team.over(Capacity, [&](int c) { room.y[c] = room.y[c] * length; });
        return end;
    }

    /// y, which is b, becomes b's projection onto the cone; |b| = 1.
    template <class Team>
    ARCUATE_HD CsdOutcome project(const Team& team, Room& room) const {
        GramFace<Capacity, Team> face;
        face.begin(room.active, problem.gram, problem.constraints, problem.unknowns);
        const auto join = [&](int d) { face.join(d, dot(team, constraint(d), room.b, Capacity)); };
        float least = scan(team, room, room.start);
        team.over(problem.constraints, [&](int d) { room.amplitude[d] = room.start[d]; });
        for (int iteration = 0; iteration < problem.max_iterations; ++iteration) {
            if (least > -clear) {
                go_to(team, face, room);
                correct(team, face, room);
                least = find_amplitudes(team, room);
                if (least >= 0) {
                    correct(team, face, room);
                    return CsdOutcome::converged;
                }
            }
            const int worst = for_each_joining(team, room.amplitude, least, join);
            if (!face.settle()) {
                join(worst);
                if (!face.settle()) {
                    // Few come here: one thread for all.
                    CsdOutcome end{};
                    team.once([&] { end = project_carefully(room, face.count); });
                    return static_cast<CsdOutcome>(team.of(team.each([&](int) { return static_cast<int>(end); }), 0));
                }
            }
            if (least <= -clear) least = add_up(team, face, room);
        }
        return CsdOutcome::not_converged;
    }

    /// The same from the face where nearly dependent constraints stopped GramFace, by one thread.
    ARCUATE_APART CsdOutcome project_carefully(Room& room, int active) const {
        constexpr Team<1> alone;
        auto& face = room.careful;
        face.begin(problem.constraint, room.b, problem.unknowns);
        for (int i = 0; i < active; ++i) face.join(room.active.index[i], room.active.multiplier[i]);
        face.settle(room.y);
        bool refined = false;
        for (int iteration = 0; iteration < problem.max_iterations; ++iteration) {
            const float least = find_amplitudes(alone, room);
            if (least >= 0) {
                if (face.count > 0 && !refined) face.refine(room.y);
                return CsdOutcome::converged;
            }
            const int worst = for_each_joining(alone, room.amplitude, least, [&](int d) { face.join(d, 0); });
            if (face.settle(room.y)) continue;
            face.join(worst, 0);
            if (face.settle(room.y)) continue;
            // Even the most violated one leaves at once: rounding decides, and y is as good as it gets after a step of iterative refinement.
            if (refined) return CsdOutcome::converged;
            face.refine(room.y);
            refined = true;
        }
        return CsdOutcome::not_converged;
    }

    ARCUATE_HD const double* constraint(int which) const { return problem.constraint + std::int64_t{which} * Capacity; }
    /// By one thread.
    ARCUATE_HD double amplitude_of(int which, const double* y) const { return dot(Team<1>{}, constraint(which), y, Capacity); }

    /// y = b + B^T m.
    template <class Team>
    ARCUATE_HD void go_to(const Team& team, const GramFace<Capacity, Team>& face, Room& room) const {
        team.over(Capacity, [&](int c) { room.y[c] = room.b[c]; });
        add_rows(team, room.y, Capacity, face.count, [&](int i) { return room.active.multiplier[i]; }, [&](int i) { return constraint(room.active.index[i]); });
    }

    /// What rounding left of the active amplitudes of y goes into the multipliers, and y to where these say.
    template <class Team>
    ARCUATE_HD void correct(const Team& team, GramFace<Capacity, Team>& face, Room& room) const {
        team.over(face.count, [&](int i) { room.x[i] = amplitude_of(room.active.index[i], room.y); });
        face.correct(room.x);
        go_to(team, face, room);
    }

    /// Amplitudes along every direction, from those of the point; returns the least of them, or 0.
    template <class Team>
    ARCUATE_HD float add_up(const Team& team, const GramFace<Capacity, Team>& face, Room& room) const {
        team.over(face.count, [&](int i) { room.scale[i] = static_cast<float>(room.active.multiplier[i]); });
        return sums_of_rows(team, room.start, face.count, room.scale, room.amplitude, [&](int i) { return problem.gram_f + std::int64_t{room.active.index[i]} * problem.constraints; });
    }

    /// Calls body(d) for the constraints that join in a round, in ascending order; returns the most violated one.
    template <class Team, class Body>
    ARCUATE_HD int for_each_joining(const Team& team, const float* amplitude, float least, const Body& body) const {
        const float bound = at_least * least;
        int worst = -1;
        if constexpr (Team::lanes == 1) {
            for_each_below(amplitude, bound, [&](int d) {
                if (worst < 0 && amplitude[d] == least) worst = d;
                if (is_worst_nearby(amplitude, d)) body(d);
            });
        } else {
            static_assert(Team::lanes == 32);
            for (int first = 0; first < problem.constraints; first += 32) {
                const auto below = [&](int k) { return !(amplitude[first + k] > bound); };
                const unsigned equal = team.which([&](int k) { return below(k) && amplitude[first + k] == least; });
                if (worst < 0 && equal) worst = first + lowest_bit(equal);
                for (unsigned bits = team.which([&](int k) { return below(k) && is_worst_nearby(amplitude, first + k); }); bits; bits &= bits - 1) body(first + lowest_bit(bits));
            }
        }
        return worst;
    }

    /// Amplitudes along every direction, 0 for those that the tolerance forgives; returns the least of them, or 0.
    template <class Team>
    ARCUATE_HD float find_amplitudes(const Team& team, Room& room) const {
        const float rough = scan(team, room, room.amplitude);
        if (rough < -4 * uncertainty) return rough;
        const auto exactly = [&](int d) {
            const double here = amplitude_of(d, room.y);
            return room.amplitude[d] = here < -tolerance ? static_cast<float>(here) : 0.0f;
        };
        if constexpr (Team::lanes == 1) {
            float exact = 0;
            for_each_below(room.amplitude, uncertainty, [&](int d) { exact = min(exact, exactly(d)); });
            return exact;
        } else {
            const auto exact = team.each([&](int k) {
                float own = 0;
                for (int d = k; d < problem.constraints; d += Team::lanes)
                    if (!(room.amplitude[d] > uncertainty)) own = min(own, exactly(d));
                return own;
            });
            team.wait();
            return team.least(exact);
        }
    }

    /// Amplitudes of y along every direction in float; returns the least of them, or 0.
    template <class Team>
    ARCUATE_HD float scan(const Team& team, Room& room, float* amplitude) const {
        team.over(problem.unknowns, [&](int c) { room.scale[c] = static_cast<float>(room.y[c]); });
        return sums_of_rows(team, nullptr, problem.unknowns, room.scale, amplitude, [&](int c) { return problem.constraint_t + std::int64_t{c} * problem.constraints; });
    }

    /// out = start (nullptr: 0) + sum over i < n of scale_i row_of(i), by direction; returns the least of it, or 0.
    template <class Team, class RowOf>
    ARCUATE_HD float sums_of_rows(const Team& team, const float* start, int n, const float* scale, float* out, const RowOf& row_of) const {
        if constexpr (Team::lanes == 1) {
            Float8 least = Float8::all(0);
            for (int d = 0; d < problem.constraints; d += 64) {
                Float8 sum[8];
                ARCUATE_UNROLL
                for (int k = 0; k < 8; ++k) sum[k] = start ? Float8::load(start + d + 8 * k) : Float8::all(0);
                ARCUATE_ROLLED
                for (int i = 0; i < n; ++i) {
                    const Float8 here = Float8::all(scale[i]);
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
        } else {
            static_assert(Team::lanes == 32);
            const auto least = team.each([&](int k) {
                float own = 0;
                for (int d = k; d < problem.constraints; d += 64) {
                    float one = start ? start[d] : 0.0f, two = start ? start[d + 32] : 0.0f;
                    for (int i = 0; i < n; ++i) {
                        const float* const row = row_of(i) + d;
                        one = fma(row[0], scale[i], one);
                        two = fma(row[32], scale[i], two);
                    }
                    out[d] = one;
                    out[d + 32] = two;
                    own = min(own, min(one, two));
                }
                return own;
            });
            team.wait();
            return team.least(least);
        }
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
