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

struct FurtherMaps {
    Eigen::Matrix3d d;
    double eigenvalues[3], mode, cl, cp, cs, residual;
};

inline FurtherMaps tensor_maps(const GradientTable& table, const std::vector<double>& signal, const Tensor& t) {
    FurtherMaps out;
    out.d = t.d;
    const Eigen::Vector3d l = Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d>(t.d).eigenvalues();
    for (int i = 0; i < 3; ++i) out.eigenvalues[i] = l[2 - i];
    // From the eigenvalues (Ennis & Kindlmann 2006, eq. 8 in another form); the kernel takes the determinant of the tensor.
    const double a = l[2], b = l[1], c = l[0];
    const double size = a * a + b * b + c * c - a * b - a * c - b * c;
    out.mode = (a + b - 2 * c) * (2 * a - b - c) * (a - 2 * b + c) / (2 * size * std::sqrt(size));
    out.cl = (a - b) / (a + b + c);
    out.cp = 2 * (b - c) / (a + b + c);
    out.cs = 3 * c / (a + b + c);
    double sum = 0;
    const double floor = 1e-6 * *std::max_element(signal.begin(), signal.end());
    for (std::size_t v = 0; v < signal.size(); ++v) {
        const Eigen::Vector3d g(table.directions[v][0], table.directions[v][1], table.directions[v][2]);
        sum += std::pow(std::max(signal[v], floor) - t.s0 * std::exp(-table.b_values[v] * g.dot(t.d * g)), 2);
    }
    out.residual = std::sqrt(sum / static_cast<double>(signal.size()));
    return out;
}

/// Weighted least squares on ln S; b in ms/um2, so that the parameters are near 1.
struct WeightedProblem {
    Eigen::MatrixXd design;
    Eigen::VectorXd y, w;
    double cost(const Eigen::VectorXd& p) const { return (w.array() * (design * p - y).array()).square().sum(); }
};

template <class Maps>
Eigen::VectorXd parameters(const Maps& maps, std::int64_t v) {
    Eigen::VectorXd p(7);
    for (int i = 0; i < 6; ++i) p[i] = 1000 * static_cast<double>(maps.tensor.at(v, i));
    p[6] = std::log(static_cast<double>(maps.s0.at(v)));
    return p;
}

/// Weighted by the signal, or unweighted.
inline WeightedProblem weighted_problem(const GradientTable& table, const std::vector<double>& signal, bool weighted) {
    const auto n = static_cast<Eigen::Index>(signal.size());
    WeightedProblem out{Eigen::MatrixXd(n, 7), Eigen::VectorXd(n), Eigen::VectorXd(n)};
    const double largest = *std::max_element(signal.begin(), signal.end());
    for (Eigen::Index v = 0; v < n; ++v) {
        const double b = table.b_values[static_cast<std::size_t>(v)] / 1000;
        const auto& g = table.directions[static_cast<std::size_t>(v)];
        out.design.row(v) << -b * g[0] * g[0], -b * g[1] * g[1], -b * g[2] * g[2], -2 * b * g[0] * g[1], -2 * b * g[0] * g[2], -2 * b * g[1] * g[2], 1;
        const double s = std::max(signal[static_cast<std::size_t>(v)], 1e-6 * largest);
        out.y[v] = std::log(s);
        out.w[v] = weighted ? s / largest : 1;
    }
    return out;
}

/// The best positive semidefinite tensor and ln S0: projected gradient descent, accelerated (FISTA), projecting by clipping eigenvalues.
inline Eigen::VectorXd constrained_fit(const WeightedProblem& problem) {
    const Eigen::MatrixXd a = problem.design.transpose() * problem.w.array().square().matrix().asDiagonal() * problem.design;
    const Eigen::VectorXd c = problem.design.transpose() * (problem.w.array().square() * problem.y.array()).matrix();
    // Off-diagonal elements scaled, so that the projection is the nearest point; ln S0 eliminated.
    Eigen::VectorXd scale(6);
    scale << 1, 1, 1, std::sqrt(0.5), std::sqrt(0.5), std::sqrt(0.5);
    const Eigen::MatrixXd m = scale.asDiagonal() * (a.topLeftCorner(6, 6) - a.topRightCorner(6, 1) * a.bottomLeftCorner(1, 6) / a(6, 6)) * scale.asDiagonal();
    const Eigen::VectorXd r = scale.asDiagonal() * (c.head(6) - a.topRightCorner(6, 1) * (c[6] / a(6, 6)));
    const double step = 1 / Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(m).eigenvalues().maxCoeff();
    Eigen::VectorXd x = Eigen::VectorXd::Zero(6), z = x;
    double t = 1;
    for (int pass = 0; pass < 20000; ++pass) {
        const Eigen::VectorXd d = scale.asDiagonal() * (z - step * (m * z - r));
        Eigen::Matrix3d tensor;
        tensor << d[0], d[3], d[4], d[3], d[1], d[5], d[4], d[5], d[2];
        const Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d> eigen(tensor);
        const Eigen::Matrix3d clipped = eigen.eigenvectors() * eigen.eigenvalues().cwiseMax(0).asDiagonal() * eigen.eigenvectors().transpose();
        Eigen::VectorXd next(6);
        next << clipped(0, 0), clipped(1, 1), clipped(2, 2), clipped(0, 1), clipped(0, 2), clipped(1, 2);
        next = next.array() / scale.array();
        const bool restart = (z - next).dot(next - x) > 0;
        const double grown = restart ? 1 : (1 + std::sqrt(1 + 4 * t * t)) / 2;
        z = next + (restart ? 0 : (t - 1) / grown) * (next - x);
        x = next;
        t = grown;
    }
    Eigen::VectorXd p(7);
    p.head(6) = scale.asDiagonal() * x;
    p[6] = (c[6] - a.row(6).head(6).dot(p.head(6))) / a(6, 6);
    return p;
}

}  // namespace arcuate::reference
