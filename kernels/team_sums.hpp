// Sums over vectors in memory that a team shares: the same order of additions, so the same bits, whoever works on them. What the vectors hold is there for all before and after.
#pragma once

#include "kernels/lanes.hpp"
#include "kernels/team.hpp"

namespace arcuate::kernels {

/// Over n values and zeros to a multiple of eight: eight interleaved sums, and of those a tree.
template <class Team>
ARCUATE_HD double dot(const Team& team, const double* a, const double* b, int n) {
    if constexpr (Team::lanes == 1) {
        Double4 low = Double4::all(0), high = low;
        ARCUATE_ROLLED
        for (int c = 0; c < n; c += 8) {
            low = fma(Double4::load(a + c), Double4::load(b + c), low);
            high = fma(Double4::load(a + c + 4), Double4::load(b + c + 4), high);
        }
        return tree_sum(low + high);
    } else {
        static_assert(Team::lanes % 8 == 0);
        auto sum = team.each([&](int k) {
            double own = 0;
            for (int c = k % 8; c < n; c += 8) own = fma(a[c], b[c], own);
            return own;
        });
        constexpr int distances[] = {4, 1, 2};
        ARCUATE_UNROLL
        for (int d = 0; d < 3; ++d) {
            const int apart = distances[d];
            const auto others = team.moved(sum, [&](int k) { return k ^ apart; });
            sum = team.each([&](int k) { return sum[k] + others[k]; });
        }
        return team.of(sum, 0);
    }
}

/// to += sum over i < n of scale_of(i) row_of(i), in ascending order; vectors of `columns` values, a multiple of four.
template <class Team, class ScaleOf, class RowOf>
ARCUATE_HD void add_rows(const Team& team, double* to, int columns, int n, const ScaleOf& scale_of, const RowOf& row_of) {
    if constexpr (Team::lanes == 1) {
        for (int i = 0; i < n; ++i) add_scaled4(to, row_of(i), scale_of(i), columns);
    } else {
        team.over(columns, [&](int c) {
            double sum = to[c];
            for (int i = 0; i < n; ++i) sum = fma(row_of(i)[c], scale_of(i), sum);
            to[c] = sum;
        });
    }
}

}  // namespace arcuate::kernels
