#include "dwi/csd_problem.hpp"

#include "arcuate/core/directions.hpp"
#include "dwi/dense.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace arcuate::dwi {

namespace {

constexpr int default_directions = 300;

/// Norm regularisation as a fraction of (M^T M)_00: keeps super-resolved systems solvable without showing in the result.
constexpr double norm_fraction = 2e-4;
/// The same of the linear deconvolution that starts the iteration. Not the answer, but how many steps lie before it, depends on it: among 3e-4 to 3e-3
/// there are fewest, and fewer than from a deconvolution up to l = 4.
constexpr double start_norm_fraction = 1e-3;
/// Weight of a negative amplitude relative to the response's isotropic part, for a set of any size (Tournier 2007 has lambda = 1 for 300 directions).
constexpr double negativity_factor = 50;

/// (directions, width) basis values, zero beyond the coefficients.
template <int Lmax>
Matrix basis_rows(const std::vector<Vec3d>& directions, std::size_t rows) {
    Matrix out(rows, static_cast<std::size_t>(kernels::CsdProblem<Lmax>::width));
    for (std::size_t i = 0; i < directions.size(); ++i)
        kernels::sh_basis<Lmax>(directions[i][0], directions[i][1], directions[i][2], &out(i, 0));
    return out;
}

/// Coefficients' order l, by index.
template <int Lmax>
std::vector<std::size_t> order_of_coefficient() {
    std::vector<std::size_t> out;
    for (int l = 0; l <= Lmax; l += 2) out.insert(out.end(), static_cast<std::size_t>(2 * l + 1), static_cast<std::size_t>(l));
    return out;
}

/// The upper triangle of a symmetric (width, width) matrix as NormalEquations keeps it.
template <int Lmax>
std::vector<double> packed(const Matrix& symmetric) {
    using Normal = typename kernels::CsdProblem<Lmax>::Normal;
    std::vector<double> out(static_cast<std::size_t>(Normal::size));
    for (int i = 0; i < 4 * Normal::bands; ++i)
        for (int j = i / 4 * 4; j < Normal::width; ++j)
            out[static_cast<std::size_t>(Normal::at(i, j))] = symmetric(static_cast<std::size_t>(i), static_cast<std::size_t>(j));
    return out;
}

}  // namespace

std::vector<double> convolution_factors(const Response& response) {
    double pole[13 * 7];
    kernels::sh_basis<12>(0.0, 0.0, 1.0, pole);
    std::vector<double> out;
    for (std::size_t i = 0; i < response.size() && i <= 6; ++i) out.push_back(response[i] / pole[sh_index(static_cast<int>(2 * i), 0)]);
    return out;
}

int fod_lmax(const Response& response, const FodOptions& options) {
    const int of_response = 2 * static_cast<int>(response.size()) - 2;
    if (of_response < 2)
        throw InputError("the response function has no order above l = 0 (it is isotropic, so fibre orientations cannot be recovered); "
                         "give the response of the largest shell");
    const int lmax = options.lmax > 0 ? options.lmax : std::min(of_response, default_fod_lmax);
    if (lmax > of_response)
        throw InputError(fmt::format("lmax {} exceeds the response function's ({} coefficients give lmax {}); lower --lmax or estimate the response with more",
                                     lmax, response.size(), of_response));
    return lmax;
}

template <int Lmax>
CsdMatrices make_csd_matrices(const std::vector<Vec3d>& shell_directions, const Response& response, const FodOptions& options) {
    using Problem = kernels::CsdProblem<Lmax>;
    const auto factors = convolution_factors(response);
    for (std::size_t i = 0; i <= Lmax / 2; ++i)
        if (!kernels::is_finite(static_cast<float>(factors[i])) || factors[i] == 0)
            throw InputError(fmt::format("the response function's coefficient of l = {} is {} (deconvolution divides by it); estimate the response anew",
                                         2 * i, response[i]));
    if (factors[0] < 0) throw InputError("the response function's first coefficient is negative (a signal cannot be); estimate the response anew");

    CsdMatrices out;
    out.width = Problem::width;
    const Matrix basis = basis_rows<Lmax>(shell_directions, shell_directions.size());
    if (!independent_columns(basis, static_cast<std::size_t>(sh_count(2)), 1e-6))
        throw InputError("the directions of the shell do not determine even lmax 2 (they lie on a plane or a cone); check the gradient table");

    const auto orders = order_of_coefficient<Lmax>();
    Matrix forward = basis;
    for (std::size_t v = 0; v < forward.rows; ++v)
        for (std::size_t c = 0; c < orders.size(); ++c) forward(v, c) *= factors[orders[c] / 2];
    out.forward = forward.values;

    const auto directions = options.directions.empty() ? repelled_directions(default_directions) : options.directions;
    if (directions.size() > kernels::csd_max_directions)
        throw InputError(fmt::format("{} constraint directions are too many (at most {}); use a smaller set", directions.size(), kernels::csd_max_directions));
    const auto n = static_cast<double>(directions.size());
    const double weight = options.negativity_weight * negativity_factor * response[0] / n;
    out.unpadded = static_cast<int>(directions.size());
    out.directions = static_cast<int>((directions.size() + 63) / 64 * 64);
    out.threshold = options.threshold * weight;
    Matrix constraint = basis_rows<Lmax>(directions, static_cast<std::size_t>(out.directions));
    for (double& h : constraint.values) h *= weight;
    double square = 0;  // of every row alike: sum over m of Y_lm^2 is (2l + 1) / 4 pi
    for (std::size_t c = 0; c < orders.size(); ++c) square += constraint(0, c) * constraint(0, c);
    out.uncertainty = 0x1p-24 * static_cast<double>(orders.size() + 3) * kernels::sqrt(square);  // a rounding per term, and one of each factor
    out.constraint = constraint.values;
    out.constraint_t.resize(orders.size() * constraint.rows);
    for (std::size_t d = 0; d < constraint.rows; ++d)
        for (std::size_t c = 0; c < orders.size(); ++c) out.constraint_t[c * constraint.rows + d] = static_cast<float>(constraint(d, c));

    Matrix normal = transposed_product(forward, forward);
    Matrix damped(orders.size(), orders.size()), forward_t(orders.size(), forward.rows);
    for (std::size_t c = 0; c < orders.size(); ++c) {
        for (std::size_t d = 0; d < orders.size(); ++d) damped(c, d) = normal(c, d) + (c == d ? start_norm_fraction * normal(0, 0) : 0.0);
        for (std::size_t v = 0; v < forward.rows; ++v) forward_t(c, v) = forward(v, c);
    }
    const Matrix start = cholesky_solve(cholesky(damped), forward_t);
    out.initial.resize(forward.values.size());
    for (std::size_t c = 0; c < orders.size(); ++c)
        for (std::size_t v = 0; v < forward.rows; ++v) out.initial[v * forward.columns + c] = start(c, v);
    const double norm = options.norm_weight * norm_fraction * normal(0, 0);
    for (std::size_t c = 0; c < orders.size(); ++c) normal(c, c) += norm;
    out.normal = packed<Lmax>(normal);
    const Matrix all = transposed_product(constraint, constraint);
    for (std::size_t i = 0; i < normal.values.size(); ++i) normal.values[i] += all.values[i];
    out.normal_all = packed<Lmax>(normal);
    return out;
}

template CsdMatrices make_csd_matrices<2>(const std::vector<Vec3d>&, const Response&, const FodOptions&);
template CsdMatrices make_csd_matrices<4>(const std::vector<Vec3d>&, const Response&, const FodOptions&);
template CsdMatrices make_csd_matrices<6>(const std::vector<Vec3d>&, const Response&, const FodOptions&);
template CsdMatrices make_csd_matrices<8>(const std::vector<Vec3d>&, const Response&, const FodOptions&);
template CsdMatrices make_csd_matrices<10>(const std::vector<Vec3d>&, const Response&, const FodOptions&);
template CsdMatrices make_csd_matrices<12>(const std::vector<Vec3d>&, const Response&, const FodOptions&);

}  // namespace arcuate::dwi
