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

ARCUATE_HD TensorMetrics tensor_metrics(const SymmetricTensor& d) {
    TensorMetrics m{};
    const double trace = d.v[0] + d.v[1] + d.v[2];
    m.md = trace / 3.0;
    // FA = sqrt(3/2) |D - MD| / |D|, Frobenius norms (Basser & Pierpaoli 1996, eq. 11). Not cut at 1:
    // a value above it tells of an eigenvalue that noise made negative.
    const double x = d.v[0] - m.md, y = d.v[1] - m.md, z = d.v[2] - m.md;
    const double off = 2.0 * (d.v[3] * d.v[3] + d.v[4] * d.v[4] + d.v[5] * d.v[5]);
    const double norm = d.v[0] * d.v[0] + d.v[1] * d.v[1] + d.v[2] * d.v[2] + off;
    m.fa = norm > 0 ? sqrt(1.5 * (x * x + y * y + z * z + off) / norm) : 0.0;

    double values[3], vectors[3][3];
    eigen_decompose(d, values, vectors);
    int first = 0;
    for (int i = 1; i < 3; ++i)
        if (values[i] > values[first]) first = i;
    m.ad = values[first];
    m.rd = 0.5 * (values[(first + 1) % 3] + values[(first + 2) % 3]);
    double length = 0;
    int largest = 0;
    for (int i = 0; i < 3; ++i) {
        m.v1[i] = vectors[i][first];
        length = fma(m.v1[i], m.v1[i], length);
        if (abs(m.v1[i]) > abs(m.v1[largest])) largest = i;
    }
    const double scale = (m.v1[largest] < 0 ? -1.0 : 1.0) / sqrt(length);
    for (double& component : m.v1) component = component * scale;
    return m;
}

}  // namespace arcuate::kernels
