// Fibre orientation distributions as trackers see them: spherical harmonic coefficients, interpolated linearly between voxels.
#pragma once

#include "kernels/lanes.hpp"
#include "kernels/sh_basis.hpp"
#include "kernels/track_step.hpp"
#include "kernels/voxel_grid.hpp"

namespace arcuate::kernels {

/// Values per voxel in memory: the coefficients, padded with zeros to whole groups of eight (one AVX register, two 16-byte loads).
constexpr int padded_sh_count(int lmax) { return (sh_count(lmax) + 7) / 8 * 8; }

template <int Lmax>
struct FodField {
    static constexpr int lmax = Lmax;
    static constexpr int stride = padded_sh_count(Lmax);

    VoxelGrid grid;
    const float* coefficients;   ///< (rows, stride)

    ARCUATE_HD bool locate(Vec3 world, Cell& cell) const { return grid.locate(world, cell); }

    /// Eight of the interpolated coefficients: sum over the corners, in their order.
    ARCUATE_HD Float8 interpolate8(const Cell& cell, int first) const {
        Float8 c = Float8::all(0.0f);
        ARCUATE_UNROLL
        for (int k = 0; k < 8; ++k)
            c = fma(Float8::load(coefficients + static_cast<std::int64_t>(cell.row[k]) * stride + first), Float8::all(cell.weight[k]), c);
        return c;
    }

    /// All coefficients at a point, (stride).
    ARCUATE_HD void interpolate(const Cell& cell, float* c) const {
        ARCUATE_UNROLL
        for (int group = 0; group < stride; group += 8) interpolate8(cell, group).store(c + group);
    }

    /// Amplitude of the interpolated FOD along a unit direction. Order of the sums: over the corners within a coefficient, then eight
    /// interleaved partial sums over coefficients, then a fixed tree.
    ARCUATE_HD float amplitude(const Cell& cell, Vec3 direction) const {
        float basis[stride];
        padded_basis(direction, basis);
        Float8 sum = Float8::all(0.0f);
        ARCUATE_UNROLL
        for (int group = 0; group < stride; group += 8) sum = fma(interpolate8(cell, group), Float8::load(basis + group), sum);
        return tree_sum(sum);
    }

    /// The same where the coefficients at the point are there already; the same bits.
    ARCUATE_HD static float amplitude(const float* c, Vec3 direction) {
        float basis[stride];
        padded_basis(direction, basis);
        return dot(c, basis);
    }

    /// Interpolated coefficients times basis values, both (stride).
    ARCUATE_HD static float dot(const float* c, const float* basis) {
        Float8 sum = Float8::all(0.0f);
        ARCUATE_UNROLL
        for (int group = 0; group < stride; group += 8) sum = fma(Float8::load(c + group), Float8::load(basis + group), sum);
        return tree_sum(sum);
    }

    ARCUATE_HD static void padded_basis(Vec3 direction, float* basis) {
        for (int j = sh_count(Lmax); j < stride; ++j) basis[j] = 0.0f;
        sh_basis<Lmax, float>(direction.x, direction.y, direction.z, basis);
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
