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
        Vec3 d{};
        const StepEnd end = draw_by_rejection(params.rejection, random, draw, counts, [&](int calibration, const Random4& r) {
            d = turned(frame, calibration >= 0 ? params.calibration[calibration] : cone_direction(r, params.one_minus_cos_max));
            const float f = FodField<Lmax>::amplitude(c, d);
            // The bound is taken below the cutoff as well: what is likely beside a calibration direction may lie above it.
            if (!(f > 0.0f) || (calibration < 0 && !(f > params.cutoff))) return 0.0f;
            return params.power == 1.0f ? f : pow(f, params.power);
        });
        to = normalized(d);
        return end;
    }
};

template <int Lmax>
using Ifod1 = FirstOrder<Ifod1Directions<Lmax>>;

}  // namespace arcuate::kernels
