// FACT's directions (Mori et al. 1999, Ann Neurol 45:265) in double precision: of the voxel's fixels the one most along the last direction.
#pragma once

#include "reference/fod_draws.hpp"

namespace arcuate::reference {

struct FactDirections {
    Field peaks;  ///< three volumes per fixel
    double cutoff, seed_cutoff, cos_max_angle;
    std::uint32_t seed_trials;

    /// The fixel, turned along `d`; zero where the voxel has none.
    Vec3d closest(const Series& voxel, const Vec3d& d) const {
        Vec3d best{0, 0, 0};
        double cosine = -1;
        for (std::size_t i = 0; i < voxel.size(); i += 3) {
            const Vec3d peak{voxel[i], voxel[i + 1], voxel[i + 2]};
            if (length(peak) == 0 || std::abs(dot(normalized(peak), d)) <= cosine) continue;
            cosine = std::abs(dot(normalized(peak), d));
            best = dot(peak, d) < 0 ? -peak : peak;
        }
        return best;
    }

    std::optional<Vec3d> start(const Vec3d& seed, const Philox& random) const {
        const auto voxel = peaks.nearest(seed);
        for (std::uint32_t trial = 0; voxel && trial < seed_trials; ++trial) {
            const Vec3d peak = closest(*voxel, trial_direction(random, trial));
            if (length(peak) > seed_cutoff) return normalized(peak);
        }
        return {};
    }

    std::optional<Stop> next(const Vec3d& position, const Vec3d& from, const Philox&, std::uint32_t, Vec3d& to) const {
        const auto voxel = peaks.nearest(position);
        if (!voxel) return Stop::exit_image;
        const Vec3d peak = closest(*voxel, from);
        if (length(peak) < cutoff) return Stop::model;
        to = normalized(peak);
        if (dot(from, to) < cos_max_angle) return Stop::high_curvature;
        return {};
    }
};

}  // namespace arcuate::reference
