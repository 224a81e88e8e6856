// A replicate of a voxel's signal straight from its definition: QR fits of each shell, leverages from their projector. Only the random bits are the kernel's.
#pragma once

#include "arcuate/core/gradient_table.hpp"
#include "kernels/philox.hpp"
#include "reference/spherical_harmonics.hpp"

#include <Eigen/Dense>

#include <vector>

namespace arcuate::reference {

/// The fit of every volume, and what a random sign is given to.
struct SignalFit {
    std::vector<double> fitted, error;
};

/// `lmax`: of every shell, ascending in b; -1: no fit, the shell's volumes are followed.
inline SignalFit fit_signal(const GradientTable& table, const std::vector<double>& signal, const std::vector<int>& lmax) {
    SignalFit out{signal, std::vector<double>(signal.size(), NAN)};
    double squares = 0, free = 0;
    const auto shells = find_shells(table);
    for (std::size_t s = 0; s < shells.size(); ++s) {
        if (lmax[s] < 0) continue;
        const auto& volumes = shells[s].volumes;
        const auto n = static_cast<Eigen::Index>(volumes.size());
        Eigen::MatrixXd basis(n, sh_count(lmax[s]));
        Eigen::VectorXd y(n);
        for (Eigen::Index i = 0; i < n; ++i) {
            const auto v = static_cast<std::size_t>(volumes[static_cast<std::size_t>(i)]);
            const auto& d = table.directions[v];
            const auto row = lmax[s] == 0 ? std::vector<double>{1} : spherical_harmonics(lmax[s], d[0], d[1], d[2]);
            for (std::size_t c = 0; c < row.size(); ++c) basis(i, static_cast<Eigen::Index>(c)) = row[c];
            y[i] = signal[v];
        }
        const Eigen::VectorXd fitted = basis * basis.colPivHouseholderQr().solve(y);
        const Eigen::VectorXd leverage = (basis * (basis.transpose() * basis).inverse() * basis.transpose()).diagonal();
        for (Eigen::Index i = 0; i < n; ++i) {
            const auto v = static_cast<std::size_t>(volumes[static_cast<std::size_t>(i)]);
            out.fitted[v] = fitted[i];
            if (leverage[i] < 0.95) out.error[v] = (y[i] - fitted[i]) / std::sqrt(1 - leverage[i]);
        }
        squares += (y - fitted).squaredNorm();
        free += static_cast<double>(n - basis.cols());
    }
    for (double& e : out.error)
        if (std::isnan(e)) e = std::sqrt(squares / free);
    return out;
}

inline std::vector<double> replicate(const SignalFit& fit, std::uint64_t item, std::uint64_t seed, std::uint32_t number) {
    const kernels::Philox stream{seed, item, kernels::Purpose::resampling, number};
    std::vector<double> out;
    for (std::uint32_t v = 0; v < fit.fitted.size(); ++v) {
        const bool minus = stream(v / 128).v[v % 128 / 32] >> (v % 32) & 1;
        out.push_back(std::fabs(fit.fitted[v] + (minus ? -fit.error[v] : fit.error[v])));
    }
    return out;
}

}  // namespace arcuate::reference
