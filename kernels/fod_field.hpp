// Fibre orientation distributions as trackers see them: series of spherical harmonics, interpolated linearly between voxels.
#pragma once

#include "kernels/sh_polynomial.hpp"
#include "kernels/team.hpp"
#include "kernels/track_step.hpp"
#include "kernels/voxel_grid.hpp"

#include <type_traits>

namespace arcuate::kernels {

/// Stored: float, or std::uint16_t for half precision (arcuate/half.hpp). Either is summed in float. A type of its own, because one field that asks at every point which of
/// both it is took a sixth more instructions on a processor.
template <int Lmax, class Stored = float>
struct FodField {
    static constexpr int lmax = Lmax;
    using Polynomial = ShPolynomial<Lmax>;
    static constexpr int stride = Polynomial::stride;

    VoxelGrid grid;
    const Stored* coefficients;  ///< (rows, stride), of the polynomial; halves over `scale`
    float scale = 1;             ///< a power of two; of floats 1 and not looked at

    ARCUATE_HOT bool locate(Vec3 world, Cell& cell) const { return grid.locate(world, cell); }

    /// Eight of the interpolated coefficients: sum over the corners, in their order.
    ARCUATE_HD Float8 interpolate8(const Cell& cell, int first) const {
        Float8 c = Float8::all(0.0f);
        ARCUATE_UNROLL
        for (int k = 0; k < 8; ++k)
            c = fma(Float8::load_aligned(coefficients + static_cast<std::int64_t>(cell.row[k]) * stride + first), Float8::all(cell.weight[k]), c);
        if constexpr (std::is_same_v<Stored, float>) return c;
        else return Float8::all(scale) * c;
    }

    /// All coefficients at a point, (stride). On a GPU eight at a time: a short loop stays in its instruction cache and leaves registers for more warps, which gains more than all loads
    /// under way at once (bench/README.md).
    ARCUATE_HD void interpolate(const Cell& cell, float* c) const {
#if defined(__CUDA_ARCH__)
        ARCUATE_ROLLED
#else
        ARCUATE_UNROLL
#endif
        for (int group = 0; group < stride; group += 8) interpolate8(cell, group).store(c + group);
    }

    /// The same, eight by each of a team's lanes.
    template <int Lanes>
    ARCUATE_HD void interpolate(const Team<Lanes>& team, const Cell& cell, float* c) const {
        struct Eight {
            float v[8];
        };
        constexpr int groups = stride / 8;
        ARCUATE_UNROLL
        for (int first = 0; first < groups; first += Lanes) {
            const auto mine = team.each([&](int k) {
                Eight values{};
                if (first + k < groups) interpolate8(cell, 8 * (first + k)).store(values.v);
                return values;
            });
            ARCUATE_UNROLL
            for (int from = 0; from < Lanes; ++from) {
                if (first + from >= groups) break;
                ARCUATE_UNROLL
                for (int j = 0; j < 8; ++j) c[8 * (first + from) + j] = team.of(team.each([&](int k) { return mine[k].v[j]; }), from);
            }
        }
    }

    /// Amplitude of the interpolated FOD along a unit direction.
    ARCUATE_HD float amplitude(const Cell& cell, Vec3 direction) const {
        float c[stride];
        interpolate(cell, c);
        return Polynomial::value(c, direction.x, direction.y, direction.z);
    }
};

/// Amplitude at a point; 0 outside the field.
template <int Lmax, class Stored>
ARCUATE_APART float amplitude_at(FodField<Lmax, Stored> field, Vec3 position, Vec3 direction) {
    Cell cell;
    return field.locate(position, cell) ? field.amplitude(cell, direction) : 0.0f;
}

/// The first direction at a seed and its amplitude: the one asked for, or uniform directions until one has an amplitude above `cutoff`, of several that a team tries at once the first by number.
/// Not weighted by amplitude.
template <class Team, int Lmax, class Stored>
ARCUATE_HD bool first_direction(const Team& team, const FodField<Lmax, Stored>& field, Vec3 seed, const Philox& random, const Vec3* asked, float cutoff, int trials, Vec3& direction,
                                float& amplitude) {
    Cell cell;
    if (!field.locate(seed, cell)) return false;
    float c[FodField<Lmax, Stored>::stride];
    field.interpolate(cell, c);
    struct Tried {
        Vec3 direction;
        float amplitude;
    };
    const int most = asked ? 1 : trials;
    for (int first = 0; first < most; first += Team::lanes) {
        const PerLane<Tried, Team::lanes> tried = team.each([&](int k) {
            const Vec3 d = asked ? *asked : seed_direction(random, first + k);
            return Tried{d, FodField<Lmax, Stored>::Polynomial::value(c, d.x, d.y, d.z)};
        });
        const unsigned above = team.which([&](int k) { return first + k < most && tried[k].amplitude > cutoff && tried[k].amplitude > 0.0f; });
        if (!above) continue;
        const int chosen = lowest_bit(above);
        direction = vector_of(team, chosen, [&](int k) { return tried[k].direction; });
        amplitude = team.of(team.each([&](int k) { return tried[k].amplitude; }), chosen);
        return true;
    }
    return false;
}

}  // namespace arcuate::kernels
