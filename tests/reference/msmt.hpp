// Multi-tissue spherical deconvolution of one voxel, straight from its description (Jeurissen 2014): the textbook's non-negative least squares
// (Lawson & Hanson 1974, algorithm NNLS) of the multipliers, every system solved anew by an orthogonal factorisation.
#pragma once

#include "arcuate/core/gradient_table.hpp"
#include "reference/csd.hpp"

namespace arcuate::reference {

struct MsmtSystem {
    Eigen::MatrixXd c;  ///< (volumes, unknowns)
    Eigen::MatrixXd a;  ///< (constraints, unknowns) amplitudes that may not be negative
};

/// responses[tissue][shell]; `shell_of` volume; lmax of each tissue.
inline MsmtSystem msmt_system(const GradientTable& t, const std::vector<std::size_t>& shell_of, const std::vector<std::vector<std::vector<double>>>& responses,
                              const std::vector<int>& lmax, const std::vector<Vec3d>& constraint) {
    Eigen::Index unknowns = 0, rows = 0;
    for (const int l : lmax) {
        unknowns += sh_count(l);
        rows += l > 0 ? static_cast<Eigen::Index>(constraint.size()) : 1;
    }
    MsmtSystem out{Eigen::MatrixXd::Zero(t.size(), unknowns), Eigen::MatrixXd::Zero(rows, unknowns)};
    Eigen::Index column = 0, row = 0;
    for (std::size_t tissue = 0; tissue < lmax.size(); ++tissue) {
        const int n = sh_count(lmax[tissue]);
        for (Eigen::Index v = 0; v < t.size(); ++v) {
            auto response = responses[tissue][shell_of[static_cast<std::size_t>(v)]];
            response.resize(static_cast<std::size_t>(lmax[tissue] / 2 + 1), 0.0);
            auto direction = t.directions[static_cast<std::size_t>(v)];
            if (t.b_values[static_cast<std::size_t>(v)] <= 10) direction = {0, 0, 1};
            out.c.row(v).segment(column, n) = sh_matrix({direction}, lmax[tissue]).row(0).cwiseProduct(convolution(response, lmax[tissue]).transpose());
        }
        const auto directions = lmax[tissue] > 0 ? constraint : std::vector<Vec3d>{{0, 0, 1}};
        out.a.block(row, column, static_cast<Eigen::Index>(directions.size()), n) = sh_matrix(directions, lmax[tissue]);
        column += n;
        row += static_cast<Eigen::Index>(directions.size());
    }
    return out;
}

inline Eigen::VectorXd msmt(const MsmtSystem& system, const std::vector<double>& signal) {
    const Eigen::VectorXd s = Eigen::Map<const Eigen::VectorXd>(signal.data(), static_cast<Eigen::Index>(signal.size())).cwiseMax(0);
    Eigen::MatrixXd normal = system.c.transpose() * system.c;
    normal.diagonal().array() += 1e-10 * normal.diagonal().maxCoeff();
    const Eigen::LLT<Eigen::MatrixXd> llt(normal);
    const Eigen::MatrixXd l = llt.matrixL();
    const Eigen::VectorXd b = l.triangularView<Eigen::Lower>().solve(system.c.transpose() * s);
    Eigen::MatrixXd columns = l.triangularView<Eigen::Lower>().solve(system.a.transpose());  // min |b + columns m|, m >= 0
    columns.colwise().normalize();
    Eigen::VectorXd m = Eigen::VectorXd::Zero(columns.cols());
    std::vector<Eigen::Index> passive;
    for (int iteration = 0; iteration < 2000; ++iteration) {
        const Eigen::VectorXd slope = columns.transpose() * (b + columns * m);
        Eigen::Index worst = 0;
        if (slope.minCoeff(&worst) > -1e-9 * b.norm() || std::find(passive.begin(), passive.end(), worst) != passive.end()) break;
        passive.push_back(worst);
        while (true) {
            Eigen::MatrixXd chosen(columns.rows(), static_cast<Eigen::Index>(passive.size()));
            for (std::size_t i = 0; i < passive.size(); ++i) chosen.col(static_cast<Eigen::Index>(i)) = columns.col(passive[i]);
            const Eigen::VectorXd target = chosen.colPivHouseholderQr().solve(-b);
            double fraction = 1;
            for (std::size_t i = 0; i < passive.size(); ++i)
                if (target[static_cast<Eigen::Index>(i)] <= 0) fraction = std::min(fraction, m[passive[i]] / (m[passive[i]] - target[static_cast<Eigen::Index>(i)]));
            std::vector<Eigen::Index> kept;
            for (std::size_t i = 0; i < passive.size(); ++i) {
                const double to = target[static_cast<Eigen::Index>(i)], from = m[passive[i]];
                if (to <= 0 && from / (from - to) <= fraction) {
                    m[passive[i]] = 0;
                    continue;
                }
                m[passive[i]] = from + fraction * (to - from);
                kept.push_back(passive[i]);
            }
            const bool done = kept.size() == passive.size();
            passive = kept;
            if (done || passive.empty()) break;
        }
    }
    return l.transpose().triangularView<Eigen::Upper>().solve(b + columns * m);
}

}  // namespace arcuate::reference
