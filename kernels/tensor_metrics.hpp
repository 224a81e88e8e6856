// What follows from a diffusion tensor: eigenvalues, principal direction, FA, MD, AD, RD. Square roots are the only function it needs.
#pragma once

#include "kernels/math.hpp"

namespace arcuate::kernels {

struct SymmetricTensor {
    double v[6];  ///< xx, yy, zz, xy, xz, yz
};

struct TensorMetrics {
    double fa;     ///< 0 to 1; up to sqrt(3/2) where an eigenvalue is negative
    double md, ad, rd;
    double v1[3];  ///< unit; its component of largest magnitude is positive
};

/// Eigenvalues (any order) and the eigenvectors in the columns of `vectors`, by cyclic Jacobi rotations (Golub & Van Loan, 8.5).
/// Six sweeps: convergence is quadratic, and no symmetric 3x3 matrix we tried has an off-diagonal above rounding after five.
ARCUATE_HD void eigen_decompose(const SymmetricTensor& d, double* values, double (*vectors)[3]) {
    double a[3][3] = {{d.v[0], d.v[3], d.v[4]}, {d.v[3], d.v[1], d.v[5]}, {d.v[4], d.v[5], d.v[2]}};
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) vectors[i][j] = i == j ? 1.0 : 0.0;
    for (int sweep = 0; sweep < 6; ++sweep)
        for (int pair = 0; pair < 3; ++pair) {
            const int p = pair == 2 ? 1 : 0, q = pair == 0 ? 1 : 2, r = 3 - p - q;
            const double apq = a[p][q];
            if (apq == 0) continue;
            // The smaller rotation that zeroes a[p][q]: t = sign(theta) / (|theta| + sqrt(theta^2 + 1)), written without dividing by apq,
            // which may be tiny.
            const double half = 0.5 * (a[q][q] - a[p][p]);
            const double root = sqrt(fma(half, half, apq * apq));
            if (root == 0) continue;
            const double t = half < 0 ? -(apq / (root - half)) : apq / (root + half);
            const double c = 1.0 / sqrt(fma(t, t, 1.0)), s = t * c;
            a[p][p] = fma(-t, apq, a[p][p]);
            a[q][q] = fma(t, apq, a[q][q]);
            a[p][q] = a[q][p] = 0;
            const double arp = a[r][p], arq = a[r][q];
            a[r][p] = a[p][r] = fma(c, arp, -(s * arq));
            a[r][q] = a[q][r] = fma(s, arp, c * arq);
            for (int i = 0; i < 3; ++i) {
                const double vp = vectors[i][p], vq = vectors[i][q];
                vectors[i][p] = fma(c, vp, -(s * vq));
                vectors[i][q] = fma(s, vp, c * vq);
            }
        }
    for (int i = 0; i < 3; ++i) values[i] = a[i][i];
}

/// Without rotations: with q = trace/3 and p = |D - q| / sqrt(6), b = (D - q)/p has the characteristic polynomial x^3 - 3x - det b (Smith 1961, Commun
/// ACM 4:168), whose largest root lies in [1, 2]. Four Newton steps from a start within 3% of the root's distance from 1 give it to rounding; b minus
/// that has rank two, and the direction is perpendicular to its rows. Where the two largest eigenvalues are equal, they have half the digits of a double.
ARCUATE_HD TensorMetrics tensor_metrics(const SymmetricTensor& d) {
    TensorMetrics m{};
    const double trace = d.v[0] + d.v[1] + d.v[2];
    m.md = trace / 3.0;
    // FA = sqrt(3/2) |D - MD| / |D|, Frobenius norms (Basser & Pierpaoli 1996, eq. 11). Not cut at 1:
    // a value above it tells of an eigenvalue that noise made negative.
    const double x = d.v[0] - m.md, y = d.v[1] - m.md, z = d.v[2] - m.md;
    const double off = 2.0 * (d.v[3] * d.v[3] + d.v[4] * d.v[4] + d.v[5] * d.v[5]);
    const double apart = x * x + y * y + z * z + off;
    const double norm = d.v[0] * d.v[0] + d.v[1] * d.v[1] + d.v[2] * d.v[2] + off;
    m.fa = norm > 0 ? sqrt(1.5 * apart / norm) : 0.0;
    m.ad = m.rd = m.md;
    m.v1[0] = 1;
    if (!(apart > 0)) return m;

    const double p = sqrt(apart / 6.0), scale = 1.0 / p;
    const double b[6] = {x * scale, y * scale, z * scale, d.v[3] * scale, d.v[4] * scale, d.v[5] * scale};
    const double determinant = b[0] * fma(b[1], b[2], -(b[5] * b[5])) - b[3] * fma(b[3], b[2], -(b[5] * b[4])) + b[4] * fma(b[3], b[5], -(b[1] * b[4]));
    double root = 1.0 + sqrt(max(0.0, 0.5 + 0.25 * determinant));
    for (int step = 0; step < 4; ++step) {
        const double slope = 3.0 * fma(root, root, -1.0);
        if (slope > 0) root = root - (fma(root, fma(root, root, -3.0), -determinant)) / slope;
    }
    m.ad = fma(p, root, m.md);
    m.rd = fma(-0.5 * p, root, m.md);  // the roots sum to 0

    const double row[3][3] = {{b[0] - root, b[3], b[4]}, {b[3], b[1] - root, b[5]}, {b[4], b[5], b[2] - root}};
    double largest = 0;
    for (int i = 0; i < 3; ++i) {
        const double *r = row[i], *s = row[(i + 1) % 3];
        const double c[3] = {fma(r[1], s[2], -(r[2] * s[1])), fma(r[2], s[0], -(r[0] * s[2])), fma(r[0], s[1], -(r[1] * s[0]))};
        const double size = fma(c[0], c[0], fma(c[1], c[1], c[2] * c[2]));
        if (size > largest) {
            largest = size;
            for (int k = 0; k < 3; ++k) m.v1[k] = c[k];
        }
    }
    if (!(largest > 1e-24)) {  // the two largest are equal: any direction perpendicular to the third's, which the rows are along
        const double *r = row[0], *s = row[1], *t = row[2];
        const auto square = [](const double* v) { return fma(v[0], v[0], fma(v[1], v[1], v[2] * v[2])); };
        const double* along = square(r) > square(s) ? r : s;
        if (square(t) > square(along)) along = t;
        const int least = abs(along[0]) <= abs(along[1]) ? (abs(along[0]) <= abs(along[2]) ? 0 : 2) : (abs(along[1]) <= abs(along[2]) ? 1 : 2);
        const int j = (least + 1) % 3, k = (least + 2) % 3;
        m.v1[least] = 0;
        m.v1[j] = along[k];
        m.v1[k] = -along[j];
        largest = fma(m.v1[j], m.v1[j], m.v1[k] * m.v1[k]);
    }
    const int most = abs(m.v1[0]) >= abs(m.v1[1]) ? (abs(m.v1[0]) >= abs(m.v1[2]) ? 0 : 2) : (abs(m.v1[1]) >= abs(m.v1[2]) ? 1 : 2);
    const double unit = (m.v1[most] < 0 ? -1.0 : 1.0) / sqrt(largest);
    for (double& component : m.v1) component = component * unit;
    return m;
}

}  // namespace arcuate::kernels
