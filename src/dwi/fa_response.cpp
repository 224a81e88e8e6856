#include "arcuate/core/error.hpp"
#include "arcuate/dwi/tensor.hpp"
#include "arcuate/dwi/tissue_response.hpp"
#include "dwi/shell.hpp"
#include "dwi/shell_response.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace arcuate::dwi {

FaResponse estimate_fa_response(const Series& dwi, const GradientTable& gradients, const Mask& mask, const FaResponseOptions& options,
                                const Device& device, Progress& progress) {
    require_consistent(dwi, gradients, mask);
    if (options.voxels < 1 || options.erode < 0)
        throw InputError("the response needs at least one voxel, and erosions cannot be negative; check these options");
    const auto shells = find_shells(gradients);
    largest_shell(gradients);  // says where nothing is diffusion-weighted, or too little
    std::vector<const Shell*> rows;
    if (options.all_shells)
        for (const auto& s : shells) rows.push_back(&s);
    else if (options.shells.empty())
        rows.push_back(&shells.back());
    else
        for (const double b : options.shells) rows.push_back(&nearest_shell(shells, b));
    std::sort(rows.begin(), rows.end());  // they stand ascending in one array
    if (std::adjacent_find(rows.begin(), rows.end()) != rows.end()) throw InputError("two of the chosen b-values name the same shell; give each once");

    const Mask inside = eroded(mask, options.erode);
    const auto candidates = voxels_inside(inside, fmt::format("the mask after {} erosions", options.erode));
    TensorOptions tensor;
    tensor.chunk = options.chunk;
    const auto maps = fit_tensor(dwi, gradients, inside, tensor, device, progress);
    std::vector<FibreVoxel> chosen;
    for (const auto v : candidates)
        if (maps.fa.at(v) > static_cast<float>(options.threshold)) chosen.push_back({v, {maps.v1.at(v, 0), maps.v1.at(v, 1), maps.v1.at(v, 2)}});
    if (chosen.empty())
        throw InputError(options.threshold > 0 ? fmt::format("no voxel has an FA above {}; lower the threshold", options.threshold)
                                               : std::string("no voxel of the mask has a tensor (their signals are zero, not finite or isotropic); "
                                                             "check the image and the mask"));
    if (!(options.threshold > 0)) {
        std::stable_sort(chosen.begin(), chosen.end(), [&](const FibreVoxel& a, const FibreVoxel& b) { return maps.fa.at(a.voxel) > maps.fa.at(b.voxel); });
        chosen.resize(std::min(chosen.size(), static_cast<std::size_t>(options.voxels)));
        std::sort(chosen.begin(), chosen.end(), [](const FibreVoxel& a, const FibreVoxel& b) { return a.voxel < b.voxel; });
    }

    FaResponse out;
    out.voxels = Mask(dwi.grid, 1, 0);
    for (const auto& f : chosen) out.voxels.at(f.voxel) = 1;
    for (const auto* shell : rows) {
        out.b_values.push_back(shell->b_value);
        out.responses.push_back(fit_fibres(dwi, gradients, shell->volumes, chosen, shell->b_value <= b_zero_threshold ? 0 : options.lmax));
    }
    return out;
}

}  // namespace arcuate::dwi
