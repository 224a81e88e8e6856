// The diffusion and kurtosis tensors by least squares on ln S, straight from their definition: QR of the weighted design, and means of the
// apparent kurtosis by summing it over many directions.
#pragma once

#include "arcuate/core/gradient_table.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace arcuate::reference {

/// Axes of the fifteen elements, 0 to 2.
inline constexpr int kurtosis_axes[15][4] = {{0, 0, 0, 0}, {1, 1, 1, 1}, {2, 2, 2, 2}, {0, 0, 0, 1}, {0, 0, 0, 2}, {0, 1, 1, 1}, {0, 2, 2, 2}, {1, 1, 1, 2},
                                             {1, 2, 2, 2}, {0, 0, 1, 1}, {0, 0, 2, 2}, {1, 1, 2, 2}, {0, 0, 1, 2}, {0, 1, 1, 2}, {0, 1, 2, 2}};

/// g_i g_j g_k g_l, times the orders in which i, j, k, l can stand.
inline double kurtosis_monomial(int e, const Eigen::Vector3d& g) {
    double value = 24;
    int times[3] = {0, 0, 0};
    for (const int axis : kurtosis_axes[e]) value *= g[axis] / ++times[axis];
    return value;
}

struct Kurtosis {
    Eigen::Matrix3d d;      ///< [mm2/s]
    std::array<double, 15> w;  ///< divided by MD^2
    double s0, mk, ak, rk, mkt;

    double w_along(const Eigen::Vector3d& n) const {
        double sum = 0;
        for (int e = 0; e < 15; ++e) sum += w[static_cast<std::size_t>(e)] * kurtosis_monomial(e, n);
        return sum;
    }
    double along(const Eigen::Vector3d& n) const { return std::pow(d.trace() / 3 / n.dot(d * n), 2) * w_along(n); }
};

/// mk, ak, rk, mkt from d and w: midpoints of 400 slices of equal height by 200 angles, about the main direction.
inline void add_means(Kurtosis& k) {
    const Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d> eigen(k.d);  // ascending
    const Eigen::Vector3d first = eigen.eigenvectors().col(2), a = eigen.eigenvectors().col(0), b = eigen.eigenvectors().col(1);
    k.mk = k.rk = k.mkt = 0;
    k.ak = k.along(first);
    constexpr int slices = 400, angles = 200;
    for (int j = 0; j < angles; ++j) {
        const double phi = 2 * std::numbers::pi * (j + 0.5) / angles;
        const Eigen::Vector3d across = std::cos(phi) * a + std::sin(phi) * b;
        k.rk += k.along(across) / angles;
        for (int i = 0; i < slices; ++i) {
            const double z = (i + 0.5) / slices;
            const Eigen::Vector3d n = z * first + std::sqrt(1 - z * z) * across;
            k.mk += k.along(n) / (slices * angles);
            k.mkt += k.w_along(n) / (slices * angles);
        }
    }
}

/// `reweightings` < 0: unweighted; 0: weighted by the signal; n: then n times by the prediction.
inline Kurtosis fit_kurtosis(const GradientTable& table, const std::vector<double>& signal, int reweightings) {
    const auto n = static_cast<Eigen::Index>(signal.size());
    const double floor = 1e-6 * *std::max_element(signal.begin(), signal.end());
    Eigen::MatrixXd design(n, 22);
    Eigen::VectorXd y(n), w(n);
    for (Eigen::Index v = 0; v < n; ++v) {
        const double b = table.b_values[static_cast<std::size_t>(v)] / 1000;  // ms/um2, for the QR's sake
        const auto& direction = table.directions[static_cast<std::size_t>(v)];
        const Eigen::Vector3d g(direction[0], direction[1], direction[2]);
        design.row(v).head(7) << -b * g[0] * g[0], -b * g[1] * g[1], -b * g[2] * g[2], -2 * b * g[0] * g[1], -2 * b * g[0] * g[2], -2 * b * g[1] * g[2], 1;
        for (int e = 0; e < 15; ++e) design(v, 7 + e) = b * b / 6 * kurtosis_monomial(e, g);
        const double s = std::max(signal[static_cast<std::size_t>(v)], floor);
        y[v] = std::log(s);
        w[v] = reweightings < 0 ? 1 : s;
    }
    Eigen::VectorXd p;
    for (int pass = 0; pass <= std::max(0, reweightings); ++pass) {
        if (pass > 0) w = (design * p).array().exp();
        p = (w.asDiagonal() * design).colPivHouseholderQr().solve(w.asDiagonal() * y);
    }
    Kurtosis out{};
    out.d << p[0], p[3], p[4], p[3], p[1], p[5], p[4], p[5], p[2];
    const double md = out.d.trace() / 3;
    for (int e = 0; e < 15; ++e) out.w[static_cast<std::size_t>(e)] = p[7 + e] / (md * md);
    out.d *= 1e-3;
    out.s0 = std::exp(p[6]);
    add_means(out);
    return out;
}

}  // namespace arcuate::reference
