#include "arcuate/dwi/bootstrap.hpp"

#include "arcuate/core/error.hpp"
#include "backend/launch.hpp"
#include "dwi/shell.hpp"
#include "dwi/tensor_design.hpp"
#include "dwi/voxel_rows.hpp"
#include "kernels/tensor_bootstrap.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace arcuate::dwi {

BootstrapMaps bootstrap_tensor(const Series& dwi, const GradientTable& gradients, const Mask& mask, const BootstrapOptions& options,
                               const Device& device, Progress& progress) {
    using Columns = kernels::BootstrapColumns;
    using Kernel = kernels::BootstrapTensor;
    require_consistent(dwi, gradients, mask);
    const auto voxels = voxels_inside(mask, "the mask");
    const auto volumes = volumes_of_shells(gradients, options.shells);
    const TensorDesign design = make_tensor_design(choose(gradients, volumes));
    const auto volume_count = static_cast<std::int64_t>(volumes.size());
    if (options.iterations < 0) throw InputError("the number of reweighting passes is negative; give 0 or more");
    if (options.replicates < 20 || options.replicates > 100000)
        throw InputError(fmt::format("{} bootstrap replicates cannot be drawn (20 to 100000 can); give some hundreds", options.replicates));
    if (volume_count <= Kernel::n)
        throw InputError(fmt::format("{} volumes leave no residuals to bootstrap (a tensor and S0 are {} parameters); give more volumes, or shells with more",
                                     volume_count, Kernel::n));

    BootstrapMaps out{ScalarImage(dwi.grid, 1), ScalarImage(dwi.grid, 1), ScalarImage(dwi.grid, 1), ScalarImage(dwi.grid, 1),
                      ScalarImage(dwi.grid, 1), ScalarImage(dwi.grid, 1), ScalarImage(dwi.grid, 1)};
    const std::pair<ScalarImage*, int> places[] = {{&out.fa_se, Columns::fa_se},       {&out.fa_lower, Columns::fa_lower}, {&out.fa_upper, Columns::fa_upper},
                                                   {&out.md_se, Columns::md_se},       {&out.md_lower, Columns::md_lower}, {&out.md_upper, Columns::md_upper},
                                                   {&out.v1_cone95, Columns::cone95}};
    const auto n = static_cast<std::int64_t>(voxels.size());
    const std::int64_t samples_per_voxel = std::int64_t{Kernel::kept} * options.replicates;
    const std::int64_t room = std::max(std::int64_t{1} << 26, device.is_cuda() ? device.free_memory() / 128 : 0);  // numbers
    const std::int64_t fit_in_memory = std::max<std::int64_t>(1, room / (samples_per_voxel + volume_count * Kernel::width));
    const auto chunk = std::min(chunk_size(options.chunk, voxels, device), fit_in_memory);
    const Buffer<double> device_design(device, std::span(design.rows.values));
    VoxelRows signals(device, chunk, volume_count), maps(device, chunk, Columns::count);
    Buffer<float> influence(device, static_cast<std::size_t>(chunk * volume_count * Kernel::width));
    Buffer<float> samples(device, static_cast<std::size_t>(chunk * samples_per_voxel));
    Buffer<std::int64_t> items(device, static_cast<std::size_t>(chunk));
    Buffer<std::uint8_t> device_fitted(device, static_cast<std::size_t>(chunk));
    std::vector<std::uint8_t> fitted(static_cast<std::size_t>(chunk));

    const kernels::FitTensor fit{device_design.data(),
                                 static_cast<int>(volume_count),
                                 design.b_scale,
                                 options.fit != TensorFit::ols,
                                 options.fit == TensorFit::iwls ? options.iterations : 0,
                                 signals.view(),
                                 {},
                                 device_fitted.data()};
    const Kernel kernel{fit,
                        items.data(),
                        options.seed,
                        options.replicates,
                        options.method == BootstrapMethod::wild,
                        options.leverage == LeverageCorrection::hc3,
                        options.interval == BootstrapInterval::percentile,
                        {influence.data(), volume_count * Kernel::width, volume_count * Kernel::width},
                        {samples.data(), samples_per_voxel, samples_per_voxel},
                        maps.view()};
    progress.begin("bootstrapping tensors", n, "voxels");
    in_chunks(voxels, chunk, progress, [&](std::span<const std::int64_t> here, std::int64_t count) {
        signals.gather(dwi, volumes, here);
        items.upload(here);
        launch(device, count, kernel, 16);
        maps.download(count);
        device_fitted.download(std::span(fitted).first(here.size()));
        maps.scatter(places, here);
        out.fitted += std::count(fitted.begin(), fitted.begin() + count, 1);
    });
    progress.end();
    out.skipped = n - out.fitted;
    return out;
}

}  // namespace arcuate::dwi
