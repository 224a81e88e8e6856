#include "arcuate/dwi/tensor.hpp"

#include "arcuate/core/error.hpp"
#include "backend/launch.hpp"
#include "dwi/dense.hpp"
#include "dwi/shell.hpp"
#include "dwi/voxel_rows.hpp"
#include "kernels/tensor_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace arcuate::dwi {

namespace {

/// (volumes, 8) rows of ln S = design . (xx, yy, zz, xy, xz, yz, ln S0), b in units of the largest; the eighth column is 0.
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
    std::vector<Vec3d> directions;
    for (std::size_t v = 0; v < design.rows; ++v)
        if (gradients.b_values[v] > b_zero_threshold) directions.push_back(gradients.directions[v]);
    const auto distinct = distinct_directions(directions);
    if (distinct < 6)
        throw InputError(fmt::format("a tensor cannot be fitted to {} distinct diffusion directions (it has six elements); "
                                     "give an image with at least 6 directions, or check its gradient table",
                                     distinct));
    if (find_shells(gradients).size() < 2)
        throw InputError(fmt::format("a tensor cannot be fitted to one b-value alone (all volumes have b near {:.0f} s/mm2, so S0 is unknown); "
                                     "include the b = 0 volumes",
                                     gradients.b_values.front()));
    Matrix used(design.rows, 7);
    for (std::size_t v = 0; v < design.rows; ++v)
        for (std::size_t i = 0; i < 7; ++i) used(v, i) = design(v, i);
    if (cholesky(transposed_product(used, used), 1e-8).values.empty())
        throw InputError("the gradient directions do not determine a tensor (they lie on a plane or a cone); check the gradient table");
}

}  // namespace

TensorMaps fit_tensor(const ScalarImage& dwi, const GradientTable& gradients, const Mask& mask, const TensorOptions& options, const Device& device,
                      Progress& progress) {
    using Columns = kernels::TensorColumns;
    require_consistent(dwi, gradients, mask);
    const auto voxels = voxels_inside(mask, "the mask");
    const double largest_b = *std::max_element(gradients.b_values.begin(), gradients.b_values.end());
    if (!(largest_b > b_zero_threshold))
        throw InputError("no volume is diffusion-weighted (every b-value is 0); check that the b-values belong to this image");
    const Matrix design = make_design(gradients, largest_b);
    require_determined(gradients, design);
    if (options.iterations < 0) throw InputError("the number of reweighting passes is negative; give 0 or more");

    TensorMaps out{ScalarImage(dwi.grid, 6), ScalarImage(dwi.grid, 1), ScalarImage(dwi.grid, 1), ScalarImage(dwi.grid, 1),
                   ScalarImage(dwi.grid, 1), ScalarImage(dwi.grid, 1), ScalarImage(dwi.grid, 3)};
    const auto n = static_cast<std::int64_t>(voxels.size());
    const auto chunk = std::clamp<std::int64_t>(options.chunk, 1, n);
    const Buffer<double> device_design(device, std::span(design.values));
    VoxelRows signals(device, chunk, dwi.volumes), maps(device, chunk, Columns::count);
    Buffer<std::uint8_t> device_fitted(device, static_cast<std::size_t>(chunk));
    std::vector<std::uint8_t> fitted(static_cast<std::size_t>(chunk));
    std::vector<std::int64_t> volumes(static_cast<std::size_t>(dwi.volumes));
    std::iota(volumes.begin(), volumes.end(), 0);

    const kernels::FitTensor fit{device_design.data(),
                                 static_cast<int>(dwi.volumes),
                                 largest_b,
                                 options.fit != TensorFit::ols,
                                 options.fit == TensorFit::iwls ? options.iterations : 0,
                                 signals.view(),
                                 maps.view(),
                                 device_fitted.data()};
    progress.begin("fitting tensors", n, "voxels");
    for (std::int64_t begin = 0; begin < n; begin += chunk) {
        const auto here = std::span(voxels).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(std::min(chunk, n - begin)));
        const auto count = static_cast<std::int64_t>(here.size());
        signals.gather(dwi, volumes, here);
        launch(device, count, fit, 256);
        maps.download(count);
        device_fitted.download(std::span(fitted).first(here.size()));
        const std::pair<ScalarImage*, int> places[] = {{&out.tensor, Columns::tensor}, {&out.s0, Columns::s0}, {&out.fa, Columns::fa},
                                                       {&out.md, Columns::md},         {&out.ad, Columns::ad}, {&out.rd, Columns::rd},
                                                       {&out.v1, Columns::v1}};
        for (const auto& [image, column] : places) maps.scatter(*image, column, here);
        out.fitted += std::count(fitted.begin(), fitted.begin() + count, 1);
        progress.at(begin + count);
    }
    progress.end();
    out.skipped = n - out.fitted;
    return out;
}

}  // namespace arcuate::dwi
