// The bootstrap of a tensor fit straight from its definition: every replicate is a signal, fitted again by QR; order statistics by sorting.
// Only the random bits are the kernel's.
#pragma once

#include "kernels/philox.hpp"
#include "reference/tensor.hpp"

#include <vector>

namespace arcuate::reference {

struct Bootstrap {
    double fa_se, fa_interval[2], fa_percentiles[2], md_se, md_interval[2], md_percentiles[2], cone95;  ///< MD [mm2/s], cone [degrees]
};

/// Percentile q of a list, between its order statistics.
inline double percentile(std::vector<double> values, double q) {
    std::sort(values.begin(), values.end());
    const double place = q * static_cast<double>(values.size() - 1);
    const auto k = std::min(static_cast<std::size_t>(place), values.size() - 2);
    return values[k] + (place - static_cast<double>(k)) * (values[k + 1] - values[k]);
}

/// `correction`: power of 1 - leverage that residuals are divided by. IWLS with two reweighting passes.
inline Bootstrap bootstrap(const GradientTable& table, const std::vector<double>& signal, std::uint64_t item, std::uint64_t seed, int replicates, bool wild,
                           double correction) {
    WeightedProblem problem = weighted_problem(table, signal, true);
    const auto n = problem.y.size();
    const auto fit = [&](const Eigen::VectorXd& y) -> Eigen::VectorXd {
        return (problem.w.asDiagonal() * problem.design).colPivHouseholderQr().solve(problem.w.asDiagonal() * y);
    };
    Eigen::VectorXd p = fit(problem.y);
    for (int pass = 0; pass < 3; ++pass) {  // the third leaves the weights that the fit's own prediction gives
        problem.w = (problem.design * p).array().exp() / std::exp(p[6]);
        if (pass < 2) p = fit(problem.y);
    }
    const Eigen::MatrixXd weighted = problem.w.asDiagonal() * problem.design;
    const Eigen::VectorXd h = (weighted * (weighted.transpose() * weighted).inverse() * weighted.transpose()).diagonal();
    const Eigen::VectorXd predicted = problem.design * p, residual = problem.y - predicted;
    double sum = 0;
    std::vector<double> pool;
    for (Eigen::Index v = 0; v < n; ++v) {
        if (1 - h[v] < 0.05) continue;
        sum += std::pow(problem.w[v] * residual[v], 2);
        pool.push_back(problem.w[v] * residual[v] / std::pow(1 - h[v], correction));
    }
    double mean = 0;
    for (const double e : pool) mean += e / static_cast<double>(pool.size());

    std::vector<double> fa, md;
    std::vector<Eigen::Vector3d> v1;
    for (int r = 0; r < replicates; ++r) {
        const kernels::Philox stream{seed, item, kernels::Purpose::bootstrap, static_cast<std::uint32_t>(r)};
        Eigen::VectorXd y = predicted;
        for (Eigen::Index v = 0; v < n; ++v) {
            const auto u = static_cast<std::uint32_t>(v);
            if (wild) {
                const bool minus = stream(u / 128).v[u % 128 / 32] >> (u % 32) & 1;
                const double e = 1 - h[v] < 0.05 ? std::sqrt(sum / static_cast<double>(n - 7)) / problem.w[v] : residual[v] / std::pow(1 - h[v], correction);
                y[v] += minus ? -e : e;
            } else {
                const auto drawn = kernels::uniform_below(stream(u / 4).v[u % 4], static_cast<std::uint32_t>(pool.size()));
                y[v] += (pool[drawn] - mean) / problem.w[v];
            }
        }
        const Eigen::VectorXd q = fit(y);
        Eigen::Matrix3d d;
        d << q[0], q[3], q[4], q[3], q[1], q[5], q[4], q[5], q[2];
        const Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d> eigen(d);
        const Eigen::Vector3d l = eigen.eigenvalues();
        md.push_back(l.mean() / 1000);
        fa.push_back(std::sqrt(1.5 * (l.array() - l.mean()).square().sum() / l.squaredNorm()));
        v1.push_back(eigen.eigenvectors().col(2));
    }
    Bootstrap out{};
    Eigen::Matrix3d d;
    d << p[0], p[3], p[4], p[3], p[1], p[5], p[4], p[5], p[2];
    const Eigen::Vector3d l = Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d>(d).eigenvalues();
    const auto summarise = [&](const std::vector<double>& values, double estimate, double& se, double* interval, double* percentiles) {
        double average = 0, squares = 0;
        for (const double x : values) average += x / replicates;
        for (const double x : values) squares += (x - average) * (x - average);
        se = std::sqrt(squares / (replicates - 1));
        interval[0] = estimate - 1.96 * se;
        interval[1] = estimate + 1.96 * se;
        percentiles[0] = percentile(values, 0.025);
        percentiles[1] = percentile(values, 0.975);
    };
    summarise(fa, std::sqrt(1.5 * (l.array() - l.mean()).square().sum() / l.squaredNorm()), out.fa_se, out.fa_interval, out.fa_percentiles);
    summarise(md, l.mean() / 1000, out.md_se, out.md_interval, out.md_percentiles);
    out.fa_interval[0] = std::max(0.0, out.fa_interval[0]);
    Eigen::Matrix3d dyadic = Eigen::Matrix3d::Zero();
    for (const auto& v : v1) dyadic += v * v.transpose();
    const Eigen::Vector3d axis = Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d>(dyadic).eigenvectors().col(2);
    std::vector<double> angles;
    for (const auto& v : v1) angles.push_back(std::asin(std::min(1.0, v.cross(axis).norm())) * 180 / M_PI);
    out.cone95 = percentile(angles, 0.95);
    return out;
}

}  // namespace arcuate::reference
