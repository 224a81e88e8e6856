// iFOD1's directions (Tournier, Calamante & Connelly 2012, Int J Imaging Syst Technol 22:53) in double precision.
#pragma once

#include "reference/fod_draws.hpp"

namespace arcuate::reference {

struct Ifod1Directions {
    Field fod;
    double max_angle, cutoff, seed_cutoff, power;
    std::uint32_t seed_trials;
    Rejection rejection;
    std::vector<Turn> calibration;

    std::optional<Vec3d> start(const Vec3d& seed, const Philox& random) const {
        return first_direction(fod, seed, random, seed_cutoff, seed_trials);
    }

    /// Candidates are uniform over the cap; the cutoff holds for them, not for the fixed set.
    std::optional<Stop> next(const Vec3d& position, const Vec3d& from, const Philox& random, std::uint32_t draw, Vec3d& to) const {
        const auto series = fod.at(position);
        if (!series) return Stop::exit_image;
        Turn turn{};
        const auto end = rejection.draw(
            calibration, random, draw,
            [&](const Turn& t, bool fixed) {
                const double f = amplitude(*series, direction(from, t));
                return f > (fixed ? 0 : cutoff) ? std::pow(f, power) : 0;
            },
            [&](double a, double b) { return cone(max_angle, a, b); }, turn);
        to = direction(from, turn);
        return end;
    }
};

}  // namespace arcuate::reference
