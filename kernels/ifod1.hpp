// iFOD1: first-order integration over fibre orientation distributions (Tournier, Calamante & Connelly 2012, Int J Imaging Syst Technol 22:53):
// the next direction is drawn from the FOD within a cone around the last, by rejection.
#pragma once

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

    ARCUATE_HD StepEnd next(Vec3 position, Vec3 from, const Philox& random, std::uint32_t draw, Vec3& to, StepCounts& counts) const {
        Cell cell;
        if (!field.locate(position, cell)) return StepEnd::exit_image;
        float c[FodField<Lmax>::stride];
        field.interpolate(cell, c);
        const Frame frame = frame_around(from);
        Float8 x = Float8::all(0), y = x, z = x;
        int chosen = 0;
        const StepEnd end = draw_eight_by_rejection(params.rejection, random, draw, counts, chosen, [&](int first, const Random4x8* r, float* p) {
            Float8 a, b, along;  // in the frame
            if (r) {
                // Uniform over the cap: its height is, and 1 - cos^2 = (1 - cos)(2 - (1 - cos)) keeps small angles.
                const Float8 versine = Float8::all(one_minus_cos_max) * uniform(r->v[1]);
                const SinCos8 azimuth = sincos(Float8::all(2.0f * pi) * uniform(r->v[0]));
                const Float8 sine = sqrt(versine * (Float8::all(2.0f) - versine));
                a = sine * azimuth.cos;
                b = sine * azimuth.sin;
                along = Float8::all(1.0f) - versine;
            } else {
                a = Float8::load(calibration + first);
                b = Float8::load(calibration + calibration_stride + first);
                along = Float8::load(calibration + 2 * calibration_stride + first);
            }
            const auto in_world = [&](float u, float v, float w) { return fma(along, Float8::all(w), fma(b, Float8::all(v), a * Float8::all(u))); };
            x = in_world(frame.u.x, frame.v.x, frame.w.x);
            y = in_world(frame.u.y, frame.v.y, frame.w.y);
            z = in_world(frame.u.z, frame.v.z, frame.w.z);
            FodField<Lmax>::Polynomial::value(c, x, y, z).store(p);
            for (int k = 0; k < 8; ++k) {
                // The bound is taken below the cutoff as well: what is likely beside a calibration direction may lie above it.
                if (!(p[k] > 0.0f) || (r && !(p[k] > params.cutoff))) p[k] = 0.0f;
                else if (params.power != 1.0f) p[k] = pow(p[k], params.power);
            }
        });
        float xs[8], ys[8], zs[8];
        x.store(xs), y.store(ys), z.store(zs);
        to = normalized({xs[chosen], ys[chosen], zs[chosen]});
        return end;
    }
};

template <int Lmax>
using Ifod1 = FirstOrder<Ifod1Directions<Lmax>>;

}  // namespace arcuate::kernels
