// SD_STREAM: deterministic tracking along the FOD's peaks (Tournier, Calamante & Connelly 2012, Int J Imaging Syst Technol 22:53).
#pragma once

#include "kernels/first_order.hpp"
#include "kernels/fod_field.hpp"
#include "kernels/sh_derivatives.hpp"

namespace arcuate::kernels {

/// Directions of SD_STREAM, for FirstOrder: the peak uphill of the last direction.
template <int Lmax>
struct SdDirections {
    static constexpr int team_lanes = 1, thread_registers = 255;

    FodField<Lmax> field;
    float cutoff, seed_cutoff;
    float cos_max_angle;
    int seed_trials;

    ARCUATE_HD float amplitude(Vec3 position, Vec3 direction) const { return amplitude_at(field, position, direction); }

    ARCUATE_HD bool start(Vec3 seed, const Philox& random, const Vec3* asked, Vec3& direction) const {
        Cell cell;
        if (!field.locate(seed, cell)) return false;
        float c[FodField<Lmax>::stride];
        field.interpolate(cell, c);
        for (int trial = 0; trial < (asked ? 1 : seed_trials); ++trial) {
            direction = asked ? *asked : seed_direction(random, trial);
            if (climb_to_peak<Lmax>(c, direction) > seed_cutoff) return true;
        }
        return false;
    }

    ARCUATE_HD StepEnd next(Vec3 position, Vec3 from, const Philox&, std::uint32_t, Vec3& to, StepCounts& counts) const {
        Cell cell;
        if (!field.locate(position, cell)) return StepEnd::exit_image;
        float c[FodField<Lmax>::stride];
        field.interpolate(cell, c);
        to = from;
        const float f = climb_to_peak<Lmax>(c, to);
        const StepEnd end = !(f >= cutoff) ? StepEnd::model : !(dot(from, to) >= cos_max_angle) ? StepEnd::high_curvature : StepEnd::none;
        ++(end == StepEnd::none ? counts.arcs : counts.end_arcs);
        return end;
    }
};

template <int Lmax>
using SdStream = FirstOrder<SdDirections<Lmax>>;

}  // namespace arcuate::kernels
