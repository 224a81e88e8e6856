// A face of the cone { y : B y >= 0 } and its part in the projection of a point b onto the cone: y = b + B^T m with multipliers m >= 0 that are 0 for the
// constraints (unit rows of B) that do not hold y at zero.
//
// The active rows a_i are kept with their dual basis d_i: the vectors in the span of the active rows with d_i a_j = 1 for i = j and 0 otherwise. The
// multipliers that put y on all active planes are -d_i b, and one row more or less is a product with the dual basis and a change of rank one: loops
// over whole rows that wait for nothing, where the substitutions and rotations of a triangular factor wait for every row before.
#pragma once

#include "kernels/lanes.hpp"
#include "kernels/math.hpp"

namespace arcuate::kernels {

/// Capacity: a multiple of 48, more than the unknowns; rows have as many values, zero after the unknowns.
template <int Capacity>
struct ConeFace {
    /// A row whose part across the other active rows is shorter than the root of this counts as dependent on them; below the second, the part
    /// is freed once more of what rounding left along them.
    static constexpr double least_square = 1e-18, doubtful_square = 1e-3;
    /// |b - y|^2 has grown where it is larger by more than this share.
    static constexpr double growth = 1e-14;
    /// The column of the dual basis that holds the multipliers -d_i b.
    static constexpr int target = Capacity - 1;

    const double* constraint;                       ///< (constraints, Capacity) B
    const double* b;                                ///< (Capacity) the point
    int unknowns;
    int count;                                      ///< of active constraints
    std::int16_t index[Capacity];                   ///< which, in any order
    double multiplier[Capacity];                    ///< >= 0
    double explained;                               ///< |b - y|^2 when the face was last settled
    alignas(32) double dual[Capacity * Capacity];   ///< row i: d_i, and in its last column -d_i b

    ARCUATE_HD void begin(const double* rows, const double* point, int coefficients) {
        constraint = rows;
        b = point;
        unknowns = coefficients;
        count = 0;
        explained = 0;
    }

    /// Takes a constraint in, with the multiplier given, unless it depends on the active ones or, without multiplier, is kept by their planes already.
    ARCUATE_HD void join(int which, double with) {
        const int k = count;
        if (k == unknowns) return;
        alignas(32) double across[Capacity], along[Capacity];
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) across[c] = row(which)[c];
        const auto dual_row = [&](int i) { return dual + i * Capacity; };
        const auto own_row = [&](int i) { return row(index[i]); };
        dot_rows(along, across, k, dual_row);
        add_rows<true>(across, along, k, own_row);
        double square = dot(across, across);
        if (square < doubtful_square) {
            alignas(32) double left[Capacity] = {};
            dot_rows(left, across, k, dual_row);
            add_rows<true>(across, left, k, own_row);
            for (int i = 0; i < k; ++i) along[i] = along[i] + left[i];
            square = dot(across, across);
        }
        const double violation = -dot(across, b);
        if (!(square > least_square && (violation > 0 || with > 0))) return;
        double* const added = dual + k * Capacity;
        const double inverse = 1.0 / square;
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) added[c] = across[c] * inverse;
        added[target] = violation * inverse;
        take_away(along, added);
        index[k] = static_cast<std::int16_t>(which);
        multiplier[k] = with;
        count = k + 1;
    }

    /// Takes a constraint out; the last one moves to its place.
    ARCUATE_HD void leave(int position) {
        alignas(32) double out[Capacity], share[Capacity];
        const int last = --count;
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) {
            out[c] = dual[position * Capacity + c];
            dual[position * Capacity + c] = dual[last * Capacity + c];
        }
        index[position] = index[last];
        multiplier[position] = multiplier[last];
        const double aimed = out[target];
        out[target] = 0;
        const double inverse = 1.0 / dot(out, out);
        dot_rows(share, out, last, [&](int i) { return dual + i * Capacity; });
        ARCUATE_ROLLED
        for (int i = 0; i < last; ++i) share[i] = share[i] * inverse;
        out[target] = aimed;
        take_away(share, out);
    }

    /// Brings the multipliers to those that put y on all active planes, and y there; constraints whose multiplier would not stay positive leave.
    /// True where |b - y|^2 has grown.
    ARCUATE_HD bool settle(double* y) {
        for (bool inside = false; !inside;) {
            double fraction = 1, until[Capacity];  // of the way; where a multiplier on its way becomes 0
            inside = true;
            for (int i = 0; i < count; ++i) {
                const double from = multiplier[i], to = dual[i * Capacity + target];
                until[i] = 2;
                if (to > 0) continue;
                inside = false;
                until[i] = from > 0 ? from / (from - to) : 0.0;
                fraction = min(fraction, until[i]);
            }
            for (int i = count - 1; i >= 0; --i) {
                const double from = multiplier[i], to = dual[i * Capacity + target];
                multiplier[i] = inside ? to : fma(fraction, to - from, from);
            }
            for (int i = count - 1; i >= 0 && !inside; --i)
                if (until[i] <= fraction) leave(i);
        }
        const double now = follow_multipliers(y);
        const bool grown = now > fma(explained, growth, explained);
        explained = now;
        return grown;
    }

    /// What rounding left of the amplitudes along the active constraints goes into the multipliers.
    ARCUATE_HD void refine(double* y) {
        alignas(32) double rest[Capacity], along[Capacity], change[Capacity];
        dot_rows(rest, y, count, [&](int i) { return row(index[i]); });
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) along[c] = 0;
        add_rows<false>(along, rest, count, [&](int i) { return dual + i * Capacity; });
        along[target] = 0;
        dot_rows(change, along, count, [&](int i) { return dual + i * Capacity; });
        for (int i = 0; i < count; ++i) multiplier[i] = dual[i * Capacity + target] = multiplier[i] - change[i];
        follow_multipliers(y);
    }

    ARCUATE_HD const double* row(int which) const { return constraint + std::int64_t{which} * Capacity; }

    /// Sum over a row: two interleaved sums of lanes, then a fixed tree.
    ARCUATE_HD static double dot(const double* a, const double* other) {
        Double4 low = Double4::all(0), high = Double4::all(0);
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; c += 8) {
            low = fma(Double4::load(a + c), Double4::load(other + c), low);
            high = fma(Double4::load(a + c + 4), Double4::load(other + c + 4), high);
        }
        return tree_sum(low + high);
    }

  private:
    /// y = b + B^T m; returns |B^T m|^2.
    ARCUATE_HD double follow_multipliers(double* y) const {
        alignas(32) double change[Capacity];
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) change[c] = 0;
        add_rows<false>(change, multiplier, count, [&](int i) { return row(index[i]); });
        ARCUATE_ROLLED
        for (int c = 0; c < Capacity; ++c) y[c] = b[c] + change[c];
        return dot(change, change);
    }

    /// out_i = row_of(i) v for i < n; what follows, to a multiple of four, is overwritten.
    template <class RowOf>
    ARCUATE_HD static void dot_rows(double* out, const double* v, int n, const RowOf& row_of) {
        for (int i = 0; i < n; i += 4) {
            const double* rows[4];
            Double4 sum[4];
            ARCUATE_UNROLL
            for (int r = 0; r < 4; ++r) rows[r] = row_of(min(i + r, n - 1)), sum[r] = Double4::all(0);
            ARCUATE_ROLLED
            for (int c = 0; c < Capacity; c += 4) {
                const Double4 here = Double4::load(v + c);
                ARCUATE_UNROLL
                for (int r = 0; r < 4; ++r) sum[r] = fma(Double4::load(rows[r] + c), here, sum[r]);
            }
            sums_of(sum, out + i);
        }
    }

#if defined(__CUDA_ARCH__)
    static constexpr int block = 4;   ///< of a thread that has no vector registers and shall leave others some
#else
    static constexpr int block = 12;  ///< registers that hold 48 columns
#endif

    /// to += sum over i < n of scale_i row_of(i), or to -= it
    template <bool Subtract, class RowOf>
    ARCUATE_HD static void add_rows(double* to, const double* scale, int n, const RowOf& row_of) {
        ARCUATE_ROLLED
        for (int first = 0; first < Capacity; first += 4 * block) {
            Double4 sum[block];
            ARCUATE_UNROLL
            for (int c = 0; c < block; ++c) sum[c] = Double4::load(to + first + 4 * c);
            for (int i = 0; i < n; ++i) {
                const Double4 s = Double4::all(scale[i]);
                const double* const from = row_of(i) + first;
                ARCUATE_UNROLL
                for (int c = 0; c < block; ++c) sum[c] = Subtract ? fnma(s, Double4::load(from + 4 * c), sum[c]) : fma(s, Double4::load(from + 4 * c), sum[c]);
            }
            ARCUATE_UNROLL
            for (int c = 0; c < block; ++c) sum[c].store(to + first + 4 * c);
        }
    }

    /// d_i -= share_i v for every active row.
    ARCUATE_HD void take_away(const double* share, const double* v) {
        ARCUATE_ROLLED
        for (int first = 0; first < Capacity; first += 4 * block) {
            Double4 here[block];
            ARCUATE_UNROLL
            for (int c = 0; c < block; ++c) here[c] = Double4::load(v + first + 4 * c);
            for (int i = 0; i < count; ++i) {
                const Double4 s = Double4::all(share[i]);
                double* const to = dual + i * Capacity + first;
                ARCUATE_UNROLL
                for (int c = 0; c < block; ++c) fnma(s, here[c], Double4::load(to + 4 * c)).store(to + 4 * c);
            }
        }
    }
};

}  // namespace arcuate::kernels
