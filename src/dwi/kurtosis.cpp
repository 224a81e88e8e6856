#include "arcuate/dwi/kurtosis.hpp"

#include "arcuate/core/error.hpp"
#include "backend/launch.hpp"
#include "dwi/dense.hpp"
#include "dwi/shell.hpp"
#include "dwi/voxel_rows.hpp"
#include "kernels/kurtosis_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace arcuate::dwi {

namespace {

constexpr std::size_t parameters = kernels::FitKurtosis::parameters, width = kernels::LogSignalFit<kernels::FitKurtosis::parameters>::width;

/// (volumes, width) rows of ln S = design . (tensor, MD^2 W, ln S0), b in units of the largest; columns beyond the parameters are 0.
Matrix make_design(const GradientTable& gradients, double largest_b) {
    const auto n = static_cast<std::size_t>(gradients.size());
    Matrix design(n, width);
    for (std::size_t v = 0; v < n; ++v) {
        const double b = gradients.b_values[v] / largest_b, c = b * b / 6.0;
        const auto [x, y, z] = gradients.directions[v];
        const double xx = x * x, yy = y * y, zz = z * z, xy = x * y, xz = x * z, yz = y * z;
        const double row[parameters] = {-b * xx,         -b * yy,         -b * zz,         -2 * b * xy,      -2 * b * xz,      -2 * b * yz,
                                        c * xx * xx,     c * yy * yy,     c * zz * zz,     4 * c * xx * xy,  4 * c * xx * xz,  4 * c * xy * yy,
                                        4 * c * xz * zz, 4 * c * yy * yz, 4 * c * yz * zz, 6 * c * xx * yy,  6 * c * xx * zz,  6 * c * yy * zz,
                                        12 * c * xx * yz, 12 * c * xy * yz, 12 * c * xy * zz, 1.0};
        for (std::size_t i = 0; i < parameters; ++i) design(v, i) = row[i];
    }
    return design;
}

void require_determined(const GradientTable& gradients, const Matrix& design) {
    const auto shells = find_shells(gradients);
    const auto weighted = std::count_if(shells.begin(), shells.end(), [](const Shell& s) { return s.b_value > b_zero_threshold; });
    if (weighted < 2)
        throw InputError(fmt::format("kurtosis cannot be fitted to one shell above b = 0 (b = {:.0f} s/mm2 alone does not tell it from diffusivity); "
                                     "give an image with two or more shells",
                                     shells.back().b_value));
    if (shells.size() < 3)
        throw InputError(fmt::format("kurtosis cannot be fitted to two b-values alone (b = {:.0f} and {:.0f} s/mm2 leave S0 unknown); "
                                     "include the b = 0 volumes",
                                     shells[0].b_value, shells[1].b_value));
    const auto distinct = distinct_weighted_directions(gradients);
    if (distinct < 15)
        throw InputError(fmt::format("kurtosis cannot be fitted to {} distinct diffusion directions (its tensor has 15 elements); "
                                     "give an image with at least 15 directions, or check its gradient table",
                                     distinct));
    if (!independent_columns(design, parameters, 1e-9))
        throw InputError("the gradient table does not determine a kurtosis tensor (22 parameters, but its directions lie on a cone, or too few of "
                         "them have a second b-value); check the gradient table");
}

}  // namespace

KurtosisMaps fit_kurtosis(const Series& dwi, const GradientTable& gradients, const Mask& mask, const KurtosisOptions& options,
                          const Device& device, Progress& progress) {
    using Columns = kernels::KurtosisColumns;
    require_consistent(dwi, gradients, mask);
    const auto voxels = voxels_inside(mask, "the mask");
    const double largest_b = largest_b_value(gradients);
    const Matrix design = make_design(gradients, largest_b);
    require_determined(gradients, design);
    if (options.iterations < 0) throw InputError("the number of reweighting passes is negative; give 0 or more");
    if (!std::isfinite(options.min_kurtosis) || !std::isfinite(options.max_kurtosis) || options.min_kurtosis > options.max_kurtosis)
        throw InputError(fmt::format("kurtosis cannot be cut to {} ... {} (the least must not exceed the most, and both must be finite); "
                                     "give -0.4286 and 10, or your own bounds",
                                     options.min_kurtosis, options.max_kurtosis));

    const auto map = [&](std::int64_t columns) { return ScalarImage(dwi.grid, columns); };
    KurtosisMaps out{map(6), map(15), map(1), map(1), map(1), map(1), map(1), map(1), map(1), map(1), map(1)};
    const std::pair<ScalarImage*, int> places[] = {{&out.tensor, Columns::tensor}, {&out.kurtosis, Columns::kurtosis}, {&out.s0, Columns::s0},
                                                   {&out.fa, Columns::fa},         {&out.md, Columns::md},             {&out.ad, Columns::ad},
                                                   {&out.rd, Columns::rd},         {&out.mk, Columns::mk},             {&out.ak, Columns::ak},
                                                   {&out.rk, Columns::rk},         {&out.mkt, Columns::mkt}};
    const auto n = static_cast<std::int64_t>(voxels.size());
    const auto chunk = chunk_size(options.chunk, voxels, device);
    const Buffer<double> device_design(device, std::span(design.values));
    VoxelRows signals(device, chunk, dwi.volumes), maps(device, chunk, Columns::count);
    Buffer<std::uint8_t> device_outcome(device, static_cast<std::size_t>(chunk));
    std::vector<std::uint8_t> outcome(static_cast<std::size_t>(chunk));
    const auto volumes = volumes_of_shells(gradients, {});

    const kernels::FitKurtosis fit{{device_design.data(), static_cast<int>(dwi.volumes), options.fit != TensorFit::ols,
                                    options.fit == TensorFit::iwls ? options.iterations : 0},
                                   largest_b,
                                   options.min_kurtosis,
                                   options.max_kurtosis,
                                   signals.view(),
                                   maps.view(),
                                   device_outcome.data()};
    progress.begin("fitting kurtosis", n, "voxels");
    in_chunks(voxels, chunk, progress, [&](std::span<const std::int64_t> here, std::int64_t count) {
        signals.gather(dwi, volumes, here);
        launch(device, count, fit, 256);
        maps.download(count);
        device_outcome.download(std::span(outcome).first(here.size()));
        maps.scatter(places, here);
        out.skipped += std::count(outcome.begin(), outcome.begin() + count, kernels::KurtosisOutcome::skipped);
        out.undefined += std::count(outcome.begin(), outcome.begin() + count, kernels::KurtosisOutcome::undefined);
    });
    progress.end();
    out.fitted = n - out.skipped;
    return out;
}

}  // namespace arcuate::dwi
