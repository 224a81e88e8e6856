// What the algorithms that draw from FODs share, in double precision: the first direction, the cone of candidates, rejection.
#pragma once

#include "reference/field.hpp"
#include "reference/streamline.hpp"

namespace arcuate::reference {

/// Direction `trial` of a seed: z and azimuth uniform; draw 0 is the seed's position.
inline Vec3d trial_direction(const Philox& random, std::uint32_t trial) {
    const auto r = random(1 + trial);
    const double z = 2 * uniform(r.v[0]) - 1, azimuth = 2 * M_PI * uniform(r.v[1]);
    return {std::sqrt(1 - z * z) * std::cos(azimuth), std::sqrt(1 - z * z) * std::sin(azimuth), z};
}

/// The first of the seed's directions with an amplitude above the cutoff.
inline std::optional<Vec3d> first_direction(const Field& fod, const Vec3d& seed, const Philox& random, double cutoff,
                                            std::uint32_t trials) {
    const auto series = fod.at(seed);
    for (std::uint32_t trial = 0; series && trial < trials; ++trial) {
        const Vec3d d = trial_direction(random, trial);
        if (amplitude(*series, d) > cutoff) return d;
    }
    return {};
}

/// From the last direction: by how much, and to which side in frame_around it [rad].
struct Turn {
    double angle, azimuth;
};
/// Uniform over the cap: so are azimuth and cosine.
inline Turn cone(double max_angle, double a, double b) { return {std::acos(1 - (1 - std::cos(max_angle)) * b), 2 * M_PI * a}; }

inline Vec3d direction(const Vec3d& from, const Turn& t) {
    const Frame frame = frame_around(from);
    return std::cos(t.angle) * from + std::sin(t.angle) * (std::cos(t.azimuth) * frame.u + std::sin(t.azimuth) * frame.v);
}

struct ArcPoint {
    Vec3d position, direction;
};
/// A part of the arc of length `step` that turns the direction by `t`: its tangents lie between, its points on the circle that they touch.
inline ArcPoint along_arc(const ArcPoint& from, const Turn& t, double step, double part) {
    const Vec3d bend = direction(from.direction, {M_PI / 2, t.azimuth});
    const double a = t.angle * part, radius = step / t.angle;
    if (t.angle == 0) return {from.position + (step * part) * from.direction, from.direction};
    return {from.position + radius * (std::sin(a) * from.direction + (1 - std::cos(a)) * bend), direction(from.direction, {a, t.azimuth})};
}

struct Rejection {
    double ratio;  ///< bound on a candidate's probability, as a multiple of the fixed set's largest
    std::uint32_t trials;

    /// The first random candidate for which u2 times the bound lies below its probability; nothing is returned then. A fixed candidate that
    /// leaves the image (negative) ends the half.
    template <class Candidate, class Probability, class Make>
    std::optional<Stop> draw(const std::vector<Candidate>& fixed, const Philox& random, std::uint32_t first_draw,
                             const Probability& probability, const Make& make, Candidate& accepted) const {
        double largest = 0;
        for (const Candidate& one : fixed) {
            const double p = probability(one, true);
            if (p < 0) return Stop::exit_image;
            largest = std::max(largest, p);
        }
        if (!(largest > 0)) return Stop::calibrator;
        for (std::uint32_t n = 0; n < trials; ++n) {
            const auto r = random(first_draw + n);
            accepted = make(uniform(r.v[0]), uniform(r.v[1]));
            if (uniform(r.v[2]) * ratio * largest < probability(accepted, false)) return {};
        }
        return Stop::model;
    }
};

}  // namespace arcuate::reference
