// How much of a voxel is which tissue, by a five-tissue-type image on another grid.
#pragma once

#include "kernels/tissues.hpp"

namespace arcuate::kernels {

/// One item: one voxel. Of 1000 points in it, those that lie in each tissue, which is the one of the largest fraction there; as shares of the points that
/// lie in any.
struct TissueShares {
    static constexpr int steps = 10, tissues = 3;

    TissueImage image;
    std::int32_t nx, ny;
    Affine3 voxel_to_world;
    float* shares;  ///< out (voxels, tissues): cortical grey, sub-cortical grey, white matter

    ARCUATE_HD void operator()(std::int64_t voxel) const {
        const auto x = static_cast<float>(voxel % nx), y = static_cast<float>(voxel / nx % ny), z = static_cast<float>(voxel / nx / ny);
        int valid = 0, inside[tissues] = {0, 0, 0};
        for (int k = 0; k < steps; ++k)
            for (int j = 0; j < steps; ++j)
                for (int i = 0; i < steps; ++i) {
                    const Tissues t = image.at(transform_point(voxel_to_world, {x + place(i), y + place(j), z + place(k)}));
                    if (!t.valid) continue;
                    ++valid;
                    const float of[tissues] = {t.cgm, t.sgm, t.wm};
                    const float most = max(max(max(t.cgm, t.sgm), max(t.wm, t.csf)), t.path);
                    for (int n = 0; n < tissues; ++n) inside[n] += of[n] == most ? 1 : 0;
                }
        for (int n = 0; n < tissues; ++n)
            shares[tissues * voxel + n] = valid > 0 ? static_cast<float>(inside[n]) / static_cast<float>(valid) : 0.0f;
    }

  private:
    ARCUATE_HD static float place(int i) { return (static_cast<float>(i) + 0.5f) / static_cast<float>(steps) - 0.5f; }
};

}  // namespace arcuate::kernels
