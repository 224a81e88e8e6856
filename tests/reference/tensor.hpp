// The diffusion tensor by least squares on ln S, straight from its definition: QR of the weighted design, Eigen's eigenvalues.
#pragma once

#include "arcuate/core/gradient_table.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>

namespace arcuate::reference {

struct Tensor {
    Eigen::Matrix3d d;  ///< [mm2/s]
    double s0, fa, md, ad, rd;
    Eigen::Vector3d v1;
};

/// `reweightings` < 0: unweighted; 0: weighted by the signal; n: then n times by the prediction.
inline Tensor fit_tensor(const GradientTable& table, const std::vector<double>& signal, int reweightings) {
    const auto n = static_cast<Eigen::Index>(signal.size());
    const double floor = 1e-6 * *std::max_element(signal.begin(), signal.end());
    Eigen::MatrixXd design(n, 7);
    Eigen::VectorXd y(n), w(n);
    for (Eigen::Index v = 0; v < n; ++v) {
        const double b = table.b_values[static_cast<std::size_t>(v)];
        const auto& g = table.directions[static_cast<std::size_t>(v)];
        design.row(v) << -b * g[0] * g[0], -b * g[1] * g[1], -b * g[2] * g[2], -2 * b * g[0] * g[1], -2 * b * g[0] * g[2], -2 * b * g[1] * g[2], 1;
        const double s = std::max(signal[static_cast<std::size_t>(v)], floor);
        y[v] = std::log(s);
        w[v] = reweightings < 0 ? 1 : s;
    }
    Eigen::VectorXd p;
    for (int pass = 0; pass <= std::max(0, reweightings); ++pass) {
        if (pass > 0) w = (design * p).array().exp();
        p = (w.asDiagonal() * design).colPivHouseholderQr().solve(w.asDiagonal() * y);
    }
    Tensor out;
    out.d << p[0], p[3], p[4], p[3], p[1], p[5], p[4], p[5], p[2];
    const Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d> eigen(out.d);  // ascending
    const Eigen::Vector3d l = eigen.eigenvalues();
    out.s0 = std::exp(p[6]);
    out.md = l.mean();
    out.ad = l[2];
    out.rd = (l[0] + l[1]) / 2;
    out.fa = std::sqrt(1.5 * (l.array() - out.md).square().sum() / l.squaredNorm());
    out.v1 = eigen.eigenvectors().col(2);
    return out;
}

}  // namespace arcuate::reference
