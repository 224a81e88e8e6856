#include "arcuate/weights/voxel_tissues.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/core/tissues.hpp"
#include "backend/buffer.hpp"
#include "backend/launch.hpp"
#include "backend/to_kernel.hpp"
#include "kernels/tissue_shares.hpp"

#include <algorithm>

namespace arcuate::weights {

namespace {

using kernels::TissueImage;
using kernels::TissueShares;

/// (voxels, 3)
std::vector<float> sampled_shares(const ScalarImage& image, const Grid& grid, const Device& device) {
    const std::int64_t voxels = image.grid.voxels();
    std::vector<float> rows(static_cast<std::size_t>(voxels * TissueImage::stride));
    for (std::int64_t v = 0; v < voxels; ++v)
        for (int t = 0; t < 5; ++t) rows[static_cast<std::size_t>(v * TissueImage::stride + t)] = image.at(v, t);
    const Buffer<float> fractions(device, rows);
    Buffer<float> shares(device, static_cast<std::size_t>(grid.voxels() * TissueShares::tissues));
    const auto& size = image.grid.size;
    launch(device, grid.voxels(),
           TissueShares{{fractions.data(), static_cast<int>(size[0]), static_cast<int>(size[1]), static_cast<int>(size[2]), to_kernel(inverse(image.grid.voxel_to_world)), 0},
                        static_cast<std::int32_t>(grid.size[0]),
                        static_cast<std::int32_t>(grid.size[1]),
                        to_kernel(grid.voxel_to_world),
                        shares.data()});
    return shares.to_host();
}

}  // namespace

VoxelTissues voxel_tissues(const ScalarImage& tissues, const Grid& grid, const Device& device) {
    require_tissue_fractions(tissues);
    const bool same = same_grid(tissues.grid, grid);
    const auto sampled = same ? std::vector<float>{} : sampled_shares(tissues, grid, device);
    VoxelTissues out;
    for (std::int64_t v = 0; v < grid.voxels(); ++v) {
        const auto share = [&](int t) { return same ? std::clamp(tissues.at(v, t), 0.0f, 1.0f) : sampled[static_cast<std::size_t>(TissueShares::tissues * v + t)]; };
        out.weight.push_back(share(2) * share(2));
        out.fibre_density.push_back(std::max(0.0f, 1.0f - share(0) - 0.5f * share(1)));
    }
    if (std::ranges::none_of(out.weight, [](float w) { return w > 0; }))
        throw InputError("there is no white matter where the FOD image is (the two do not overlap, or the tissues are in another order); check the tissue image");
    return out;
}

}  // namespace arcuate::weights
