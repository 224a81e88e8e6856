// iFOD1: first-order integration over fibre orientation distributions (Tournier, Calamante & Connelly 2012, Int J Imaging Syst Technol 22:53):
// the next direction is drawn from the FOD within a cone around the last, by rejection.
#pragma once

#include "kernels/cone.hpp"
#include "kernels/first_order.hpp"
#include "kernels/fod_field.hpp"
#include "kernels/rejection.hpp"

namespace arcuate::kernels {

/// Directions of iFOD1, for FirstOrder. Eight candidates go through the same operations at once; all have the FOD of one point.
template <int Lmax>
struct Ifod1Directions {
    FodField<Lmax> field;
    DrawParams params;        ///< step and samples are not used
    float one_minus_cos_max;  ///< of the cone
    const float* calibration; ///< (3, calibration_stride): x, y, z in frame_around(last direction)
    int calibration_stride;   ///< a multiple of eight

    ARCUATE_HD float amplitude(Vec3 position, Vec3 direction) const { return amplitude_at(field, position, direction); }
    ARCUATE_HD bool start(Vec3 seed, const Philox& random, const Vec3* asked, Vec3& direction) const {
        float f;
        return first_direction(field, seed, random, asked, params.seed_cutoff, params.seed_trials, direction, f);
    }

    template <int Lanes = candidate_lanes>
    ARCUATE_HD StepEnd next(Vec3 position, Vec3 from, const Philox& random, std::uint32_t draw, Vec3& to, StepCounts& counts) const {
        Cell cell;
        if (!field.locate(position, cell)) return StepEnd::exit_image;
        float c[FodField<Lmax>::stride];
        field.interpolate(cell, c);
        const Frame frame = frame_around(from);
        using Polynomial = typename FodField<Lmax>::Polynomial;
        if constexpr (Lanes == 1) {
            VecOf<float> d{};
            const StepEnd end = draw_by_rejection(params.rejection, random, draw, counts, [&](int i, const Random4& r) {
                d = in_world_of(frame, i >= 0 ? VecOf<float>{calibration[i], calibration[calibration_stride + i], calibration[2 * calibration_stride + i]}
                                              : in_cap(uniform(r.v[0]), uniform(r.v[1]), one_minus_cos_max));
                return probability(Polynomial::value(c, d.x, d.y, d.z), i < 0);
            });
            to = normalized({d.x, d.y, d.z});
            return end;
        } else {
            VecOf<Float8> d{};
            int chosen = 0;
            const StepEnd end = draw_eight_by_rejection(params.rejection, random, draw, counts, chosen, [&](int first, int, const Random4x8* r, float* p) {
                d = in_world_of(frame, r ? in_cap(uniform(r->v[0]), uniform(r->v[1]), one_minus_cos_max)
                                         : VecOf<Float8>{Float8::load(calibration + first), Float8::load(calibration + calibration_stride + first),
                                                         Float8::load(calibration + 2 * calibration_stride + first)});
                Polynomial::value(c, d.x, d.y, d.z).store(p);
                for (int k = 0; k < 8; ++k) p[k] = probability(p[k], r != nullptr);
            });
            float x[8], y[8], z[8];
            d.x.store(x), d.y.store(y), d.z.store(z);
            to = normalized({x[chosen], y[chosen], z[chosen]});
            return end;
        }
    }

  private:
    /// Of an amplitude. The bound is taken below the cutoff as well: what is likely beside a calibration direction may lie above it.
    ARCUATE_HD float probability(float f, bool drawn) const {
        if (!(f > 0.0f) || (drawn && !(f > params.cutoff))) return 0.0f;
        return params.power == 1.0f ? f : pow(f, params.power);
    }
};

template <int Lmax>
using Ifod1 = FirstOrder<Ifod1Directions<Lmax>>;

}  // namespace arcuate::kernels
