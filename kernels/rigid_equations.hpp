// The two kernels of rigid registration: all sessions sampled on one grid of the half-way space, and the normal equations of the small
// motion that brings each of them to their mean. Every session is treated alike (Reuter et al. 2010, NeuroImage 53:1181; 2012, 61:1402).
#pragma once

#include "kernels/cubic_spline.hpp"

namespace arcuate::kernels {

/// Points of the half-way space where images are compared: cubes of `spacing` along the world's axes.
struct RigidGrid {
    DVec3 origin;  ///< [mm]
    double spacing;  ///< [mm]
    std::int32_t nx, ny, nz;

    ARCUATE_HD std::int64_t points() const { return static_cast<std::int64_t>(nx) * ny * nz; }
    ARCUATE_HD DVec3 at(std::int32_t x, std::int32_t y, std::int32_t z) const {
        return {fma(spacing, static_cast<double>(x), origin.x), fma(spacing, static_cast<double>(y), origin.y), fma(spacing, static_cast<double>(z), origin.z)};
    }
};

/// One item per point. Where every session has a value and at least one has its mask: their values times gain, the mean and its gradient;
/// elsewhere the mean is NaN.
struct SampleSessions {
    const SplineView* sessions;  ///< (n)
    const float* gain;           ///< (n)
    std::int32_t n;
    RigidGrid grid;
    float* values;               ///< (n, points)
    float* mean;                 ///< (points)
    Vec3* gradient;              ///< (points) [per mm]

    ARCUATE_HD void operator()(std::int64_t i) const {
        const auto x = static_cast<std::int32_t>(i % grid.nx), y = static_cast<std::int32_t>(i / grid.nx % grid.ny),
                   z = static_cast<std::int32_t>(i / (static_cast<std::int64_t>(grid.nx) * grid.ny));
        const DVec3 point = grid.at(x, y, z);
        mean[i] = float_of(0x7fc00000u);
        bool masked = false;
        SplineView::Place place{};
        for (std::int32_t s = 0; s < n; ++s) {
            if (!sessions[s].locate(point, place)) return;
            masked = masked || sessions[s].in_mask(place);
        }
        if (!masked) return;
        float sum = 0;
        Vec3 slope{0, 0, 0};
        for (std::int32_t s = 0; s < n; ++s) {
            sessions[s].locate(point, place);
            Vec3 own{};
            const float value = gain[s] * sessions[s].sample(place, own);
            values[s * grid.points() + i] = value;
            sum += value;
            slope = fma(gain[s], own, slope);
        }
        const float share = 1.0f / static_cast<float>(n);
        mean[i] = share * sum;
        gradient[i] = share * slope;
    }
};

/// Tukey's biweight: 1 where the residual is 0, 0 from 1 on.
ARCUATE_HD double biweight(double relative_residual) {
    const double u = 1.0 - relative_residual * relative_residual;
    return u > 0.0 ? u * u : 0.0;
}

/// One item per brick of 4 x 4 x 4 points and session. With p = point - centre and g the mean's gradient, the motion (d, w), a shift and a small turn, changes the
/// session's value by -(g . d + (p x g) . w), and a change s of the logarithm of its gain by the mean times s.
struct RigidEquations {
    static constexpr int brick = 4, unknowns = 7;
    static constexpr int triangle = unknowns * (unknowns + 1) / 2;
    /// A brick's sums: the upper triangle of the matrix, row by row; the right side; the weights; the points.
    static constexpr int right = triangle, weight = right + unknowns, count = weight + 1, terms = count + 1;

    const float* values;        ///< (n, points)
    const float* mean;          ///< (points)
    const Vec3* gradient;       ///< (points)
    const double* inverse_cut;  ///< (n) 1 / the residual from which on a point does not count
    RigidGrid grid;
    DVec3 centre;               ///< [mm]
    double* sums;               ///< (n, bricks, terms)

    ARCUATE_HD static std::int32_t bricks_along(std::int32_t n) { return (n + brick - 1) / brick; }
    ARCUATE_HD std::int64_t bricks() const { return static_cast<std::int64_t>(bricks_along(grid.nx)) * bricks_along(grid.ny) * bricks_along(grid.nz); }

    ARCUATE_HD void operator()(std::int64_t item) const {
        const std::int64_t session = item / bricks(), b = item % bricks();
        const std::int32_t bx = bricks_along(grid.nx), by = bricks_along(grid.ny);
        const std::int32_t x0 = brick * static_cast<std::int32_t>(b % bx), y0 = brick * static_cast<std::int32_t>(b / bx % by),
                           z0 = brick * static_cast<std::int32_t>(b / (static_cast<std::int64_t>(bx) * by));
        double sum[terms] = {};
        for (std::int32_t z = z0; z < z0 + brick && z < grid.nz; ++z)
            for (std::int32_t y = y0; y < y0 + brick && y < grid.ny; ++y)
                for (std::int32_t x = x0; x < x0 + brick && x < grid.nx; ++x) {
                    const std::int64_t i = x + static_cast<std::int64_t>(grid.nx) * (y + static_cast<std::int64_t>(grid.ny) * z);
                    if (is_nan(mean[i])) continue;
                    const double mu = static_cast<double>(mean[i]), residual = static_cast<double>(values[session * grid.points() + i]) - mu;
                    const double w = biweight(residual * inverse_cut[session]);
                    sum[count] += 1.0;
                    if (!(w > 0.0)) continue;
                    const DVec3 g = widened(gradient[i]), at = grid.at(x, y, z), p{at.x - centre.x, at.y - centre.y, at.z - centre.z};
                    const double row[unknowns] = {g.x, g.y, g.z, fma(p.y, g.z, -(p.z * g.y)), fma(p.z, g.x, -(p.x * g.z)), fma(p.x, g.y, -(p.y * g.x)), -mu};
                    int k = 0;
                    for (int r = 0; r < unknowns; ++r) {
                        const double weighted = w * row[r];
                        for (int c = r; c < unknowns; ++c, ++k) sum[k] = fma(weighted, row[c], sum[k]);
                        sum[right + r] = fma(weighted, residual, sum[right + r]);
                    }
                    sum[weight] += w;
                }
        for (int k = 0; k < terms; ++k) sums[item * terms + k] = sum[k];
    }
};

}  // namespace arcuate::kernels
