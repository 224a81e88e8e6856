// FACT: straight steps along the fixel of the voxel that the streamline is in (Mori et al. 1999, Ann Neurol 45:265).
#pragma once

#include "kernels/first_order.hpp"
#include "kernels/voxel_grid.hpp"

namespace arcuate::kernels {

/// Directions of FACT, for FirstOrder: of the voxel's peaks, the one most along the last direction.
struct FactDirections {
    static constexpr int team_lanes = 1, thread_registers = 255;

    VoxelGrid grid;
    const float* peaks;   ///< (rows, count, 3), world frame; the length is what the cutoff is held against; zero where there is none
    int count;
    float cutoff, seed_cutoff;
    float cos_max_angle;
    int seed_trials;

    /// The peak closest to a direction, turned along it; its length, 0 where the voxel has none.
    ARCUATE_HD float closest(std::int32_t row, Vec3 direction, Vec3& unit, float& cosine) const {
        float found = 0.0f;
        cosine = 0.0f;
        for (int i = 0; i < count; ++i) {
            const float* p = peaks + 3 * (static_cast<std::int64_t>(row) * count + i);
            const Vec3 peak{p[0], p[1], p[2]};
            const float size = length(peak);
            if (!(size > 0.0f)) continue;
            const float along = dot(peak, direction) / size;
            if (abs(along) < cosine) continue;
            cosine = abs(along);
            found = size;
            unit = (along < 0.0f ? -1.0f / size : 1.0f / size) * peak;
        }
        return found;
    }

    ARCUATE_HD float amplitude(Vec3 position, Vec3 direction) const {
        const std::int32_t row = grid.nearest(transform_point(grid.world_to_voxel, position));
        Vec3 unit;
        float cosine;
        return row ? closest(row, direction, unit, cosine) : 0.0f;
    }

    ARCUATE_HD bool start(Vec3 seed, const Philox& random, const Vec3* asked, Vec3& direction) const {
        const std::int32_t row = grid.nearest(transform_point(grid.world_to_voxel, seed));
        if (!row) return false;
        float cosine;
        if (asked) return closest(row, *asked, direction, cosine) > seed_cutoff && cosine >= cos_max_angle;
        for (int trial = 0; trial < seed_trials; ++trial)
            if (closest(row, seed_direction(random, trial), direction, cosine) > seed_cutoff) return true;
        return false;
    }

    ARCUATE_HD StepEnd next(Vec3 position, Vec3 from, const Philox&, std::uint32_t, Vec3& to, StepCounts& counts) const {
        const std::int32_t row = grid.nearest(transform_point(grid.world_to_voxel, position));
        if (!row) return StepEnd::exit_image;
        float cosine;
        const float size = closest(row, from, to, cosine);
        const StepEnd end = !(size > 0.0f && size >= cutoff) ? StepEnd::model : !(cosine >= cos_max_angle) ? StepEnd::high_curvature : StepEnd::none;
        ++(end == StepEnd::none ? counts.arcs : counts.end_arcs);
        return end;
    }
};

using Fact = FirstOrder<FactDirections>;

}  // namespace arcuate::kernels
