#include "arcuate/dwi/fod.hpp"

#include "dwi/fod_run.hpp"

namespace arcuate::dwi {

FodResult estimate_fod(const Series& dwi, const GradientTable& gradients, const Mask& mask, const Response& response, const FodOptions& options,
                       const Device& device, Progress& progress) {
    require_consistent(dwi, gradients, mask);
    const auto voxels = voxels_inside(mask, "the mask");
    const auto shell = largest_shell(gradients);
    FodResult out;
    out.lmax = fod_lmax(response, options);
    out.directions = distinct_directions(shell.directions);
    out.fod = ScalarImage(dwi.grid, sh_count(out.lmax));
    progress.begin("estimating FODs", static_cast<std::int64_t>(voxels.size()), "voxels");
    with_lmax(out.lmax, [&](auto lmax) {
        deconvolve<lmax>(dwi, shell, voxels, response, options, device, progress,
                         [&](std::span<const std::int64_t> here, VoxelRows& fods, std::span<const kernels::CsdOutcome> outcomes) {
                             fods.download(static_cast<std::int64_t>(here.size()));
                             fods.scatter(out.fod, 0, here);
                             out.not_converged += std::count(outcomes.begin(), outcomes.end(), kernels::CsdOutcome::not_converged);
                             out.skipped += std::count(outcomes.begin(), outcomes.end(), kernels::CsdOutcome::skipped);
                         });
    });
    progress.end();
    return out;
}

}  // namespace arcuate::dwi
