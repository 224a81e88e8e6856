// FA and the principal direction of a tensor alone, which is all that a tracker asks for at every step: no iteration over rotations, no trigonometry.
#pragma once

#include "kernels/tensor_metrics.hpp"
#include "kernels/vec3.hpp"

namespace arcuate::kernels {

struct TensorAxis {
    double fa;     ///< as TensorMetrics::fa
    Vec3 v1;       ///< unit; its component of largest magnitude is positive
};

/// With q = trace/3 and p = |D - q| / sqrt(6), b = (D - q)/p has the characteristic polynomial x^3 - 3x - det b (Smith 1961, Commun ACM 4:168), whose largest root
/// lies in [1, 2]. Three Newton steps from a start within 3% of the root's distance from 1 give it to rounding; b minus that has rank two, and the
/// direction is perpendicular to its rows.
ARCUATE_HD TensorAxis tensor_axis(const SymmetricTensor& d) {
    const double q = (d.v[0] + d.v[1] + d.v[2]) / 3.0;
    const double x = d.v[0] - q, y = d.v[1] - q, z = d.v[2] - q;
    const double off = 2.0 * (d.v[3] * d.v[3] + d.v[4] * d.v[4] + d.v[5] * d.v[5]);
    const double apart = x * x + y * y + z * z + off;
    const double norm = d.v[0] * d.v[0] + d.v[1] * d.v[1] + d.v[2] * d.v[2] + off;
    TensorAxis out{norm > 0 ? sqrt(1.5 * apart / norm) : 0.0, {1, 0, 0}};
    if (!(apart > 0)) return out;
    const double scale = 1.0 / sqrt(apart / 6.0);
    const double b[6] = {x * scale, y * scale, z * scale, d.v[3] * scale, d.v[4] * scale, d.v[5] * scale};
    const double determinant = b[0] * fma(b[1], b[2], -(b[5] * b[5])) - b[3] * fma(b[3], b[2], -(b[5] * b[4])) + b[4] * fma(b[3], b[5], -(b[1] * b[4]));
    double root = 1.0 + sqrt(max(0.0, 0.5 + 0.25 * determinant));
    for (int step = 0; step < 3; ++step) {
        const double slope = 3.0 * fma(root, root, -1.0);
        if (slope > 0) root = root - (fma(root, fma(root, root, -3.0), -determinant)) / slope;
    }
    const double row[3][3] = {{b[0] - root, b[3], b[4]}, {b[3], b[1] - root, b[5]}, {b[4], b[5], b[2] - root}};
    double best[3] = {0, 0, 0}, largest = 0;
    for (int i = 0; i < 3; ++i) {
        const double *r = row[i], *s = row[(i + 1) % 3];
        const double c[3] = {fma(r[1], s[2], -(r[2] * s[1])), fma(r[2], s[0], -(r[0] * s[2])), fma(r[0], s[1], -(r[1] * s[0]))};
        const double size = fma(c[0], c[0], fma(c[1], c[1], c[2] * c[2]));
        if (size > largest) {
            largest = size;
            for (int k = 0; k < 3; ++k) best[k] = c[k];
        }
    }
    if (!(largest > 1e-24)) {  // the two largest are equal: any direction perpendicular to the third's, which the rows are along
        const double *r = row[0], *s = row[1], *t = row[2];
        const auto square = [](const double* v) { return fma(v[0], v[0], fma(v[1], v[1], v[2] * v[2])); };
        const double* along = square(r) > square(s) ? r : s;
        if (square(t) > square(along)) along = t;
        const int least = abs(along[0]) <= abs(along[1]) ? (abs(along[0]) <= abs(along[2]) ? 0 : 2) : (abs(along[1]) <= abs(along[2]) ? 1 : 2);
        const int j = (least + 1) % 3, k = (least + 2) % 3;
        best[least] = 0;
        best[j] = along[k];
        best[k] = -along[j];
        largest = fma(best[j], best[j], best[k] * best[k]);
    }
    const int most = abs(best[0]) >= abs(best[1]) ? (abs(best[0]) >= abs(best[2]) ? 0 : 2) : (abs(best[1]) >= abs(best[2]) ? 1 : 2);
    const double unit = (best[most] < 0 ? -1.0 : 1.0) / sqrt(largest);
    out.v1 = {static_cast<float>(best[0] * unit), static_cast<float>(best[1] * unit), static_cast<float>(best[2] * unit)};
    return out;
}

}  // namespace arcuate::kernels
