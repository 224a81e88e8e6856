// iFOD2's arcs and their probabilities in double precision, straight from the definition.
#pragma once

#include "arcuate/core/image.hpp"
#include "reference/spherical_harmonics.hpp"

#include <cmath>
#include <vector>

namespace arcuate::reference {

/// Trilinear interpolation of a series of volumes at a world point; voxels outside the image count as zero.
inline std::vector<double> interpolate(const ScalarImage& image, const Vec3d& world) {
    const Vec3d v = transform_point(inverse(image.grid.voxel_to_world), world);
    std::vector<double> out(static_cast<std::size_t>(image.volumes));
    for (int corner = 0; corner < 8; ++corner) {
        double weight = 1;
        std::int64_t at[3];
        for (int axis = 0; axis < 3; ++axis) {
            const double below = std::floor(v[axis]);
            const bool upper = corner >> axis & 1;
            at[axis] = static_cast<std::int64_t>(below) + upper;
            weight *= upper ? v[axis] - below : 1 - (v[axis] - below);
        }
        if (!image.grid.contains(at[0], at[1], at[2])) continue;
        for (std::int64_t j = 0; j < image.volumes; ++j)
            out[static_cast<std::size_t>(j)] += weight * image.at(image.grid.index(at[0], at[1], at[2]), j);
    }
    return out;
}

/// Amplitude of the interpolated FOD along a unit direction.
inline double amplitude(const ScalarImage& fod, const Vec3d& position, const Vec3d& direction) {
    const auto c = interpolate(fod, position);
    const auto y = spherical_harmonics(lmax_of_count(fod.volumes), direction[0], direction[1], direction[2]);
    double sum = 0;
    for (std::size_t j = 0; j < c.size(); ++j) sum += c[j] * y[j];
    return sum;
}

/// Probability of the arc of length `step` from p along d that bends by `angle` towards the unit vector u (perpendicular to d).
inline double arc_probability(const ScalarImage& fod, const Vec3d& p, const Vec3d& d, const Vec3d& u, double angle, double step, int samples, double cutoff, double power) {
    double log_p = 0.5 * std::log(amplitude(fod, p, d));
    for (int i = 1; i <= samples; ++i) {
        const double a = angle * i / samples, radius = step / angle;
        Vec3d x{}, t{};
        for (int k = 0; k < 3; ++k) {
            x[k] = p[k] + radius * (std::sin(a) * d[k] + (1 - std::cos(a)) * u[k]);
            t[k] = std::cos(a) * d[k] + std::sin(a) * u[k];
        }
        const double f = amplitude(fod, x, t);
        if (f < cutoff || f <= 0) return 0;
        log_p += (i < samples ? 1.0 : 0.5) * std::log(f);
    }
    return std::exp(power * log_p);
}

}  // namespace arcuate::reference
