// Fibre orientation distributions as trackers see them: series of spherical harmonics, interpolated linearly between voxels.
#pragma once

#include "kernels/sh_polynomial.hpp"
#include "kernels/track_step.hpp"
#include "kernels/voxel_grid.hpp"

namespace arcuate::kernels {

template <int Lmax>
struct FodField {
    static constexpr int lmax = Lmax;
    using Polynomial = ShPolynomial<Lmax>;
    static constexpr int stride = Polynomial::stride;

    VoxelGrid grid;
    const float* coefficients;    ///< (rows, stride), of the polynomial; null where they are in half precision
    const std::uint16_t* halves;  ///< (rows, stride), of the polynomial over `scale`
    float scale;                  ///< a power of two

    ARCUATE_HD bool locate(Vec3 world, Cell& cell) const { return grid.locate(world, cell); }

    /// Eight of the interpolated coefficients: sum over the corners, in their order.
    ARCUATE_HD Float8 interpolate8(const Cell& cell, int first) const {
        return coefficients ? sum_over_corners(coefficients, cell, first) : Float8::all(scale) * sum_over_corners(halves, cell, first);
    }

    /// All coefficients at a point, (stride).
    ARCUATE_HD void interpolate(const Cell& cell, float* c) const {
        if (coefficients) {
            ARCUATE_UNROLL
            for (int group = 0; group < stride; group += 8) sum_over_corners(coefficients, cell, group).store(c + group);
        } else {
            ARCUATE_UNROLL
            for (int group = 0; group < stride; group += 8) (Float8::all(scale) * sum_over_corners(halves, cell, group)).store(c + group);
        }
    }

    /// Amplitude of the interpolated FOD along a unit direction.
    ARCUATE_HD float amplitude(const Cell& cell, Vec3 direction) const {
        float c[stride];
        interpolate(cell, c);
        return Polynomial::value(c, direction.x, direction.y, direction.z);
    }

  private:
    template <class T>
    ARCUATE_HD static Float8 sum_over_corners(const T* rows, const Cell& cell, int first) {
        Float8 c = Float8::all(0.0f);
        ARCUATE_UNROLL
        for (int k = 0; k < 8; ++k)
            c = fma(Float8::load_aligned(rows + static_cast<std::int64_t>(cell.row[k]) * stride + first), Float8::all(cell.weight[k]), c);
        return c;
    }
};

/// Amplitude at a point; 0 outside the field.
template <int Lmax>
ARCUATE_APART float amplitude_at(FodField<Lmax> field, Vec3 position, Vec3 direction) {
    Cell cell;
    return field.locate(position, cell) ? field.amplitude(cell, direction) : 0.0f;
}

/// The first direction at a seed and its amplitude: the one asked for, or uniform directions until one has an amplitude above `cutoff`.
/// Not weighted by amplitude.
template <int Lmax>
ARCUATE_APART bool first_direction(FodField<Lmax> field, Vec3 seed, Philox random, const Vec3* asked, float cutoff, int trials, Vec3& direction,
                                float& amplitude) {
    Cell cell;
    if (!field.locate(seed, cell)) return false;
    for (int trial = 0; trial < (asked ? 1 : trials); ++trial) {
        direction = asked ? *asked : seed_direction(random, trial);
        amplitude = field.amplitude(cell, direction);
        if (amplitude > cutoff && amplitude > 0.0f) return true;
    }
    return false;
}

}  // namespace arcuate::kernels
