// The face of the cone that ConeFace (kernels/cone_face.hpp) describes, found from the products of the constraints with each other alone.
//
// With G = B B^T, the multipliers that put the active amplitudes at zero are -(G_AA)^-1 times those of the point. The inverse is kept: one constraint more
// or less is a change of rank one, of as many rows and columns as constraints are active, where a dual basis has as many columns as there are unknowns.
// The price is digits: a constraint whose part across the others has the square s costs 1 / s of them, so one that is nearly dependent stays out.
#pragma once

#include "kernels/team_sums.hpp"

namespace arcuate::kernels {

/// What a face holds, in memory that a team shares.
template <int Capacity>
struct GramFaceRoom {
    std::int16_t index[Capacity];                     ///< which constraints are active, in any order
    alignas(32) double multiplier[Capacity];          ///< >= 0
    alignas(32) double target[Capacity];              ///< multipliers that put the active amplitudes at zero; zero beyond `count`
    double before[Capacity];                          ///< active amplitudes of the point
    alignas(32) double inverse[Capacity * Capacity];  ///< of G_AA; zero beyond `count`
    alignas(32) double along[Capacity], share[Capacity];  ///< of one call
};

/// Capacity: a multiple of 48, more than the unknowns. All of a team call, and all know the same. A GPU keeps the face's own members in local memory whatever is inlined, so
/// calls of join() and settle() cost little there.
template <int Capacity, class Team = Team<1>>
struct GramFace {
    /// A constraint whose part across the active ones is shorter than the root of this stays out.
    static constexpr double least_square = 1e-7;
    /// |b - y|^2 has grown where it is larger by more than this share.
    static constexpr double growth = 1e-14;
    /// The least double above 0: what is below it is not above 0.
    static constexpr double smallest = 0x1p-1074;

    Team team{};
    GramFaceRoom<Capacity>* room;
    const double* gram;                            ///< (constraints, constraints) G, its diagonal 1
    int constraints;
    int unknowns;
    int count;                                     ///< of active constraints
    double explained;                              ///< |b - y|^2 when the face was last settled or corrected

    ARCUATE_HD void begin(GramFaceRoom<Capacity>& in, const double* products, int rows, int coefficients) {
        room = &in;
        gram = products;
        constraints = rows;
        unknowns = coefficients;
        count = 0;
        explained = 0;
        team.over(Capacity, [&](int i) { in.multiplier[i] = in.target[i] = 0; });
        team.over(Capacity * Capacity / 4, [&](int i) { Double4::all(0).store(in.inverse + 4 * i); });
    }

    /// Takes a constraint in unless it depends on the active ones or is kept by their planes already. `amplitude`: the point's.
    ARCUATE_APART void join(int which, double amplitude) {
        const int k = count;
        if (k == unknowns) return;
        auto& r = *room;
        const double* const products = gram + std::int64_t{which} * constraints;
        team.over(round_up(k), [&](int i) { r.along[i] = i < k ? products[r.index[i]] : 0; });
        multiply(r.along, k, r.share);
        const double violation = -(amplitude + dot(team, r.target, r.along, k)), square = 1 - dot(team, r.share, r.along, k);
        if (!(square > least_square && violation > 0)) return;
        const double scale = 1.0 / square;
        team.over(round_up(k + 1) - k, [&](int i) { r.share[k + i] = i == 0 ? -1 : 0; });  // the new row and column are zero as yet
        add_square(r.share, scale, k + 1);
        add_scaled(r.target, r.share, -scale * violation, round_up(k + 1));
        team.once([&] {
            r.index[k] = static_cast<std::int16_t>(which);
            r.before[k] = amplitude;
            r.multiplier[k] = 0;
        });
        count = k + 1;
    }

    /// Takes a constraint out; the last one moves to its place.
    ARCUATE_HD void leave(int position) {
        auto& r = *room;
        const int last = --count;
        double* const place = r.inverse + position * Capacity;
        double* const end = r.inverse + last * Capacity;
        double* const out = r.share;
        const double scale = -1.0 / place[position], aimed = r.target[position], corner = end[last];
        team.over(round_up(last), [&](int c) { out[c] = c >= last ? 0 : place[c == position ? last : c]; });
        // The last row and column come in the place of those that leave.
        team.over(last + 1, [&](int c) {
            if (c < last) place[c] = c == position ? corner : end[c];
            end[c] = 0;
        });
        team.over(last, [&](int i) {
            r.inverse[i * Capacity + position] = place[i];
            r.inverse[i * Capacity + last] = 0;
        });
        team.once([&] {
            r.index[position] = r.index[last];
            r.multiplier[position] = r.multiplier[last];
            r.target[position] = r.target[last];
            r.target[last] = 0;
            r.before[position] = r.before[last];
        });
        add_square(out, scale, last);
        add_scaled(r.target, out, scale * aimed, round_up(last));
    }

    /// Brings the multipliers to their targets; constraints whose multiplier would not stay positive leave. True where |b - y|^2 has grown.
    ARCUATE_APART bool settle() {
        auto& r = *room;
        for (bool inside = false; !inside;) {
            double fraction = 1;  // of the way; where a multiplier on its way becomes 0
            const auto until = [&](int i) { return r.multiplier[i] > 0 ? r.multiplier[i] / (r.multiplier[i] - r.target[i]) : 0.0; };
            std::uint32_t leaving[(Capacity + 31) / 32];
            inside = true;
            for (int first = 0; first < count; first += 32) {
                leaving[first / 32] = turning(first);
                for (std::uint32_t bits = leaving[first / 32]; bits; bits &= bits - 1) {
                    inside = false;
                    fraction = min(fraction, until(first + lowest_bit(bits)));
                }
            }
            for (int first = 0; first < count; first += 32)
                for (std::uint32_t bits = leaving[first / 32]; bits; bits &= bits - 1)
                    if (!(until(first + lowest_bit(bits)) <= fraction)) leaving[first / 32] &= ~(bits & (0u - bits));
            team.wait();
            const int all = count;
            team.over(all, [&](int i) { r.multiplier[i] = inside ? r.target[i] : fma(fraction, r.target[i] - r.multiplier[i], r.multiplier[i]); });
            // From the last on: the one that comes in the place of another stays.
            for (int first = (all - 1) / 32 * 32; first >= 0 && all > 0; first -= 32)
                for (int i = min(31, all - 1 - first); i >= 0; --i)
                    if (leaving[first / 32] >> i & 1u) leave(first + i);
        }
        const double last = explained;
        explain();
        return explained > fma(last, growth, last);
    }

    /// Takes off the multipliers what is left of the active amplitudes, `rest` (count).
    ARCUATE_HD void correct(const double* rest) {
        auto& r = *room;
        multiply(rest, count, r.share);
        team.over(count, [&](int i) { r.multiplier[i] = r.target[i] = r.multiplier[i] - r.share[i]; });
        explain();
    }

  private:
    /// Of 32 active constraints from `first` on a bit for those whose target is not above 0.
    ARCUATE_HD std::uint32_t turning(int first) const {
        const double* const target = room->target + first;
        const int n = min(32, count - first);
        if constexpr (Team::lanes == 1) {
            std::uint32_t bits = 0;
            for (int i = 0; i < n; i += 4) bits |= static_cast<std::uint32_t>(Double4::load(target + i).below(Double4::all(smallest))) << i;
            return n < 32 ? bits & ((1u << n) - 1u) : bits;
        } else {
            std::uint32_t bits = 0;
            for (int i = 0; i < n; i += Team::lanes) bits |= team.which([&](int k) { return i + k < n && target[i + k] < smallest; }) << i;
            return bits;
        }
    }
    /// |B^T m|^2 = m (G m), where the active part of G m is -before.
    ARCUATE_HD void explain() {
        explained = 0;
        for (int i = 0; i < count; ++i) explained = fma(-room->multiplier[i], room->before[i], explained);
    }

    ARCUATE_HD static int round_up(int n) { return (n + 7) / 8 * 8; }

    /// to += scale from, n a multiple of four.
    ARCUATE_HD void add_scaled(double* to, const double* from, double scale, int n) const {
        add_rows(team, to, n, 1, [&](int) { return scale; }, [&](int) { return from; });
    }

    /// Calls body(first, std::integral_constant<int, m>): m times eight columns from `first` on, for all of n columns.
    template <class Body>
    ARCUATE_HD static void for_columns(int n, const Body& body) {
        for (int first = 0; first < n; first += 48) switch (min(n - first + 7, 48) / 8) {
            case 1: body(first, std::integral_constant<int, 1>{}); break;
            case 2: body(first, std::integral_constant<int, 2>{}); break;
            case 3: body(first, std::integral_constant<int, 3>{}); break;
            case 4: body(first, std::integral_constant<int, 4>{}); break;
            case 5: body(first, std::integral_constant<int, 5>{}); break;
            default: body(first, std::integral_constant<int, 6>{});
        }
    }
    /// out = inverse of; what follows, to a multiple of eight, is zero.
    ARCUATE_HD void multiply(const double* of, int n, double* out) const {
        const double* const inverse = room->inverse;
        if constexpr (Team::lanes == 1) {
            for_columns(n, [&](int first, auto blocks) {
                constexpr int m = 2 * decltype(blocks)::value;
                Double4 sum[m];
                ARCUATE_UNROLL
                for (int c = 0; c < m; ++c) sum[c] = Double4::all(0);
                ARCUATE_ROLLED
                for (int i = 0; i < n; ++i) {
                    const Double4 here = Double4::all(of[i]);
                    const double* const from = inverse + i * Capacity + first;
                    ARCUATE_UNROLL
                    for (int c = 0; c < m; ++c) sum[c] = fma(Double4::load(from + 4 * c), here, sum[c]);
                }
                ARCUATE_UNROLL
                for (int c = 0; c < m; ++c) sum[c].store(out + first + 4 * c);
            });
        } else {
            team.over(round_up(n), [&](int c) {
                double sum = 0;
                for (int i = 0; i < n; ++i) sum = fma(inverse[i * Capacity + c], of[i], sum);
                out[c] = sum;
            });
        }
    }

    /// inverse += scale of of^T; `of` has n values and zeros to a multiple of eight.
    ARCUATE_HD void add_square(const double* of, double scale, int n) const {
        double* const inverse = room->inverse;
        if constexpr (Team::lanes == 1) {
            for_columns(n, [&](int first, auto blocks) {
                constexpr int m = 2 * decltype(blocks)::value;
                Double4 all[m];
                ARCUATE_UNROLL
                for (int c = 0; c < m; ++c) all[c] = Double4::load(of + first + 4 * c);
                ARCUATE_ROLLED
                for (int i = 0; i < n; ++i) {
                    const Double4 here = Double4::all(of[i] * scale);
                    double* const to = inverse + i * Capacity + first;
                    ARCUATE_UNROLL
                    for (int c = 0; c < m; ++c) fma(here, all[c], Double4::load(to + 4 * c)).store(to + 4 * c);
                }
            });
        } else {
            team.over(n, [&](int c) {
                const double own = of[c];
                for (int i = 0; i < n; ++i) inverse[i * Capacity + c] = fma(of[i] * scale, own, inverse[i * Capacity + c]);
            });
        }
    }
};

}  // namespace arcuate::kernels
