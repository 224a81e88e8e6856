#include "dwi/tensor_design.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/dwi/tensor.hpp"
#include "dwi/shell.hpp"

#include <fmt/format.h>

namespace arcuate::dwi {

namespace {

Matrix make_design(const GradientTable& gradients, double largest_b) {
    const auto n = static_cast<std::size_t>(gradients.size());
    Matrix design(n, 8);
    for (std::size_t v = 0; v < n; ++v) {
        const double b = gradients.b_values[v] / largest_b;
        const auto& g = gradients.directions[v];
        const double row[7] = {-b * g[0] * g[0], -b * g[1] * g[1], -b * g[2] * g[2], -2 * b * g[0] * g[1], -2 * b * g[0] * g[2],
                               -2 * b * g[1] * g[2], 1.0};
        for (std::size_t i = 0; i < 7; ++i) design(v, i) = row[i];
    }
    return design;
}

void require_determined(const GradientTable& gradients, const Matrix& design) {
    const auto distinct = distinct_weighted_directions(gradients);
    if (distinct < 6)
        throw InputError(fmt::format("a tensor cannot be fitted to {} distinct diffusion directions (it has six elements); "
                                     "give an image with at least 6 directions, or check its gradient table",
                                     distinct));
    if (find_shells(gradients).size() < 2)
        throw InputError(fmt::format("a tensor cannot be fitted to one b-value alone (all volumes have b near {:.0f} s/mm2, so S0 is unknown); "
                                     "include the b = 0 volumes",
                                     gradients.b_values.front()));
    if (!independent_columns(design, 7, 1e-8))
        throw InputError("the gradient directions do not determine a tensor (they lie on a plane or a cone); check the gradient table");
}

}  // namespace

TensorDesign make_tensor_design(const GradientTable& gradients) {
    const double largest_b = largest_b_value(gradients);
    TensorDesign out{largest_b, make_design(gradients, largest_b)};
    require_determined(gradients, out.rows);
    return out;
}

TensorModel tensor_model(const GradientTable& gradients) {
    const TensorDesign design = make_tensor_design(gradients);
    const std::size_t n = design.rows.rows;
    Matrix a(n, 7), at(7, n);
    for (std::size_t v = 0; v < n; ++v)
        for (std::size_t k = 0; k < 7; ++k) a(v, k) = at(k, v) = design.rows(v, k);
    const Matrix inverse = cholesky_solve(cholesky(transposed_product(a, a)), at);
    TensorModel model{static_cast<std::int64_t>(n), a.values, inverse.values};
    for (std::size_t v = 0; v < n; ++v)
        for (std::size_t k = 0; k < 6; ++k) {
            model.design[v * 7 + k] *= design.b_scale;
            model.inverse[k * n + v] /= design.b_scale;
        }
    return model;
}

}  // namespace arcuate::dwi
