// A series of even-order spherical harmonics as a polynomial of the direction: what a tracker evaluates, many times for every series.
//
// With c_m + i s_m = (x + iy)^m the series is the sum over m of A_m(z) c_m + B_m(z) s_m (kernels/sh_basis.hpp), where A_m and B_m are polynomials of
// u = z^2 - 1/2, times z for odd m. Their coefficients are as many as the series has, and follow from it linearly; so an image is turned into them once, and
// they interpolate as the series does. A value takes 2 fma per coefficient or so, a third of what basis values take, which would be new for every direction.
#pragma once

#include "kernels/lanes.hpp"
#include "kernels/sh_basis.hpp"

namespace arcuate::kernels {

/// Values per voxel in memory: the coefficients, padded with zeros to whole groups of eight (one AVX register, two 16-byte loads).
constexpr int padded_sh_count(int lmax) { return (sh_count(lmax) + 7) / 8 * 8; }

template <int Lmax>
struct ShPolynomial {
    static constexpr int stride = padded_sh_count(Lmax);

    /// Coefficients of A_m, and of B_m.
    static constexpr int terms(int m) { return (Lmax - m) / 2 + 1; }
    /// Where those of A_m begin, the highest power first; those of B_m follow them.
    static constexpr int first(int m) {
        int at = 0;
        for (int k = 0; k < m; ++k) at += (k > 0 ? 2 : 1) * terms(k);
        return at;
    }

    /// From a series (sh_count(Lmax)) to its polynomial (stride); they may be the same memory.
    static void from_series(const float* series, float* out) {
        constexpr detail::ShPolynomials<double, Lmax> poly{};
        double sum[stride]{};
        for (int m = 0; m <= Lmax; ++m)
            for (int l = (m + 1) / 2 * 2; l <= Lmax; l += 2) {
                const int n = (l - m) / 2 + 1, skipped = terms(m) - n;  // powers above those of this l
                for (int t = 0; t < n; ++t) {
                    sum[first(m) + skipped + t] += poly.c[l / 2][m][t] * static_cast<double>(series[sh_index(l, m)]);
                    if (m > 0) sum[first(m) + terms(m) + skipped + t] += poly.c[l / 2][m][t] * static_cast<double>(series[sh_index(l, -m)]);
                }
            }
        for (int j = 0; j < stride; ++j) out[j] = static_cast<float>(sum[j]);
    }

    /// The series along the unit direction (x, y, z). T: float, or Float8 for eight directions; C: float, or Float8 for eight series. The same bits.
    template <class T, class C>
    ARCUATE_HD static T value(const C* c, T x, T y, T z) {
        T even, odd;
        by_order(c, x, y, z, even, odd);
        return fma(z, odd, even);
    }
    /// The same, and that along (x, y, -z).
    template <class T, class C>
    ARCUATE_HD static void values(const C* c, T x, T y, T z, T& at, T& below) {
        T even, odd;
        by_order(c, x, y, z, even, odd);
        at = fma(z, odd, even);
        below = fnma(z, odd, even);
    }

  private:
    template <class T>
    struct Sums {
        T a, b;
    };
    /// The terms of even m, and those of odd m over z.
    template <class T, class C>
    ARCUATE_HD static void by_order(const C* c, T x, T y, T z, T& of_even, T& of_odd) {
        const T u = fma(z, z, all_of<T>(-0.5f));
        const T x2 = fma(x, x, all_of<T>(0.0f) - y * y), y2 = all_of<T>(2.0f) * x * y;  // (x + iy)^2
        // Horner's scheme in (x + iy)^2, even m and odd m apart: a c_m + b s_m stands for the terms of m and above.
        Sums<T> even, odd;
        pair<Lmax>(c, u, even.a, even.b);
        pair<Lmax - 1>(c, u, odd.a, odd.b);
        add_below<Lmax - 2>(c, u, x2, y2, even, odd);
        of_even = even.a;
        of_odd = fma(odd.a, x, odd.b * y);
    }
    /// The terms of M and of all below. Orders are template arguments: the CUDA compiler keeps the coefficients in registers where it knows every index.
    template <int M, class T, class C>
    ARCUATE_HD static void add_below(const C* c, T u, T x2, T y2, Sums<T>& even, Sums<T>& odd) {
        T p, q;
        pair<M>(c, u, p, q);
        Sums<T>& sums = M % 2 ? odd : even;
        const T before = sums.a;
        sums.a = fma(sums.a, x2, fma(sums.b, y2, p));
        if constexpr (M > 0) {
            sums.b = fma(sums.b, x2, fnma(before, y2, q));
            add_below<M - 1>(c, u, x2, y2, even, odd);
        }
    }
    /// A_m and B_m, those of odd m without their z.
    template <int M, class T, class C>
    ARCUATE_HD static void pair(const C* c, T u, T& a, T& b) {
        constexpr int at = first(M), n = terms(M);
        a = in_u<n, T>(c + at, u);
        if constexpr (M > 0) b = in_u<n, T>(c + at + n, u);
    }
    template <int N, class T, class C>
    ARCUATE_HD static T in_u(const C* c, T u) {
        T p = by_lane<T>(c[0]);
        ARCUATE_UNROLL
        for (int t = 1; t < N; ++t) p = fma(p, u, by_lane<T>(c[t]));
        return p;
    }
    template <class T>
    ARCUATE_HD static T by_lane(float c) {
        return all_of<T>(c);
    }
    template <class T>
    ARCUATE_HD static Float8 by_lane(Float8 c) {
        return c;
    }
};

}  // namespace arcuate::kernels
