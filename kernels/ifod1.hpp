// iFOD1: first-order integration over fibre orientation distributions (Tournier, Calamante & Connelly 2012, Int J Imaging Syst Technol 22:53):
// the next direction is drawn from the FOD within a cone around the last, by rejection.
#pragma once

#include "kernels/arcs.hpp"
#include "kernels/first_order.hpp"

namespace arcuate::kernels {

/// Directions of iFOD1, for FirstOrder. Eight candidates go through the same operations at once; all have the FOD of one point.
template <int Lmax>
struct Ifod1Directions {
    static constexpr int team_lanes = 8;  // four streamlines of a warp
    static constexpr int thread_registers = Lmax <= 8 ? few_registers : 255;

    FodField<Lmax> field;
    DrawParams params;        ///< step and samples are not used
    float one_minus_cos_max;  ///< of the cone
    const float* calibration; ///< (3, calibration_stride): x, y, z in frame_around(last direction)
    int calibration_stride;   ///< a multiple of eight

    ARCUATE_HD float amplitude(Vec3 position, Vec3 direction) const { return amplitude_at(field, position, direction); }
    ARCUATE_HD bool start(Vec3 seed, const Philox& random, const Vec3* asked, Vec3& direction) const {
        float f;
        return first_direction(Crew<team_lanes>{}, field, seed, random, asked, params.seed_cutoff, params.seed_trials, direction, f);
    }

    ARCUATE_HD StepEnd next(Vec3 position, Vec3 from, const Philox& random, std::uint32_t draw, Vec3& to, StepCounts& counts) const {
        return next_by(Evaluators<team_lanes>{}, position, from, random, draw, to, counts);
    }

    ARCUATE_HD StepEnd next_by(EightAtOnce, Vec3 position, Vec3 from, const Philox& random, std::uint32_t draw, Vec3& to, StepCounts& counts) const {
        Cell cell;
        if (!field.locate(position, cell)) return StepEnd::exit_image;
        float c[FodField<Lmax>::stride];
        field.interpolate(cell, c);
        const Frame frame = frame_around(from);
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

    template <int Lanes>
    ARCUATE_HD StepEnd next_by(Team<Lanes> team, Vec3 position, Vec3 from, const Philox& random, std::uint32_t draw, Vec3& to, StepCounts& counts) const {
        Cell cell;
        if (!field.locate(position, cell)) return StepEnd::exit_image;
        float c[FodField<Lmax>::stride];
        field.interpolate(team, cell, c);
        const Frame frame = frame_around(from);
        PerLane<Vec3, Lanes> d{};
        int chosen = 0;
        const StepEnd end = draw_by_rejection(team, params.rejection, Lanes, counts, chosen, [&](int first) {
            return team.each([&](int k) {
                const int number = first + k, trial = number - params.rejection.calibration_count;
                const Random4 r = trial < 0 ? Random4{} : random(draw + static_cast<std::uint32_t>(trial));
                const auto local = trial < 0 ? VecOf<float>{calibration[number], calibration[calibration_stride + number], calibration[2 * calibration_stride + number]}
                                             : in_cap(uniform(r.v[0]), uniform(r.v[1]), one_minus_cos_max);
                const auto world = in_world_of(frame, local);
                d[k] = {world.x, world.y, world.z};
                return Drawn{probability(Polynomial::value(c, world.x, world.y, world.z), trial >= 0), r.v[2]};
            });
        });
        if (end == StepEnd::none) to = normalized(vector_of(team, chosen, [&](int k) { return d[k]; }));
        return end;
    }

  private:
    using Polynomial = typename FodField<Lmax>::Polynomial;

    /// Of an amplitude. The bound is taken below the cutoff as well: what is likely beside a calibration direction may lie above it.
    ARCUATE_HD float probability(float f, bool drawn) const {
        if (!(f > 0.0f) || (drawn && !(f > params.cutoff))) return 0.0f;
        return params.power == 1.0f ? f : pow(f, params.power);
    }
};

template <int Lmax>
using Ifod1 = FirstOrder<Ifod1Directions<Lmax>>;

}  // namespace arcuate::kernels
