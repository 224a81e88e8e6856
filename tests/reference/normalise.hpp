// Field and balance of tissues in double precision, naively: truly alternating least squares with libm's logarithm, by QR, to the last digit.
#pragma once

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <vector>

namespace arcuate::reference {

struct NormalisedTissues {
    Eigen::VectorXd log_field;  ///< minus the polynomial, per voxel
    Eigen::VectorXd balance;    ///< geometric mean 1
    long used = 0;
};

/// `l0` (voxels, tissues), all sums positive; `position` (voxels, 3), of order 1.
inline NormalisedTissues normalised_tissues(const Eigen::MatrixXd& l0, const Eigen::MatrixXd& position, int order, double reference) {
    std::vector<Eigen::VectorXd> columns;
    for (int i = 0; i <= order; ++i)
        for (int j = 0; i + j <= order; ++j)
            for (int k = 0; i + j + k <= order; ++k)
                columns.push_back(position.col(0).array().pow(i) * position.col(1).array().pow(j) * position.col(2).array().pow(k));
    Eigen::MatrixXd basis(l0.rows(), static_cast<long>(columns.size()));
    for (std::size_t c = 0; c < columns.size(); ++c) basis.col(static_cast<long>(c)) = columns[c];

    Eigen::VectorXd log_balance = Eigen::VectorXd::Zero(l0.cols()), polynomial = Eigen::VectorXd::Zero(l0.rows());
    NormalisedTissues out;
    for (int iteration = 0; iteration < 400; ++iteration) {
        const Eigen::VectorXd log_sum = (l0 * log_balance.array().exp().matrix() / reference).array().log();
        const Eigen::VectorXd residual = log_sum - polynomial;
        std::vector<double> sorted(residual.data(), residual.data() + residual.size());
        std::sort(sorted.begin(), sorted.end());
        const double first = sorted[(sorted.size() - 1) / 4], third = sorted[3 * (sorted.size() - 1) / 4];
        const double ranges = (iteration < 50 ? 3.0 : 1.5) * (third - first);
        std::vector<long> kept;
        for (long v = 0; v < residual.size(); ++v)
            if (residual[v] >= first - ranges && residual[v] <= third + ranges) kept.push_back(v);
        out.used = static_cast<long>(kept.size());
        // The field under this balance.
        polynomial = basis * basis(kept, Eigen::all).householderQr().solve(log_sum(kept));
        // One Gauss-Newton step of the balance under this field, with a constant that is free, as the geometric mean is not.
        const Eigen::MatrixXd share = (l0.array().rowwise() * log_balance.array().exp().transpose().eval()).colwise() / (l0 * log_balance.array().exp().matrix()).array();
        const Eigen::VectorXd step = share(kept, Eigen::all).householderQr().solve((polynomial - log_sum)(kept));
        log_balance += step;
        log_balance.array() -= log_balance.mean();
    }
    out.log_field = -polynomial;
    out.balance = log_balance.array().exp();
    return out;
}

}  // namespace arcuate::reference
