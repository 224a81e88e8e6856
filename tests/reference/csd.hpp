// Constrained spherical deconvolution of one voxel, straight from its description (Tournier 2007): the whole system anew in every iteration.
#pragma once

#include "arcuate/core/affine.hpp"
#include "reference/spherical_harmonics.hpp"

#include <Eigen/Dense>

#include <algorithm>

namespace arcuate::reference {

/// (directions, coefficients)
inline Eigen::MatrixXd sh_matrix(const std::vector<Vec3d>& directions, int lmax) {
    Eigen::MatrixXd out(static_cast<Eigen::Index>(directions.size()), sh_count(lmax));
    for (std::size_t i = 0; i < directions.size(); ++i) {
        const auto row = spherical_harmonics(lmax, directions[i][0], directions[i][1], directions[i][2]);
        for (std::size_t c = 0; c < row.size(); ++c) out(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(c)) = row[c];
    }
    return out;
}

/// What each coefficient of an FOD is multiplied by to give the signal's: r_l / Y_l0(z).
inline Eigen::VectorXd convolution(const std::vector<double>& response, int lmax) {
    Eigen::VectorXd out(sh_count(lmax));
    for (int l = 0; l <= lmax; l += 2)
        out.segment(sh_index(l, -l), 2 * l + 1).setConstant(response[static_cast<std::size_t>(l / 2)] / spherical_harmonic(l, 0, 0, 0));
    return out;
}

/// |M f - s|^2 + norm |f|^2 + |H_neg f|^2, whose minimum is the FOD.
struct CsdFunction {
    Eigen::MatrixXd regularised, h;  ///< M^T M + norm; H
    Eigen::VectorXd rhs;             ///< M^T s

    CsdFunction(const std::vector<Vec3d>& gradients, const std::vector<Vec3d>& constraint, const std::vector<double>& response, int lmax, const Eigen::VectorXd& s) {
        const Eigen::MatrixXd m = sh_matrix(gradients, lmax) * convolution(response, lmax).asDiagonal();
        h = 50 * response[0] / static_cast<double>(constraint.size()) * sh_matrix(constraint, lmax);
        regularised = m.transpose() * m;
        regularised.diagonal().array() += 2e-4 * regularised(0, 0);
        rhs = m.transpose() * s;
    }
    std::vector<Eigen::Index> negative(const Eigen::VectorXd& f) const {
        const Eigen::VectorXd amplitude = h * f;
        std::vector<Eigen::Index> out;
        for (Eigen::Index d = 0; d < amplitude.size(); ++d)
            if (amplitude[d] < 0) out.push_back(d);
        return out;
    }
    Eigen::MatrixXd system(const std::vector<Eigen::Index>& negative) const {
        Eigen::MatrixXd out = regularised;
        for (const auto d : negative) out += h.row(d).transpose() * h.row(d);
        return out;
    }
    /// Half of the function's, over |M^T s|.
    double relative_gradient(const Eigen::VectorXd& f) const { return (system(negative(f)) * f - rhs).norm() / rhs.norm(); }
};

inline Eigen::VectorXd not_negative(const std::vector<double>& signal) { return Eigen::Map<const Eigen::VectorXd>(signal.data(), static_cast<Eigen::Index>(signal.size())).cwiseMax(0); }

inline Eigen::VectorXd csd(const std::vector<Vec3d>& gradients, const std::vector<Vec3d>& constraint, const std::vector<double>& response,
                           int lmax, const std::vector<double>& signal) {
    const Eigen::VectorXd s = not_negative(signal);
    // Linear deconvolution up to lmax 4.
    int low = std::min({lmax, 4, 2 * static_cast<int>(response.size()) - 2});
    while (sh_count(low) > s.size()) low -= 2;
    Eigen::VectorXd f = Eigen::VectorXd::Zero(sh_count(lmax));
    f.head(sh_count(low)) = sh_matrix(gradients, low).colPivHouseholderQr().solve(s).cwiseQuotient(convolution(response, low));

    const CsdFunction function(gradients, constraint, response, lmax, s);
    std::vector<Eigen::Index> previous{-1};
    for (int iteration = 0; iteration < 50; ++iteration) {
        const auto negative = function.negative(f);
        if (negative == previous) break;
        f = function.system(negative).ldlt().solve(function.rhs);
        previous = negative;
    }
    return f;
}

}  // namespace arcuate::reference
