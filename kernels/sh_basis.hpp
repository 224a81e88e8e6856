// Even-order real spherical harmonics at a direction, without trigonometry: conventions.hpp gives basis and order.
//
// With d = (x, y, z) on the unit sphere, Y_lm = N_lm Q_lm(z) c_m(x, y) for m >= 0 and N_lm Q_lm(z) s_m(x, y) for m < 0, where c_m + i s_m = (x + iy)^m
// and Q_lm is P_l^m without its factor (1 - z^2)^(m/2): a polynomial in z^2, times z where l - m is odd. Its coefficients are computed once, at
// compile time, from P_l^m's closed form; evaluating is then one Horner scheme per (l, m), in a fixed order. The variable is u = z^2 - 1/2, centred
// on its range: powers of z^2 itself would cancel near the poles and cost three bits at l = 8.
#pragma once

#include "arcuate/conventions.hpp"
#include "kernels/vec3.hpp"

namespace arcuate::kernels {

namespace detail {

constexpr double constexpr_sqrt(double x) {
    double r = x > 1 ? x : 1;
    for (int i = 0; i < 200; ++i) r = 0.5 * (r + x / r);
    return r;
}

/// Horner coefficients in u = z^2 - 1/2, highest power first, of sqrt2 (m > 0) N_lm (-1)^m Q_lm(z) / z^((l-m) odd).
/// Q_lm(z) = d^(l+m)/dz^(l+m) (z^2 - 1)^l / (2^l l!).
template <class T, int Lmax>
struct ShPolynomials {
    static constexpr int terms = Lmax / 2 + 1;
    T c[Lmax / 2 + 1][Lmax + 1][terms]{};  // [l/2][m][power], power 0 is the highest

    constexpr ShPolynomials() {
        constexpr double pi_double = 3.14159265358979323846;
        for (int l = 0; l <= Lmax; l += 2)
            for (int m = 0; m <= l; ++m) {
                double norm = (2 * l + 1) / (4 * pi_double) * (m ? 2 : 1);
                for (int k = l - m + 1; k <= l + m; ++k) norm /= k;  // (l-m)! / (l+m)!
                norm = constexpr_sqrt(norm) * (m % 2 ? -1 : 1);
                // (z^2-1)^l / (2^l l!) = sum_k (-1)^(l-k) z^(2k) / (2^l k! (l-k)!); differentiate l+m times.
                double a[terms]{};
                int n = 0;
                for (int k = l; 2 * k >= l + m; --k, ++n) {
                    double value = (l - k) % 2 ? -1 : 1;
                    for (int i = 1; i <= k; ++i) value /= i;
                    for (int i = 1; i <= l - k; ++i) value /= i;
                    for (int i = 0; i < l; ++i) value /= 2;
                    for (int i = 0; i < l + m; ++i) value *= 2 * k - i;
                    a[n] = norm * value;
                }
                // From powers of z^2 to powers of z^2 - 1/2: repeated synthetic division by it.
                for (int end = n; end > 1; --end)
                    for (int t = 1; t < end; ++t) a[t] += 0.5 * a[t - 1];
                for (int t = 0; t < n; ++t) c[l / 2][m][t] = static_cast<T>(a[t]);
            }
    }
    static constexpr int count(int l, int m) { return (l - m) / 2 + 1; }
};

template <class T, int Lmax>
inline constexpr ShPolynomials<T, Lmax> sh_polynomials{};

}  // namespace detail

/// The (Lmax+1)(Lmax+2)/2 basis values at the unit direction (x, y, z). T: float in trackers, double in fits.
template <int Lmax, class T>
ARCUATE_HD void sh_basis(T x, T y, T z, T* out) {
#if defined(__CUDA_ARCH__)
    constexpr detail::ShPolynomials<T, Lmax> poly{};
#else
    constexpr const auto& poly = detail::sh_polynomials<T, Lmax>;
#endif
    const T u = fma(z, z, T(-0.5));
    T c = 1, s = 0;  // (x + iy)^m
    ARCUATE_UNROLL
    for (int m = 0; m <= Lmax; ++m) {
        ARCUATE_UNROLL
        for (int l = (m + 1) / 2 * 2; l <= Lmax; l += 2) {
            T q = poly.c[l / 2][m][0];
            ARCUATE_UNROLL
            for (int t = 1; t < (l - m) / 2 + 1; ++t) q = fma(q, u, poly.c[l / 2][m][t]);
            if ((l - m) % 2) q = q * z;
            out[sh_index(l, m)] = q * c;
            if (m > 0) out[sh_index(l, -m)] = q * s;
        }
        const T next = fma(x, c, -(y * s));
        s = fma(x, s, y * c);
        c = next;
    }
}

/// Zonal values Y_l0 at elevation cosine z, l = 0, 2, ..., Lmax.
template <int Lmax, class T>
ARCUATE_HD void zonal_basis(T z, T* out) {
    T all[sh_count(Lmax)];
    const T r = sqrt(max(T(0), fma(-z, z, T(1))));
    sh_basis<Lmax, T>(r, T(0), z, all);
    for (int l = 0; l <= Lmax; l += 2) out[l / 2] = all[sh_index(l, 0)];
}

}  // namespace arcuate::kernels
