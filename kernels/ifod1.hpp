// iFOD1: first-order integration over fibre orientation distributions (Tournier, Calamante & Connelly 2012, Int J Imaging Syst Technol 22:53):
// the next direction is drawn from the FOD within a cone around the last, by rejection.
#pragma once

#include "kernels/first_order.hpp"
#include "kernels/ifod2.hpp"

namespace arcuate::kernels {

/// Directions of iFOD1, for FirstOrder.
template <int Lmax>
struct Ifod1Directions {
    FodField<Lmax> field;
    Ifod2Params params;   ///< step and samples are not used

    ARCUATE_HD float amplitude(Vec3 position, Vec3 direction) const { return amplitude_at(field, position, direction); }
    ARCUATE_HD bool start(Vec3 seed, const Philox& random, const Vec3* asked, Vec3& direction) const {
        float f;
        return first_direction(field, seed, random, asked, params.seed_cutoff, params.seed_trials, direction, f);
    }

    ARCUATE_HD StepEnd next(Vec3 position, Vec3 from, const Philox& random, std::uint32_t draw, Vec3& to, StepCounts& counts) const {
        Cell cell;
        if (!field.locate(position, cell)) return StepEnd::exit_image;
        float c[FodField<Lmax>::stride];
        field.interpolate(cell, c);
        const Frame frame = frame_around(from);
        float largest = 0.0f, bound = 0.0f;
        for (int n = -params.calibration_count; n < params.trials; ++n) {
            const bool calibrating = n < 0;
            if (n == 0) {
                if (!(largest > 0.0f)) {
                    counts.end_arcs += params.calibration_count;
                    return StepEnd::calibrator;
                }
                bound = params.calibration_ratio * pow(largest, params.power);
            }
            const Random4 r = calibrating ? Random4{} : random(draw + static_cast<std::uint32_t>(n));
            const Vec3 d = turned(frame, calibrating ? params.calibration[n + params.calibration_count] : cone_direction(r, params.one_minus_cos_max));
            const float f = FodField<Lmax>::amplitude(c, d);
            if (calibrating) {
                largest = max(largest, f);
                continue;
            }
            if (!(f > params.cutoff && f > 0.0f)) continue;
            const float p = pow(f, params.power);
            counts.truncated += p > bound;
            if (!(uniform(r.v[2]) * bound < p)) continue;
            to = normalized(d);
            counts.arcs += n + 1 + params.calibration_count;
            return StepEnd::none;
        }
        counts.end_arcs += params.trials + params.calibration_count;
        return StepEnd::model;
    }
};

template <int Lmax>
using Ifod1 = FirstOrder<Ifod1Directions<Lmax>>;

}  // namespace arcuate::kernels
