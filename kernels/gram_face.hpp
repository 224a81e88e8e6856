// The face of the cone that ConeFace (kernels/cone_face.hpp) describes, found from the products of the constraints with each other alone.
//
// With G = B B^T, the multipliers that put the active amplitudes at zero are -(G_AA)^-1 times those of the point. The inverse is kept: one constraint more
// or less is a change of rank one, of as many rows and columns as constraints are active, where a dual basis has as many columns as there are unknowns.
// The price is digits: a constraint whose part across the others has the square s costs 1 / s of them, so one that is nearly dependent stays out.
#pragma once

#include "kernels/lanes.hpp"
#include "kernels/math.hpp"

namespace arcuate::kernels {

/// Capacity: a multiple of 48, more than the unknowns. A GPU keeps a face in local memory whatever is inlined, so calls of join() and settle() cost little there.
template <int Capacity>
struct GramFace {
    /// A constraint whose part across the active ones is shorter than the root of this stays out.
    static constexpr double least_square = 1e-7;
    /// |b - y|^2 has grown where it is larger by more than this share.
    static constexpr double growth = 1e-14;
    /// The least double above 0: what is below it is not above 0.
    static constexpr double smallest = 0x1p-1074;

    const double* gram;                            ///< (constraints, constraints) G, its diagonal 1
    int constraints;
    int unknowns;
    int count;                                     ///< of active constraints
    double explained;                              ///< |b - y|^2 when the face was last settled or corrected
    std::int16_t index[Capacity];                  ///< which, in any order
    alignas(32) double multiplier[Capacity];       ///< >= 0
    alignas(32) double target[Capacity];           ///< multipliers that put the active amplitudes at zero; zero beyond `count`
    double before[Capacity];                       ///< active amplitudes of the point
    alignas(32) double inverse[Capacity * Capacity];  ///< of G_AA; zero beyond `count`

    ARCUATE_HD void begin(const double* products, int rows, int coefficients) {
        gram = products;
        constraints = rows;
        unknowns = coefficients;
        count = 0;
        explained = 0;
        for (int i = 0; i < Capacity; ++i) multiplier[i] = target[i] = 0;
        ARCUATE_ROLLED
        for (int i = 0; i < Capacity * Capacity; i += 4) Double4::all(0).store(inverse + i);
    }

    /// Takes a constraint in unless it depends on the active ones or is kept by their planes already. `amplitude`: the point's.
    ARCUATE_APART void join(int which, double amplitude) {
        const int k = count;
        if (k == unknowns) return;
        alignas(32) double along[Capacity], share[Capacity];
        const double* const products = gram + std::int64_t{which} * constraints;
        for (int i = 0; i < k; ++i) along[i] = products[index[i]];
        for (int i = k; i < round_up(k); ++i) along[i] = 0;
        multiply(along, k, share);
        const double violation = -(amplitude + dot(target, along, k)), square = 1 - dot(share, along, k);
        if (!(square > least_square && violation > 0)) return;
        const double scale = 1.0 / square;
        share[k] = -1;  // the new row and column are zero as yet
        for (int i = k + 1; i < round_up(k + 1); ++i) share[i] = 0;
        add_square(share, scale, k + 1);
        add_scaled4(target, share, -scale * violation, round_up(k + 1));
        index[k] = static_cast<std::int16_t>(which);
        before[k] = amplitude;
        multiplier[k] = 0;
        count = k + 1;
    }

    /// Takes a constraint out; the last one moves to its place.
    ARCUATE_HD void leave(int position) {
        alignas(32) double out[Capacity];
        const int last = --count;
        double* const place = inverse + position * Capacity;
        double* const end = inverse + last * Capacity;
        const double scale = -1.0 / place[position], aimed = target[position];
        for (int c = 0; c < last; ++c) out[c] = place[c];
        out[position] = place[last];
        for (int c = last; c < round_up(last); ++c) out[c] = 0;
        // The last row and column come in the place of those that leave.
        for (int c = 0; c < last; ++c) place[c] = end[c], end[c] = 0;
        place[position] = end[last];
        end[last] = 0;
        for (int r = 0; r < last; ++r) {
            inverse[r * Capacity + position] = place[r];
            inverse[r * Capacity + last] = 0;
        }
        index[position] = index[last];
        multiplier[position] = multiplier[last];
        target[position] = target[last];
        target[last] = 0;
        before[position] = before[last];
        add_square(out, scale, last);
        add_scaled4(target, out, scale * aimed, round_up(last));
    }

    /// Brings the multipliers to their targets; constraints whose multiplier would not stay positive leave. True where |b - y|^2 has grown.
    ARCUATE_APART bool settle() {
        for (bool inside = false; !inside;) {
            double fraction = 1;  // of the way; where a multiplier on its way becomes 0
            const auto until = [&](int i) { return multiplier[i] > 0 ? multiplier[i] / (multiplier[i] - target[i]) : 0.0; };
            inside = true;
            for_each_turning([&](int i) {
                inside = false;
                fraction = min(fraction, until(i));
            });
            std::int16_t out[Capacity];
            int leaving = 0;
            if (!inside)
                for_each_turning([&](int i) {
                    if (until(i) <= fraction) out[leaving++] = static_cast<std::int16_t>(i);
                });
            const Double4 part = Double4::all(fraction);
            for (int i = 0; i < count; i += 4) {
                const Double4 from = Double4::load(multiplier + i), to = Double4::load(target + i);
                (inside ? to : fma(part, to - from, from)).store(multiplier + i);
            }
            while (leaving > 0) leave(out[--leaving]);
        }
        const double last = explained;
        explain();
        return explained > fma(last, growth, last);
    }

    /// Takes off the multipliers what is left of the active amplitudes, `rest` (count).
    ARCUATE_HD void correct(const double* rest) {
        alignas(32) double share[Capacity];
        multiply(rest, count, share);
        for (int i = 0; i < count; ++i) multiplier[i] = target[i] = multiplier[i] - share[i];
        explain();
    }

  private:
    /// Calls body(i) for the active constraints whose target is not above 0, in ascending order.
    template <class Body>
    ARCUATE_HD void for_each_turning(const Body& body) const {
        const Double4 least = Double4::all(smallest);
        for (int i = 0; i < count; i += 4) {
            std::uint32_t bits = static_cast<std::uint32_t>(Double4::load(target + i).below(least));
            for (; bits; bits &= bits - 1)
                if (const int turning = i + lowest_bit(bits); turning < count) body(turning);
        }
    }
    /// |B^T m|^2 = m (G m), where the active part of G m is -before.
    ARCUATE_HD void explain() {
        explained = 0;
        for (int i = 0; i < count; ++i) explained = fma(-multiplier[i], before[i], explained);
    }

    ARCUATE_HD static int round_up(int n) { return (n + 7) / 8 * 8; }

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
    /// Over n values and zeros to a multiple of eight.
    ARCUATE_HD static double dot(const double* a, const double* b, int n) {
        Double4 low = Double4::all(0), high = low;
        for (int c = 0; c < n; c += 8) {
            low = fma(Double4::load(a + c), Double4::load(b + c), low);
            high = fma(Double4::load(a + c + 4), Double4::load(b + c + 4), high);
        }
        return tree_sum(low + high);
    }

    /// out = inverse of; what follows, to a multiple of eight, is zero.
    ARCUATE_HD void multiply(const double* of, int n, double* out) const {
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
    }

    /// inverse += scale of of^T; `of` has n values and zeros to a multiple of eight.
    ARCUATE_HD void add_square(const double* of, double scale, int n) {
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
    }
};

}  // namespace arcuate::kernels
