// SD_STREAM's directions (Tournier, Calamante & Connelly 2012, Int J Imaging Syst Technol 22:53) in double precision: peaks of the FOD by
// Newton's method, with derivatives by differences.
#pragma once

#include "reference/fod_draws.hpp"

namespace arcuate::reference {

/// The maximum uphill of `d`, its amplitude, or nothing where 50 steps are not enough: Newton's steps where they are shorter than 0.1 rad
/// and the function is concave, elsewhere steps along the gradient to the extremum of the parabola along it, at most 0.2 rad. Differences
/// over h = 1e-4 err by h^2 f''' / 6, which moves a peak by some 1e-8 rad.
inline std::optional<double> climb_to_peak(const Series& series, Vec3d& d) {
    constexpr double h = 1e-4, tolerance = 1e-4;
    for (int iteration = 0; iteration < 50; ++iteration) {
        const Frame t = frame_around(d);
        const auto beside = [&](double a, double b) { return normalized(d + a * t.u + b * t.v); };
        const auto f = [&](double a, double b) { return amplitude(series, beside(a, b)); };
        const double f0 = f(0, 0), right = f(h, 0), left = f(-h, 0), up = f(0, h), down = f(0, -h);
        const double ga = (right - left) / (2 * h), gb = (up - down) / (2 * h);
        const double haa = (right - 2 * f0 + left) / (h * h), hbb = (up - 2 * f0 + down) / (h * h);
        const double hab = (f(h, h) - f(h, -h) - f(-h, h) + f(-h, -h)) / (4 * h * h), determinant = haa * hbb - hab * hab;
        double a = -(hbb * ga - hab * gb) / determinant, b = -(haa * gb - hab * ga) / determinant, size = std::hypot(a, b);
        if (!(haa < 0 && determinant > 0 && size < 0.1)) {
            const double slope = std::hypot(ga, gb), ua = ga / slope, ub = gb / slope;
            size = std::min(0.2, std::abs(slope / (haa * ua * ua + 2 * hab * ua * ub + hbb * ub * ub)));
            a = size * ua;
            b = size * ub;
        }
        d = beside(a, b);
        if (size < tolerance) return amplitude(series, d);
    }
    return {};
}

struct SdDirections {
    Field fod;
    double cutoff, seed_cutoff, cos_max_angle;
    std::uint32_t seed_trials;

    std::optional<Vec3d> start(const Vec3d& seed, const Philox& random) const {
        const auto series = fod.at(seed);
        for (std::uint32_t trial = 0; series && trial < seed_trials; ++trial) {
            Vec3d d = trial_direction(random, trial);
            const auto f = climb_to_peak(*series, d);
            if (f && *f > seed_cutoff) return d;
        }
        return {};
    }

    std::optional<Stop> next(const Vec3d& position, const Vec3d& from, const Philox&, std::uint32_t, Vec3d& to) const {
        const auto series = fod.at(position);
        if (!series) return Stop::exit_image;
        to = from;
        const auto f = climb_to_peak(*series, to);
        if (!f || *f < cutoff) return Stop::model;
        if (dot(from, to) < cos_max_angle) return Stop::high_curvature;
        return {};
    }
};

}  // namespace arcuate::reference
