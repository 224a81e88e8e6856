// Spherical deconvolution of a list of voxels, chunk by chunk: what `fod` and every round of `response` do.
#pragma once

#include "backend/launch.hpp"
#include "dwi/csd_problem.hpp"
#include "dwi/shell.hpp"
#include "dwi/voxel_rows.hpp"

#include <span>

namespace arcuate::dwi {

/// Calls sink(voxels of the chunk, their FODs as rows on the device, their outcomes) for every chunk of `voxels`, in order.
template <int Lmax, class Sink>
void deconvolve(const Series& dwi, const WorkingShell& shell, std::span<const std::int64_t> voxels, const Response& response,
                const FodOptions& options, const Device& device, Progress& progress, Sink&& sink) {
    const DeviceCsd<Lmax> csd(device, shell.directions, response, options);
    const auto chunk = chunk_size(options.chunk, voxels, device);
    VoxelRows signals(device, chunk, static_cast<std::int64_t>(shell.volumes.size()));
    VoxelRows fods(device, chunk, sh_count(Lmax));
    Buffer<kernels::CsdOutcome> device_outcomes(device, static_cast<std::size_t>(chunk));
    std::vector<kernels::CsdOutcome> outcomes(static_cast<std::size_t>(chunk));
    const kernels::EstimateFod<Lmax> estimate{csd.problem(), signals.const_view(), fods.view(), device_outcomes.data()};
    in_chunks(voxels, chunk, progress, [&](std::span<const std::int64_t> here, std::int64_t count) {
        signals.gather(dwi, shell.volumes, here);
        launch(device, count, estimate, 16);
        device_outcomes.download(std::span(outcomes).first(here.size()));
        sink(here, fods, std::span<const kernels::CsdOutcome>(outcomes).first(here.size()));
    });
}

}  // namespace arcuate::dwi
