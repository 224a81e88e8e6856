#include "dwi/zonal_fit.hpp"

#include "arcuate/conventions.hpp"
#include "arcuate/core/error.hpp"
#include "kernels/sh_basis.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace arcuate::dwi {

namespace {

constexpr int largest_lmax = 12;

/// Y_l0 and its derivative by the cosine, l = 0, 2, ..., 12.
struct Zonal {
    double value[largest_lmax / 2 + 1], slope[largest_lmax / 2 + 1];
};

Zonal zonal(double z) {
    Zonal out{};
    kernels::zonal_basis<largest_lmax>(z, out.value);
    double pole[largest_lmax / 2 + 1];
    kernels::zonal_basis<largest_lmax>(1.0, pole);
    // P_l(1) = 1, so Y_l0 = pole P_l. P and P' by their three-term recurrences.
    double p0 = 1, p1 = z, d0 = 0, d1 = 1;
    for (int l = 1; l < largest_lmax; ++l) {
        const double p2 = ((2 * l + 1) * z * p1 - l * p0) / (l + 1);
        const double d2 = d0 + (2 * l + 1) * p1;
        if ((l + 1) % 2 == 0) out.slope[(l + 1) / 2] = pole[(l + 1) / 2] * d2;
        p0 = p1, p1 = p2, d0 = d1, d1 = d2;
    }
    return out;
}

/// Rows c with c . r >= 0 for an admissible response, unit length.
Matrix constraint_rows(std::size_t n) {
    Matrix out(181, n);
    std::size_t row = 0;
    for (int degree = 0; degree <= 90; ++degree) {
        const double z = degree == 90 ? 0.0 : static_cast<double>(kernels::cos(static_cast<float>(degree) * (kernels::pi / 180)));
        const Zonal y = zonal(z);
        for (std::size_t i = 0; i < n; ++i) out(row, i) = y.value[i];  // amplitude >= 0
        ++row;
        // It rises with the angle, so it falls with the cosine. At 90 degrees every even series is flat.
        if (degree == 90) continue;
        for (std::size_t i = 0; i < n; ++i) out(row, i) = -y.slope[i];
        ++row;
    }
    for (std::size_t r = 0; r < out.rows; ++r) {
        double square = 0;
        for (std::size_t i = 0; i < n; ++i) square += out(r, i) * out(r, i);
        const double scale = 1 / kernels::sqrt(square);
        for (std::size_t i = 0; i < n; ++i) out(r, i) *= scale;
    }
    return out;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

/// Least squares of target on some columns, by Gram-Schmidt orthogonalisation done twice (neighbouring angles are nearly parallel).
/// Empty where the columns are dependent.
std::vector<double> least_squares(const std::vector<std::vector<double>>& columns, const std::vector<double>& target) {
    std::vector<std::vector<double>> q;
    const std::size_t n = columns.size();
    Matrix r(n, n);
    for (std::size_t j = 0; j < n; ++j) {
        auto v = columns[j];
        const double before = kernels::sqrt(dot(v, v));
        for (int pass = 0; pass < 2; ++pass)
            for (std::size_t k = 0; k < j; ++k) {
                const double s = dot(q[k], v);
                r(k, j) += s;
                for (std::size_t i = 0; i < v.size(); ++i) v[i] -= s * q[k][i];
            }
        r(j, j) = kernels::sqrt(dot(v, v));
        if (!(r(j, j) > 1e-12 * before)) return {};
        for (double& value : v) value /= r(j, j);
        q.push_back(std::move(v));
    }
    std::vector<double> x(n);
    for (std::size_t j = n; j-- > 0;) {
        x[j] = dot(q[j], target);
        for (std::size_t k = j + 1; k < n; ++k) x[j] -= r(j, k) * x[k];
        x[j] /= r(j, j);
    }
    return x;
}

/// min |columns x - target| with x >= 0: the active set method of Lawson & Hanson (1974, ch. 23). Returns target - columns x.
std::vector<double> nonnegative_residual(const std::vector<std::vector<double>>& columns, const std::vector<double>& target) {
    std::vector<double> x(columns.size(), 0.0), residual = target;
    std::vector<std::size_t> passive;
    const double tolerance = 1e-10 * kernels::sqrt(dot(target, target));
    for (int iteration = 0; iteration < 1000; ++iteration) {
        std::size_t best = columns.size();
        double steepest = tolerance;
        for (std::size_t j = 0; j < columns.size(); ++j) {
            if (std::find(passive.begin(), passive.end(), j) != passive.end()) continue;
            if (const double w = dot(columns[j], residual); w > steepest) {
                steepest = w;
                best = j;
            }
        }
        if (best == columns.size()) break;
        passive.push_back(best);
        while (!passive.empty()) {
            std::vector<std::vector<double>> chosen;
            for (const auto j : passive) chosen.push_back(columns[j]);
            const auto s = least_squares(chosen, target);
            if (s.empty()) {  // the newcomer adds nothing
                x[passive.back()] = 0;
                passive.pop_back();
                return residual;
            }
            if (std::all_of(s.begin(), s.end(), [](double v) { return v > 0; })) {
                for (std::size_t k = 0; k < passive.size(); ++k) x[passive[k]] = s[k];
                break;
            }
            // As far towards s as every coefficient stays non-negative; those that reach zero leave.
            double fraction = 1;
            for (std::size_t k = 0; k < passive.size(); ++k)
                if (s[k] <= 0) fraction = std::min(fraction, x[passive[k]] / (x[passive[k]] - s[k]));
            std::vector<std::size_t> kept;
            for (std::size_t k = 0; k < passive.size(); ++k) {
                double& value = x[passive[k]];
                const bool leaves = s[k] <= 0 && value / (value - s[k]) <= fraction;
                value = leaves ? 0 : value + fraction * (s[k] - value);
                if (!leaves) kept.push_back(passive[k]);
            }
            passive = std::move(kept);
        }
        residual = target;
        for (const auto j : passive)
            for (std::size_t i = 0; i < residual.size(); ++i) residual[i] -= x[j] * columns[j][i];
    }
    return residual;
}

}  // namespace

ZonalFit::ZonalFit(int lmax)
    : normal_(static_cast<std::size_t>(lmax / 2 + 1), static_cast<std::size_t>(lmax / 2 + 1)), rhs_(static_cast<std::size_t>(lmax / 2 + 1), 1) {
    if (lmax < 2 || lmax > largest_lmax || lmax % 2)
        throw InputError(fmt::format("lmax {} is not available for response functions (it is even, from 2 to 12); choose one of these", lmax));
}

void ZonalFit::add(double cosine, double amplitude) {
    double y[largest_lmax / 2 + 1];
    kernels::zonal_basis<largest_lmax>(cosine, y);
    for (std::size_t i = 0; i < normal_.rows; ++i) {
        for (std::size_t j = 0; j < normal_.rows; ++j) normal_(i, j) += y[i] * y[j];
        rhs_(i, 0) += y[i] * amplitude;
    }
}

Matrix ZonalFit::factor() const {
    Matrix l = cholesky(normal_, 1e-12);
    if (l.values.empty())
        throw InputError("the response function is not determined (too few voxels or too few angles between fibres and gradients); lower its lmax");
    return l;
}

Response ZonalFit::solve_unconstrained() const { return cholesky_solve(factor(), rhs_).values; }

Response ZonalFit::solve() const {
    // With normal = L L^T and y = L^T r, the fit is the projection of L^-1 rhs onto the cone {y : (L^-1 c) . y >= 0}. By Moreau's
    // decomposition that is the residual, negated, of approximating -L^-1 rhs by a non-negative combination of the L^-1 c.
    const Matrix l = factor();
    const Matrix rows = constraint_rows(normal_.rows);
    std::vector<std::vector<double>> columns;
    for (std::size_t r = 0; r < rows.rows; ++r) {
        Matrix c(normal_.rows, 1);
        for (std::size_t i = 0; i < c.rows; ++i) c(i, 0) = rows(r, i);
        columns.push_back(forward_solve(l, c).values);
    }
    auto target = forward_solve(l, rhs_).values;
    for (double& v : target) v = -v;
    Matrix y(normal_.rows, 1);
    y.values = nonnegative_residual(columns, target);
    for (double& v : y.values) v = -v;
    return backward_solve(l, y).values;
}

}  // namespace arcuate::dwi
