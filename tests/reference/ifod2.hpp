// iFOD2 (Tournier, Calamante & Connelly 2010, Proc. ISMRM, p. 1670) in double precision, straight from the definition; without tissues.
#pragma once

#include "reference/fod_draws.hpp"

namespace arcuate::reference {

struct Ifod2 {
    using State = ArcPoint;

    Field fod;
    double step_mm, max_angle, cutoff, seed_cutoff, power;
    int samples;  ///< of an arc, its start excluded
    std::uint32_t seed_trials;
    Rejection rejection;
    std::vector<Turn> calibration;

    std::optional<State> start(const Vec3d& seed, const Philox& random) const {
        const auto d = first_direction(fod, seed, random, seed_cutoff, seed_trials);
        if (!d) return {};
        return State{seed, *d};
    }

    ArcPoint along(const State& from, const Turn& turn, int i) const {
        return along_arc(from, turn, step_mm, static_cast<double>(i) / samples);
    }

    /// 0 where an amplitude is below the cutoff, negative where the arc leaves the image before that.
    double probability(const State& from, const Turn& turn) const {
        double log_p = 0.5 * std::log(amplitude(*fod.at(from.position), from.direction));
        for (int i = 1; i <= samples; ++i) {
            const State s = along(from, turn, i);
            const auto series = fod.at(s.position);
            if (!series) return -1;
            const double f = amplitude(*series, s.direction);
            if (f < cutoff || f <= 0) return 0;
            log_p += (i < samples ? 1.0 : 0.5) * std::log(f);
        }
        return std::exp(power * log_p);
    }

    std::optional<Stop> step(State& state, const Philox& random, std::vector<Vec3d>& vertices) const {
        Turn turn{};
        const auto end = rejection.draw(
            calibration, random, 0, [&](const Turn& t, bool) { return probability(state, t); },
            [&](double a, double b) { return cone(max_angle, a, b); }, turn);
        if (end) return end;
        for (int i = 1; i <= samples; ++i) vertices.push_back(along(state, turn, i).position);
        state = along(state, turn, samples);
        return {};
    }
};

}  // namespace arcuate::reference
