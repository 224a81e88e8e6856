// Spherical deconvolution of a list of voxels, chunk by chunk: what `fod` and every round of `response` do.
#pragma once

#include "backend/launch.hpp"
#include "dwi/csd_problem.hpp"
#include "dwi/shell.hpp"
#include "dwi/voxel_rows.hpp"

#include <algorithm>
#include <span>

namespace arcuate::dwi {

/// Calls sink(voxels of the chunk, their FODs as rows on the device, their outcomes) for every chunk of `voxels`, in order.
template <int Lmax, class Sink>
void deconvolve(const ScalarImage& dwi, const WorkingShell& shell, std::span<const std::int64_t> voxels, const Response& response,
                const FodOptions& options, const Device& device, Progress& progress, Sink&& sink) {
    const DeviceCsd<Lmax> csd(device, shell.directions, response, options);
    const auto n = static_cast<std::int64_t>(voxels.size());
    const auto chunk = std::clamp<std::int64_t>(options.chunk, 1, std::max<std::int64_t>(n, 1));
    VoxelRows signals(device, chunk, static_cast<std::int64_t>(shell.volumes.size()));
    VoxelRows fods(device, chunk, sh_count(Lmax));
    Buffer<kernels::CsdOutcome> device_outcomes(device, static_cast<std::size_t>(chunk));
    std::vector<kernels::CsdOutcome> outcomes(static_cast<std::size_t>(chunk));
    const kernels::EstimateFod<Lmax> estimate{csd.problem(), signals.const_view(), fods.view(), device_outcomes.data()};
    for (std::int64_t begin = 0; begin < n; begin += chunk) {
        const auto here = voxels.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(std::min(chunk, n - begin)));
        signals.gather(dwi, shell.volumes, here);
        launch(device, static_cast<std::int64_t>(here.size()), estimate, 16);
        device_outcomes.download(std::span(outcomes).first(here.size()));
        sink(here, fods, std::span<const kernels::CsdOutcome>(outcomes).first(here.size()));
        progress.at(begin + static_cast<std::int64_t>(here.size()));
    }
}

}  // namespace arcuate::dwi
