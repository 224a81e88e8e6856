#include "arcuate/dwi/response.hpp"

#include "dwi/fod_run.hpp"
#include "dwi/peak_search.hpp"
#include "dwi/shell_response.hpp"

#include <fmt/format.h>

#include <numeric>

namespace arcuate::dwi {

namespace {

/// What one round knows of each voxel it looked at.
struct Candidate {
    std::int64_t voxel;
    double cost;                     ///< larger: more like a single fibre
    std::array<float, 3> direction;  ///< of the highest peak
};

/// Deconvolves the voxels and ranks them, best first; equal ones by voxel.
std::vector<Candidate> rank_voxels(const Series& dwi, const WorkingShell& shell, const std::vector<std::int64_t>& voxels, const Response& response,
                                   std::int64_t chunk, const Device& device, Progress& progress) {
    FodOptions options;
    options.chunk = chunk;
    std::vector<Candidate> out;
    with_default_lmax(fod_lmax(response, options), [&](auto lmax) {
        using Columns = kernels::PeakColumns;
        const PeakSearch<lmax> search(device);
        VoxelRows peaks(device, chunk_size(chunk, voxels, device), Columns::count);
        deconvolve<lmax>(dwi, shell, voxels, response, options, device, progress,
                         [&](std::span<const std::int64_t> here, VoxelRows& fods, std::span<const kernels::CsdOutcome> outcomes) {
                             const auto count = static_cast<std::int64_t>(here.size());
                             launch(device, count, search.kernel(fods, peaks), 16);
                             peaks.download(count);
                             for (std::size_t i = 0; i < here.size(); ++i) {
                                 const float* const p = peaks.host_row(static_cast<std::int64_t>(i));
                                 const auto first = static_cast<double>(p[Columns::first]), second = static_cast<double>(p[Columns::second]);
                                 if (outcomes[i] == kernels::CsdOutcome::skipped || !(first > 0)) continue;
                                 // Tall and alone: the cost of MRtrix3's `dwi2response tournier`.
                                 const double alone = 1 - second / first;
                                 out.push_back({here[i], kernels::sqrt(first) * alone * alone,
                                                {p[Columns::direction], p[Columns::direction + 1], p[Columns::direction + 2]}});
                             }
                         });
    });
    std::sort(out.begin(), out.end(), [](const Candidate& a, const Candidate& b) { return a.cost != b.cost ? a.cost > b.cost : a.voxel < b.voxel; });
    return out;
}

/// The voxels themselves and their six face neighbours, inside the mask, ascending.
std::vector<std::int64_t> dilated(std::span<const Candidate> chosen, const Mask& mask) {
    const auto& size = mask.grid.size;
    Mask grown(mask.grid, 1, 0);
    for (const auto& c : chosen) {
        const std::int64_t x = c.voxel % size[0], y = c.voxel / size[0] % size[1], z = c.voxel / (size[0] * size[1]);
        const std::int64_t around[7][3] = {{x, y, z}, {x - 1, y, z}, {x + 1, y, z}, {x, y - 1, z}, {x, y + 1, z}, {x, y, z - 1}, {x, y, z + 1}};
        for (const auto& [i, j, k] : around)
            if (mask.grid.contains(i, j, k) && mask.at(mask.grid.index(i, j, k))) grown.at(mask.grid.index(i, j, k)) = 1;
    }
    return voxels_inside(grown, "the mask");
}

}  // namespace

ResponseResult estimate_response(const Series& dwi, const GradientTable& gradients, const Mask& mask, const ResponseOptions& options,
                                 const Device& device, Progress& progress) {
    require_consistent(dwi, gradients, mask);
    if (options.voxels < 1 || options.candidates < options.voxels || options.max_iterations < 2)
        throw InputError("the response needs at least one voxel, no fewer candidates than voxels, and two iterations; check these options");
    auto voxels = voxels_inside(mask, "the mask");
    const auto shell = options.shell > 0 ? working_shell(gradients, nearest_shell(find_shells(gradients), options.shell)) : largest_shell(gradients);

    ResponseResult out;
    out.b_value = shell.b_value;
    out.response = {1, -1, 1};  // a sharp disc: enough to tell one fibre from two
    std::vector<std::int64_t> previous;
    for (int iteration = 0; iteration < options.max_iterations; ++iteration) {
        progress.begin(fmt::format("response, iteration {}", iteration + 1), static_cast<std::int64_t>(voxels.size()), "voxels");
        const auto ranked = rank_voxels(dwi, shell, voxels, out.response, options.chunk, device, progress);
        progress.end();
        if (ranked.empty())
            throw InputError("no voxel of the mask has a usable signal (all are zero or not finite); check the image and the mask");
        const auto top = [&](int count) { return std::span(ranked).first(std::min(ranked.size(), static_cast<std::size_t>(count))); };

        const auto chosen = top(options.voxels);
        std::vector<FibreVoxel> fibres;
        for (const auto& c : chosen) fibres.push_back({c.voxel, c.direction});
        out.response = fit_fibres(dwi, gradients, shell.volumes, fibres, iteration == 0 ? std::min(4, options.lmax) : options.lmax);
        out.iterations = iteration + 1;
        std::vector<std::int64_t> selected;
        for (const auto& c : chosen) selected.push_back(c.voxel);
        std::sort(selected.begin(), selected.end());
        out.converged = selected == previous;
        previous = std::move(selected);
        if (out.converged) break;
        voxels = dilated(top(options.candidates), mask);
    }
    out.voxels = Mask(mask.grid, 1, 0);
    for (const auto v : previous) out.voxels.at(v) = 1;
    return out;
}

}  // namespace arcuate::dwi
