// The logarithm and the exponential are the float ones of kernels/math.hpp: their error, some 1e-7 of a sum of tissues near 1, is that of the
// float images themselves. All else is in double. Sums are taken over blocks of voxels and then block by block, so threads do not change them.
#include "arcuate/dwi/normalise.hpp"

#include "arcuate/conventions.hpp"
#include "arcuate/core/error.hpp"
#include "backend/launch.hpp"
#include "dwi/dense.hpp"
#include "kernels/math.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace arcuate::dwi {

namespace {

constexpr std::int64_t block = 4096;   // voxels; part of the algorithm, as it decides the order of sums
constexpr int wide_iterations = 5;
constexpr double wide_limit = 3.0, narrow_limit = 1.5;  // interquartile ranges beyond the quartiles
constexpr double tolerance = 1e-5;     // of the field and the balance
constexpr double largest_step = 1.0;   // of a balance's logarithm, per iteration
constexpr double flat_mm = 1e-3;        // half a width below which the mask is one slice, and what is left is rounding
constexpr std::size_t most_terms = 20; // of a polynomial of order 3 in space

std::size_t term_count(int order) { return static_cast<std::size_t>((order + 1) * (order + 2) * (order + 3) / 6); }

/// Monomials of u by total order: 1, z, y, x, z^2, yz, ...
std::array<double, most_terms> monomials(const Vec3d& u, int order) {
    std::array<std::array<double, 4>, 3> power{};
    for (std::size_t axis = 0; axis < 3; ++axis) {
        power[axis][0] = 1;
        for (std::size_t n = 1; n < 4; ++n) power[axis][n] = power[axis][n - 1] * u[axis];
    }
    std::array<double, most_terms> out{};
    std::size_t term = 0;
    for (int n = 0; n <= order; ++n)
        for (int i = 0; i <= n; ++i)
            for (int j = 0; i + j <= n; ++j)
                out[term++] = power[0][static_cast<std::size_t>(i)] * power[1][static_cast<std::size_t>(j)] * power[2][static_cast<std::size_t>(n - i - j)];
    return out;
}

Vec3d position(const Grid& grid, std::int64_t v) {
    const auto& n = grid.size;
    return transform_point(grid.voxel_to_world, {static_cast<double>(v % n[0]), static_cast<double>(v / n[0] % n[1]), static_cast<double>(v / (n[0] * n[1]))});
}

/// World positions to [-1, 1] inside the mask.
struct Box {
    Vec3d centre{}, half_width{};
    Vec3d operator()(const Vec3d& p) const {
        Vec3d u{};
        for (std::size_t axis = 0; axis < 3; ++axis) u[axis] = half_width[axis] > flat_mm ? (p[axis] - centre[axis]) / half_width[axis] : 0.0;
        return u;
    }
};
Box box_around(const Grid& grid, const std::vector<std::int64_t>& voxels) {
    Vec3d low = position(grid, voxels.front()), high = low;
    for (const auto v : voxels) {
        const Vec3d p = position(grid, v);
        for (std::size_t axis = 0; axis < 3; ++axis) {
            low[axis] = std::min(low[axis], p[axis]);
            high[axis] = std::max(high[axis], p[axis]);
        }
    }
    Box box;
    for (std::size_t axis = 0; axis < 3; ++axis) {
        box.centre[axis] = (low[axis] + high[axis]) / 2;
        box.half_width[axis] = (high[axis] - low[axis]) / 2;
    }
    return box;
}

/// The value at rank `fraction` (n - 1), rounded down.
double quantile(std::vector<double>& values, std::size_t quarters) {
    const auto at = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) * quarters / 4);
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

double log_of(double x) { return static_cast<double>(kernels::log(static_cast<float>(x))); }
double exp_of(double x) { return static_cast<double>(kernels::exp(static_cast<float>(x))); }

/// What is known of the usable voxels, and the unknowns as they stand.
struct Fit {
    const Device& device;
    const NormaliseOptions& options;
    std::size_t tissues, terms;
    std::vector<double> l0;         // (voxels, tissues)
    std::vector<Vec3d> u;           // (voxels)
    std::vector<double> coefficients, log_balance;
    std::vector<double> log_sum, residual;  // of the balanced sum over the reference; the same less the polynomial

    std::int64_t voxels() const { return static_cast<std::int64_t>(u.size()); }
    std::size_t unknowns() const { return terms + tissues - 1; }

    void update() {
        std::vector<double> balance;
        for (const double b : log_balance) balance.push_back(exp_of(b));
        parallel_for(device, voxels(), [&](std::int64_t v) {
            const auto i = static_cast<std::size_t>(v);
            double sum = 0;
            for (std::size_t t = 0; t < tissues; ++t) sum += balance[t] * l0[i * tissues + t];
            log_sum[i] = log_of(sum / options.reference);
            const auto basis = monomials(u[i], options.order);
            residual[i] = log_sum[i];
            for (std::size_t k = 0; k < terms; ++k) residual[i] -= coefficients[k] * basis[k];
        });
    }

    /// Normal equations of the voxels within the limits, the right side in the last column. The unknowns are the polynomial's coefficients c and
    /// the changes d of all but the last log balance, which is minus the sum of the others: log sum + sum of d share = polynomial.
    Matrix normal_equations(double low, double high) const {
        const std::size_t n = unknowns();
        const auto blocks = (voxels() + block - 1) / block;
        std::vector<Matrix> parts(static_cast<std::size_t>(blocks));
        std::vector<double> balance;
        for (const double b : log_balance) balance.push_back(exp_of(b));
        parallel_for(
            device, blocks,
            [&](std::int64_t b) {
                Matrix part(n, n + 1);
                std::vector<double> row(n + 1), share(tissues);
                for (std::int64_t v = b * block; v < std::min((b + 1) * block, voxels()); ++v) {
                    const auto i = static_cast<std::size_t>(v);
                    if (!(residual[i] >= low && residual[i] <= high)) continue;
                    const auto basis = monomials(u[i], options.order);
                    std::copy_n(basis.begin(), terms, row.begin());
                    double sum = 0;
                    for (std::size_t t = 0; t < tissues; ++t) {
                        share[t] = balance[t] * l0[i * tissues + t];
                        sum += share[t];
                    }
                    for (std::size_t t = 0; t + 1 < tissues; ++t) row[terms + t] = (share[tissues - 1] - share[t]) / sum;
                    row[n] = log_sum[i];
                    for (std::size_t r = 0; r < n; ++r)
                        for (std::size_t c = r; c <= n; ++c) part(r, c) += row[r] * row[c];
                }
                parts[static_cast<std::size_t>(b)] = std::move(part);
            },
            1);
        Matrix out(n, n + 1);
        for (const auto& part : parts)
            for (std::size_t k = 0; k < out.values.size(); ++k) out.values[k] += part.values[k];
        for (std::size_t r = 0; r < n; ++r)
            for (std::size_t c = 0; c < r; ++c) out(r, c) = out(c, r);
        return out;
    }

    /// The limits between which a voxel's residual must lie.
    std::pair<double, double> limits(double ranges) const {
        auto sorted = residual;
        const double first = quantile(sorted, 1), third = quantile(sorted, 3);
        return {first - ranges * (third - first), third + ranges * (third - first)};
    }
};

Matrix leading(const Matrix& m, std::size_t n) {
    Matrix out(n, n);
    for (std::size_t r = 0; r < n; ++r)
        for (std::size_t c = 0; c < n; ++c) out(r, c) = m(r, c);
    return out;
}

/// The unknowns; throws where the voxels do not determine them.
Matrix solve(const Matrix& equations, std::size_t terms) {
    const std::size_t n = equations.rows;
    const Matrix factor = cholesky(leading(equations, n));
    if (factor.rows == 0) {
        if (cholesky(leading(equations, terms)).rows == 0)
            throw InputError("the voxels of the mask do not determine the field (they lie in too few slices, rows or columns for a polynomial of this order); lower the order");
        throw InputError("the tissues cannot be balanced (one of them is everywhere the same share of the sum, or the voxels left hold one tissue alone); "
                         "check the tissues, or leave one out");
    }
    Matrix right(n, 1);
    for (std::size_t r = 0; r < n; ++r) right(r, 0) = equations(r, n);
    return cholesky_solve(factor, right);
}

void check(const std::vector<TissueImage>& tissues, const Mask& mask, const NormaliseOptions& options) {
    if (tissues.empty()) throw InputError("no tissue was given (there is nothing to normalise); give one or more");
    if (options.order < 0 || options.order > 3) throw InputError(fmt::format("order {} is not available (fields are polynomials of order 0 to 3); choose another", options.order));
    if (!(options.reference > 0) || !kernels::is_finite(static_cast<float>(options.reference)))
        throw InputError("the reference is not a positive number (tissues sum to it once normalised); give one above 0");
    if (options.max_iterations < 1) throw InputError("no iteration is allowed (the field is found by iterations); allow 1 or more");
    for (const auto& tissue : tissues) {
        require_same_grid(tissue.fod.grid, "the image of " + tissue.name, tissues.front().fod.grid, "the image of " + tissues.front().name);
        if (lmax_of_count(tissue.fod.volumes) < 0)
            throw InputError(fmt::format("the image of {} has {} volumes (FODs have 1, 6, 15, 28, 45, ... coefficients); give the output of arcuate fod", tissue.name, tissue.fod.volumes));
    }
    require_same_grid(mask.grid, "the mask", tissues.front().fod.grid, "the image of " + tissues.front().name);
}

void require_finite(const TissueImage& tissue, const std::vector<std::int64_t>& inside) {
    std::int64_t bad = 0;
    for (const auto v : inside) {
        bool finite = true;
        for (std::int64_t k = 0; k < tissue.fod.volumes; ++k) finite = finite && kernels::is_finite(tissue.fod.at(v, k));
        bad += !finite;
    }
    if (bad > 0)
        throw InputError(fmt::format("the image of {} is not finite in {} {} of the mask (a coefficient is NaN or infinite); "
                                     "repair the image, or take what is broken out of the mask",
                                     tissue.name, bad, bad == 1 ? "voxel" : "voxels"));
}

}  // namespace

Normalisation estimate_normalisation(const std::vector<TissueImage>& tissues, const Mask& mask, const NormaliseOptions& options, const Device& device) {
    check(tissues, mask, options);
    const Grid& grid = tissues.front().fod.grid;
    const auto inside = voxels_inside(mask, "the mask");
    for (const auto& tissue : tissues) require_finite(tissue, inside);

    Normalisation out;
    const Box box = box_around(grid, inside);
    out.centre = box.centre;
    out.half_width = box.half_width;
    Fit fit{device, options, tissues.size(), term_count(options.order), {}, {}, {}, {}, {}, {}};
    for (const auto v : inside) {
        double sum = 0;
        for (const auto& tissue : tissues) sum += std::max(0.0, static_cast<double>(tissue.fod.at(v)));
        if (!(sum / options.reference > 1e-30)) {  // far below it, the logarithm is of no use
            ++out.skipped;
            continue;
        }
        for (const auto& tissue : tissues) fit.l0.push_back(std::max(0.0, static_cast<double>(tissue.fod.at(v))));
        fit.u.push_back(box(position(grid, v)));
    }
    if (fit.voxels() < static_cast<std::int64_t>(fit.unknowns()))
        throw InputError(fmt::format("{} of the mask's voxels can be used but the field and the balance have {} unknowns (the tissues of {} sum to zero or less); "
                                     "give a larger mask or lower the order",
                                     fit.voxels(), fit.unknowns(), out.skipped));
    for (std::size_t t = 0; t < tissues.size(); ++t) {
        bool any = false;
        for (std::size_t i = t; i < fit.l0.size(); i += tissues.size()) any = any || fit.l0[i] > 0;
        if (!any) throw InputError(fmt::format("the image of {} is nowhere positive inside the mask (its balance cannot be found); leave it out, or check it", tissues[t].name));
    }
    fit.coefficients.assign(fit.terms, 0.0);
    fit.log_balance.assign(tissues.size(), 0.0);
    fit.log_sum.resize(fit.u.size());
    fit.residual.resize(fit.u.size());
    fit.update();

    std::pair<double, double> limits;
    while (out.iterations < options.max_iterations && !out.converged) {
        const bool wide = out.iterations < wide_iterations;
        limits = fit.limits(wide ? wide_limit : narrow_limit);
        const Matrix x = solve(fit.normal_equations(limits.first, limits.second), fit.terms);
        double field_change = 0, balance_change = 0, last = 0;
        for (std::size_t k = 0; k < fit.terms; ++k) {
            field_change += kernels::abs(x(k, 0) - fit.coefficients[k]);  // monomials are at most 1 inside the mask
            fit.coefficients[k] = x(k, 0);
        }
        for (std::size_t t = 0; t + 1 < tissues.size(); ++t) {
            const double step = std::clamp(x(fit.terms + t, 0), -largest_step, largest_step);
            balance_change = std::max(balance_change, kernels::abs(step));
            fit.log_balance[t] += step;
            last -= fit.log_balance[t];
        }
        fit.log_balance.back() = last;
        fit.update();
        ++out.iterations;
        out.converged = !wide && field_change < tolerance && balance_change < tolerance;
    }
    double sum = 0, squares = 0;
    for (const double r : fit.residual) {
        if (!(r >= limits.first && r <= limits.second)) continue;
        ++out.used;
        sum += r;
        squares += r * r;
    }
    const auto used = static_cast<double>(out.used);
    out.spread = out.used > 0 ? kernels::sqrt(std::max(0.0, squares / used - (sum / used) * (sum / used))) : 0.0;
    out.outliers = fit.voxels() - out.used;
    for (const double b : fit.log_balance) out.balance.push_back(exp_of(b));
    out.log_coefficients = fit.coefficients;

    const auto polynomial = [&](std::int64_t v) {
        const auto basis = monomials(box(position(grid, v)), options.order);
        double value = 0;
        for (std::size_t k = 0; k < fit.terms; ++k) value += fit.coefficients[k] * basis[k];
        return value;
    };
    double least = polynomial(inside.front()), greatest = least;
    for (const auto v : inside) {
        const double value = polynomial(v);
        least = std::min(least, value);
        greatest = std::max(greatest, value);
    }
    out.field = ScalarImage(grid, 1);
    parallel_for(device, grid.voxels(), [&](std::int64_t v) { out.field.at(v) = kernels::exp(static_cast<float>(-std::clamp(polynomial(v), least, greatest))); });
    return out;
}

void apply_field(ScalarImage& image, const ScalarImage& field, const Device& device) {
    require_same_grid(image.grid, "the image", field.grid, "the field");
    parallel_for(device, image.grid.voxels(), [&](std::int64_t v) {
        for (std::int64_t k = 0; k < image.volumes; ++k) image.at(v, k) *= field.at(v);
    });
}

}  // namespace arcuate::dwi
