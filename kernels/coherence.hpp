// How well a streamline follows directions that an image gives: peaks of FODs, main directions of tensors.
#pragma once

#include "kernels/dvec3.hpp"
#include "kernels/voxel_walk.hpp"

namespace arcuate::kernels {

struct DirectionsView {
    const float* axes;  ///< (nz, ny, nx, count, 3) unit vectors, world frame; zero where there is none
    std::int32_t nx, ny, nz, count;
    Affine3 world_to_voxel;

    /// The largest |cos| of the angles between a vector and the voxel's directions; negative where it has none.
    ARCUATE_HD double alignment(const VoxelVisit& at) const {
        const double mm = sqrt(dot(widened(at.chord), widened(at.chord)));
        if (at.x < 0 || at.y < 0 || at.z < 0 || at.x >= nx || at.y >= ny || at.z >= nz || !(mm > 0)) return -1;
        const float* const axis = axes + 3 * count * (at.x + static_cast<std::int64_t>(nx) * (at.y + static_cast<std::int64_t>(ny) * at.z));
        double best = -1;
        for (std::int32_t k = 0; k < count; ++k) {
            const DVec3 a{static_cast<double>(axis[3 * k]), static_cast<double>(axis[3 * k + 1]), static_cast<double>(axis[3 * k + 2])};
            if (a.x == 0 && a.y == 0 && a.z == 0) continue;
            best = max(min(abs(dot(a, widened(at.chord))) / mm, 1.0), best);
        }
        return best;
    }
};

/// The alignment of every stay in a voxel that has a direction, weighted by the length in it. Directions cannot be interpolated: their sign means nothing, and
/// neighbours list theirs in another order.
struct Coherence {
    const DirectionsView& directions;
    double mm = 0, sum = 0, squares = 0;

    ARCUATE_HD void operator()(const VoxelVisit& visit) {
        const double cosine = directions.alignment(visit);
        if (!(cosine >= 0)) return;
        const auto weight = static_cast<double>(visit.length_mm);
        mm += weight;
        sum = fma(weight, cosine, sum);
        squares = fma(weight * cosine, cosine, squares);
    }
    /// NaN where there is none.
    ARCUATE_HD double mean() const { return mm > 0 ? sum / mm : static_cast<double>(detail::quiet_nan()); }
    ARCUATE_HD double sd() const { return mm > 0 ? sqrt(max(squares / mm - mean() * mean(), 0.0)) : static_cast<double>(detail::quiet_nan()); }
};

}  // namespace arcuate::kernels
