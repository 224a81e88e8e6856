#include "arcuate/dwi/tensor.hpp"

#include "arcuate/core/error.hpp"
#include "backend/launch.hpp"
#include "dwi/shell.hpp"
#include "dwi/tensor_design.hpp"
#include "dwi/voxel_rows.hpp"
#include "kernels/positive_tensor.hpp"
#include "kernels/tensor_maps.hpp"

#include <algorithm>

namespace arcuate::dwi {

TensorMaps fit_tensor(const Series& dwi, const GradientTable& gradients, const Mask& mask, const TensorOptions& options, const Device& device,
                      Progress& progress) {
    using Columns = kernels::TensorColumns;
    using Extra = kernels::TensorMapColumns;
    require_consistent(dwi, gradients, mask);
    const auto voxels = voxels_inside(mask, "the mask");
    const auto volumes = volumes_of_shells(gradients, options.shells);
    const TensorDesign design = make_tensor_design(choose(gradients, volumes));
    if (options.iterations < 0) throw InputError("the number of reweighting passes is negative; give 0 or more");

    TensorMaps out{ScalarImage(dwi.grid, 6), ScalarImage(dwi.grid, 1), ScalarImage(dwi.grid, 1), ScalarImage(dwi.grid, 1),
                   ScalarImage(dwi.grid, 1), ScalarImage(dwi.grid, 1), ScalarImage(dwi.grid, 3)};
    std::vector<std::pair<ScalarImage*, int>> places{{&out.tensor, Columns::tensor}, {&out.s0, Columns::s0}, {&out.fa, Columns::fa}, {&out.md, Columns::md},
                                                     {&out.ad, Columns::ad},         {&out.rd, Columns::rd}, {&out.v1, Columns::v1}};
    std::vector<std::pair<ScalarImage*, int>> extra_places;
    const auto ask = [&](bool asked, ScalarImage& image, int column, std::int64_t values) {
        if (!asked) return;
        image = ScalarImage(dwi.grid, values);
        extra_places.emplace_back(&image, column);
    };
    ask(options.eigenvalues, out.l1, Extra::eigenvalues, 1);
    ask(options.eigenvalues, out.l2, Extra::eigenvalues + 1, 1);
    ask(options.eigenvalues, out.l3, Extra::eigenvalues + 2, 1);
    ask(options.vectors, out.v2, Extra::v2, 3);
    ask(options.vectors, out.v3, Extra::v3, 3);
    ask(options.mode, out.mode, Extra::mode, 1);
    ask(options.westin, out.cl, Extra::cl, 1);
    ask(options.westin, out.cp, Extra::cp, 1);
    ask(options.westin, out.cs, Extra::cs, 1);
    ask(options.colour_fa, out.colour_fa, Extra::colour_fa, 3);
    ask(options.residual, out.residual, Extra::residual, 1);
    const bool extras = !extra_places.empty();
    const auto n = static_cast<std::int64_t>(voxels.size());
    const auto chunk = chunk_size(options.chunk, voxels, device);
    const Buffer<double> device_design(device, std::span(design.rows.values));
    VoxelRows signals(device, chunk, static_cast<std::int64_t>(volumes.size())), maps(device, chunk, Columns::count);
    VoxelRows extra_maps(device, extras ? chunk : 0, Extra::count);
    Buffer<float> scale(device, static_cast<std::size_t>(options.positive || options.residual ? chunk : 0));
    Buffer<std::uint8_t> device_fitted(device, static_cast<std::size_t>(chunk));
    std::vector<std::uint8_t> fitted(static_cast<std::size_t>(chunk));

    const kernels::FitTensor fit{device_design.data(),
                                 static_cast<int>(volumes.size()),
                                 design.b_scale,
                                 options.fit != TensorFit::ols,
                                 options.fit == TensorFit::iwls ? options.iterations : 0,
                                 signals.view(),
                                 maps.view(),
                                 device_fitted.data(),
                                 scale.size() ? scale.data() : nullptr};
    progress.begin("fitting tensors", n, "voxels");
    in_chunks(voxels, chunk, progress, [&](std::span<const std::int64_t> here, std::int64_t count) {
        signals.gather(dwi, volumes, here);
        if (device.is_cuda())
            launch(device, count, fit);
        else
            parallel_for(device, (count + 3) / 4, kernels::FitFourTensors{fit, count});
        if (options.positive) launch(device, count, kernels::MakeTensorPositive{fit, scale.data()}, 64);
        if (extras) {
            launch(device, count, kernels::DeriveTensorMaps{fit, options.residual ? scale.data() : nullptr, extra_maps.view()}, 256);
            extra_maps.download(count);
            extra_maps.scatter(extra_places, here);
        }
        maps.download(count);
        device_fitted.download(std::span(fitted).first(here.size()));
        maps.scatter(places, here);
        out.fitted += count - std::count(fitted.begin(), fitted.begin() + count, 0);
        out.constrained += std::count(fitted.begin(), fitted.begin() + count, kernels::MakeTensorPositive::constrained);
    });
    progress.end();
    out.skipped = n - out.fitted;
    return out;
}

}  // namespace arcuate::dwi
