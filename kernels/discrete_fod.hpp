// Sampling of the discretised FOD: the next direction is drawn from a fixed set, in proportion to the FOD's amplitudes (as DIPY's probabilistic direction getter;
// Behrens et al. 2007, NeuroImage 34:144, and Garyfallidis et al. 2014, Front Neuroinform 8:8).
#pragma once

#include "kernels/first_order.hpp"
#include "kernels/fod_field.hpp"

namespace arcuate::kernels {

inline constexpr int max_discrete_directions = 384;  ///< of a half sphere

/// Directions drawn from a set, for FirstOrder.
template <int Lmax>
struct DiscreteDirections {
    static constexpr int team_lanes = 1, thread_registers = 255;

    FodField<Lmax> field;
    const Vec3* directions;    ///< (count) unit, one of each opposite pair
    const float* monomials;    ///< (count, FodField::stride) of each direction
    int count;
    float cutoff, seed_cutoff; ///< of the largest amplitude at a point
    float relative_cutoff;     ///< directions below this share of the largest amplitude are not drawn
    float cos_max_angle;

    ARCUATE_HD float amplitude(Vec3 position, Vec3 direction) const { return amplitude_at(field, position, direction); }

    /// Amplitudes of the set; the largest.
    ARCUATE_HD float sample(const Cell& cell, float* f) const {
        float c[FodField<Lmax>::stride], largest = 0.0f;
        field.interpolate(cell, c);
        for (int i = 0; i < count; ++i) {
            Float8 sum = Float8::all(0.0f);
            ARCUATE_UNROLL
            for (int group = 0; group < FodField<Lmax>::stride; group += 8)
                sum = fma(Float8::load(c + group), Float8::load_aligned(monomials + static_cast<std::int64_t>(i) * FodField<Lmax>::stride + group), sum);
            f[i] = tree_sum(sum);
            largest = max(largest, f[i]);
        }
        return largest;
    }

    /// One of the set in proportion to the amplitudes left in `f`; -1 where none is left.
    ARCUATE_HD int draw(const float* f, std::uint32_t bits) const {
        float total = 0.0f;
        for (int i = 0; i < count; ++i) total += f[i];
        if (!(total > 0.0f)) return -1;
        const float target = uniform(bits) * total;
        float sum = 0.0f;
        int chosen = -1;
        for (int i = 0; i < count; ++i) {
            if (!(f[i] > 0.0f)) continue;
            chosen = i;
            sum += f[i];
            if (sum > target) break;
        }
        return chosen;
    }

    /// The first direction is the highest of the set, as DIPY's is with one direction per seed; its sign is random.
    ARCUATE_HD bool start(Vec3 seed, const Philox& random, const Vec3* asked, Vec3& direction) const {
        Cell cell;
        if (!field.locate(seed, cell)) return false;
        float f[max_discrete_directions];
        const float largest = sample(cell, f);
        if (!(largest > seed_cutoff)) return false;
        if (asked) {
            direction = *asked;
            return field.amplitude(cell, direction) > seed_cutoff;
        }
        int highest = 0;
        while (f[highest] < largest) ++highest;
        direction = (random(1).v[0] >> 31) ? -directions[highest] : directions[highest];
        return true;
    }

    ARCUATE_HD StepEnd next(Vec3 position, Vec3 from, const Philox& random, std::uint32_t draw_number, Vec3& to, StepCounts& counts) const {
        Cell cell;
        if (!field.locate(position, cell)) return StepEnd::exit_image;
        float f[max_discrete_directions];
        const float largest = sample(cell, f);
        int chosen = -1;
        if (largest >= cutoff) {
            for (int i = 0; i < count; ++i) f[i] = f[i] >= relative_cutoff * largest && abs(dot(directions[i], from)) >= cos_max_angle ? f[i] : 0.0f;
            chosen = draw(f, random(draw_number).v[0]);
        }
        if (chosen < 0) {
            ++counts.end_arcs;
            return StepEnd::model;
        }
        ++counts.arcs;
        to = dot(directions[chosen], from) < 0.0f ? -directions[chosen] : directions[chosen];
        return StepEnd::none;
    }
};

template <int Lmax>
using DiscreteFod = FirstOrder<DiscreteDirections<Lmax>>;

}  // namespace arcuate::kernels
