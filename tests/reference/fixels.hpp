// Lobes of an FOD and lengths of streamlines in voxels, written down as they are said, in double.
#pragma once

#include "arcuate/core/directions.hpp"
#include "arcuate/core/image.hpp"

#include "reference/spherical_harmonics.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <span>
#include <vector>

namespace arcuate::reference {

struct Lobes {
    std::vector<double> integral;   ///< by falling peak
    std::vector<int> of_direction;  ///< the lobe of each direction, -1 for none
};

/// Of the weights that integrate every harmonic up to lmax exactly over the sphere, those nearest to equal ones (least squares, by Eigen) [sr].
inline std::vector<double> sample_weights(const DirectionNet& net, int lmax) {
    const auto n = static_cast<Eigen::Index>(net.directions.size());
    Eigen::MatrixXd basis(n, sh_count(lmax));
    for (Eigen::Index i = 0; i < n; ++i) {
        const auto& d = net.directions[static_cast<std::size_t>(i)];
        const auto y = spherical_harmonics(lmax, d[0], d[1], d[2]);
        for (Eigen::Index j = 0; j < basis.cols(); ++j) basis(i, j) = y[static_cast<std::size_t>(j)];
    }
    Eigen::VectorXd integral = Eigen::VectorXd::Zero(basis.cols());
    integral(0) = std::sqrt(4 * std::numbers::pi);
    const Eigen::VectorXd equal = Eigen::VectorXd::Constant(n, 4 * std::numbers::pi / static_cast<double>(n));
    const Eigen::VectorXd weights = equal + basis.transpose().completeOrthogonalDecomposition().solve(integral - basis.transpose() * equal);
    return {weights.data(), weights.data() + n};
}

/// Samples from the largest down: one beside no lobe begins one, beside one joins it; one beside several belongs to the highest, but only in the end.
inline Lobes lobes(const std::vector<float>& fod, int lmax, const DirectionNet& net, const std::vector<double>& weights, double threshold, bool dilate) {
    const int n = static_cast<int>(net.directions.size());
    const auto neighbours = [&](int i) { return std::span(net.neighbours).subspan(static_cast<std::size_t>(i) * 6, 6); };
    std::vector<double> amplitude;
    for (const auto& d : net.directions) {
        const auto basis = spherical_harmonics(lmax, d[0], d[1], d[2]);
        amplitude.push_back(std::inner_product(basis.begin(), basis.end(), fod.begin(), 0.0));
    }
    std::vector<int> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    const auto at = [&](int i) { return amplitude[static_cast<std::size_t>(i)]; };
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return at(a) > at(b); });
    std::vector<int> lobe(static_cast<std::size_t>(n), -1), later(static_cast<std::size_t>(n), -1), peaks;
    for (const int i : order) {
        if (at(i) <= 0) break;
        std::set<int> beside;
        for (const int j : neighbours(i))
            if (j != i && lobe[static_cast<std::size_t>(j)] >= 0) beside.insert(lobe[static_cast<std::size_t>(j)]);
        if (beside.empty()) {
            lobe[static_cast<std::size_t>(i)] = static_cast<int>(peaks.size());
            peaks.push_back(i);
        } else if (beside.size() == 1) {
            lobe[static_cast<std::size_t>(i)] = *beside.begin();
        } else {
            later[static_cast<std::size_t>(i)] = *beside.begin();
        }
    }
    Lobes out;
    const int kept = static_cast<int>(std::count_if(peaks.begin(), peaks.end(), [&](int p) { return at(p) >= threshold; }));
    out.integral.assign(static_cast<std::size_t>(kept), 0);
    for (int i = 0; i < n; ++i) {
        const auto u = static_cast<std::size_t>(i);
        const int l = std::max(lobe[u], later[u]);
        out.of_direction.push_back(l < kept ? l : -1);
        if (out.of_direction.back() >= 0) out.integral[static_cast<std::size_t>(l)] += at(i) * weights[u];
    }
    for (bool changed = dilate && kept > 0; changed;) {
        changed = false;
        auto next = out.of_direction;
        for (int i = 0; i < n; ++i) {
            int& mine = next[static_cast<std::size_t>(i)];
            if (mine >= 0) continue;
            for (const int j : neighbours(i)) {
                const int other = out.of_direction[static_cast<std::size_t>(j)];
                if (other >= 0 && (mine < 0 || out.integral[static_cast<std::size_t>(other)] > out.integral[static_cast<std::size_t>(mine)])) mine = other;
            }
            changed = changed || mine >= 0;
        }
        out.of_direction = next;
    }
    return out;
}

/// Length [mm] of a streamline in each voxel it passes, by linear index: every segment cut at every face it meets.
inline std::map<std::int64_t, double> voxel_lengths(std::span<const float> line, const Grid& grid) {
    std::map<std::int64_t, double> out;
    const Affine back = inverse(grid.voxel_to_world);
    for (std::size_t v = 3; v + 2 < line.size(); v += 3) {
        const Vec3d a{line[v - 3], line[v - 2], line[v - 1]}, b{line[v], line[v + 1], line[v + 2]};
        const Vec3d p = transform_point(back, a), q = transform_point(back, b);
        std::vector<double> cuts{0, 1};
        for (std::size_t k = 0; k < 3; ++k)
            for (double face = std::ceil(std::min(p[k], q[k]) - 0.5) + 0.5; face < std::max(p[k], q[k]); face += 1) {
                const double t = (face - p[k]) / (q[k] - p[k]);
                if (t > 0 && t < 1) cuts.push_back(t);
            }
        std::sort(cuts.begin(), cuts.end());
        const double length = std::hypot(b[0] - a[0], b[1] - a[1], b[2] - a[2]);
        for (std::size_t c = 1; c < cuts.size(); ++c) {
            const double middle = 0.5 * (cuts[c - 1] + cuts[c]);
            std::int64_t at[3];
            for (std::size_t k = 0; k < 3; ++k) at[k] = static_cast<std::int64_t>(std::floor(p[k] + middle * (q[k] - p[k]) + 0.5));
            if (grid.contains(at[0], at[1], at[2])) out[grid.index(at[0], at[1], at[2])] += (cuts[c] - cuts[c - 1]) * length;
        }
    }
    return out;
}

}  // namespace arcuate::reference
