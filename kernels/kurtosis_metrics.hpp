// What follows from a diffusion and a kurtosis tensor: mean, axial and radial kurtosis (Tabesh et al. 2011, Magn Reson Med 65:823).
//
// Along the direction n, K(n) = MD^2 W(n) / D(n)^2, with W(n) = sum W_ijkl n_i n_j n_k n_l and D(n) = n . D n (Jensen et al. 2005, Magn Reson
// Med 53:1432). MK is the mean of K over the sphere, RK its mean over the circle across the main direction, AK its value along it. In the
// frame of the eigenvectors only W_iiii and W_iijj survive the means. Tabesh gives the means as Carlson integrals divided by differences of
// eigenvalues, which cancel where two come close; the forms below hold everywhere and need no case for equal eigenvalues.
#pragma once

#include "kernels/tensor_metrics.hpp"

namespace arcuate::kernels {

struct KurtosisTensor {
    /// W, divided by MD^2: xxxx, yyyy, zzzz, xxxy, xxxz, xyyy, xzzz, yyyz, yzzz, xxyy, xxzz, yyzz, xxyz, xyyz, xyzz
    double v[15];
};

struct KurtosisMetrics {
    bool defined;        ///< every eigenvalue is above least_diffusivity; otherwise D(n) reaches zero, K(n) is unbounded, and mk, ak, rk are 0
    double mk, ak, rk;
    double mkt;          ///< mean of W(n) over the sphere (Hansen et al. 2013, Magn Reson Med 69:1754)
};

/// Eigenvalues from here on bear a mean of K [mm2/s]; free water has 3e-3, and the bound is DIPY's too.
inline constexpr double least_diffusivity = 2e-7;

/// sum W_ijkl a_i a_j b_k b_l
ARCUATE_HD double contract(const KurtosisTensor& w, const double* a, const double* b) {
    // Rows and columns are pairs of axes: xx, yy, zz, xy, xz, yz.
    constexpr int element[6][6] = {{0, 9, 10, 3, 4, 12},  {9, 1, 11, 5, 13, 7},  {10, 11, 2, 14, 6, 8},
                                   {3, 5, 14, 9, 12, 13}, {4, 13, 6, 12, 10, 14}, {12, 7, 8, 13, 14, 11}};
    const double left[6] = {a[0] * a[0], a[1] * a[1], a[2] * a[2], 2 * a[0] * a[1], 2 * a[0] * a[2], 2 * a[1] * a[2]};
    const double right[6] = {b[0] * b[0], b[1] * b[1], b[2] * b[2], 2 * b[0] * b[1], 2 * b[0] * b[2], 2 * b[1] * b[2]};
    double sum = 0;
    for (int i = 0; i < 6; ++i)
        for (int j = 0; j < 6; ++j) sum = fma(left[i] * right[j], w.v[element[i][j]], sum);
    return sum;
}

/// Means of n_i^2 n_j^2 / D(n)^2 over the sphere, `l` the eigenvalues of D, all positive; l_max / l_min below 1e5.
///
/// The quotient does not depend on the length of n, so its mean over the sphere is its mean under a Gaussian; with 1/q^2 = int t exp(-tq) dt
/// that is  (3 if i = j, else 1) / 4  int_0^inf s / ((1 + s l_i) (1 + s l_j) sqrt((1 + s l_1) (1 + s l_2) (1 + s l_3))) ds.
/// In y = ln s the integrand is analytic for |Im y| < pi whatever the eigenvalues, so the trapezoidal rule's error falls as
/// exp(-2 pi^2 / h); with h = ln 2 the nodes are powers of two, and the relative error is below 2e-9 (held by tests/dwi/kurtosis_test.cpp).
ARCUATE_HD void sphere_moments(const double* l, double (*mean)[3]) {
    const double largest = max(l[0], max(l[1], l[2]));
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) mean[i][j] = 0;
    double s = 0x1p-22 / largest;
    for (int node = 0; node < 64; ++node) {
        double inverse[3];
        for (int i = 0; i < 3; ++i) inverse[i] = 1.0 / fma(s, l[i], 1.0);
        const double weight = s * s * sqrt(inverse[0] * inverse[1] * inverse[2]);
        for (int i = 0; i < 3; ++i)
            for (int j = i; j < 3; ++j) mean[i][j] = fma(weight * inverse[i], inverse[j], mean[i][j]);
        s = s + s;
    }
    constexpr double ln2_over_4 = 0.17328679513998632;
    for (int i = 0; i < 3; ++i) {
        mean[i][i] = 3 * ln2_over_4 * mean[i][i];
        for (int j = i + 1; j < 3; ++j) mean[i][j] = mean[j][i] = ln2_over_4 * mean[i][j];
    }
}

ARCUATE_HD KurtosisMetrics kurtosis_metrics(const SymmetricTensor& d, const KurtosisTensor& w) {
    KurtosisMetrics m{};
    m.mkt = (w.v[0] + w.v[1] + w.v[2] + 2 * (w.v[9] + w.v[10] + w.v[11])) / 5.0;
    double l[3], vectors[3][3];
    eigen_decompose(d, l, vectors);
    m.defined = l[0] > least_diffusivity && l[1] > least_diffusivity && l[2] > least_diffusivity;
    if (!m.defined) return m;

    double axes[3][3], rotated[3][3];
    for (int i = 0; i < 3; ++i)
        for (int c = 0; c < 3; ++c) axes[i][c] = vectors[c][i];
    for (int i = 0; i < 3; ++i)
        for (int j = i; j < 3; ++j) rotated[i][j] = contract(w, axes[i], axes[j]);
    const double md = (l[0] + l[1] + l[2]) / 3.0, md2 = md * md;

    double mean[3][3];
    sphere_moments(l, mean);
    for (int i = 0; i < 3; ++i) {
        m.mk = fma(rotated[i][i], mean[i][i], m.mk);
        for (int j = i + 1; j < 3; ++j) m.mk = fma(6 * rotated[i][j], mean[i][j], m.mk);
    }
    m.mk = m.mk * md2;

    int first = 0;
    for (int i = 1; i < 3; ++i)
        if (l[i] > l[first]) first = i;
    m.ak = md2 * rotated[first][first] / (l[first] * l[first]);

    // Over the circle, with p^2 and q^2 the two smaller eigenvalues (residues of 1 / ((1 + t^2) (p^2 + q^2 t^2)^2), t the tangent):
    // <c^4 / D^2> = (2p + q) / (2 p^3 (p + q)^2), <c^2 s^2 / D^2> = 1 / (2 p q (p + q)^2).
    const int a = first == 0 ? 1 : 0, b = first == 2 ? 1 : 2;
    const double p = sqrt(l[a]), q = sqrt(l[b]);
    const double sum = rotated[a][a] * (2 * p + q) / (p * p * p) + rotated[b][b] * (2 * q + p) / (q * q * q) + 6 * rotated[a][b] / (p * q);
    m.rk = md2 * sum / (2 * (p + q) * (p + q));
    return m;
}

}  // namespace arcuate::kernels
