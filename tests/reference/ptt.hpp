// Parallel transport tractography (Aydogan & Shi 2021, IEEE Trans Med Imaging 40:635) in double precision. The curves are solutions of the
// frame's equations of motion, dT/ds = k1 N + k2 B, dN/ds = -k1 T, dB/ds = -k2 T (Bishop 1975, Am Math Mon 82:246), integrated step by
// step.
#pragma once

#include "reference/fod_draws.hpp"

namespace arcuate::reference {

struct Ptt {
    using Curvatures = std::array<double, 2>;  ///< k1, k2 [1/mm]
    struct State {
        Vec3d position, direction, normal;
    };

    Field fod;
    double step_mm, max_curvature, cutoff, seed_cutoff, power, probe;
    int samples;  ///< of the probe, its start excluded
    std::uint32_t seed_trials;
    Rejection rejection;
    std::vector<Curvatures> calibration;

    std::optional<State> start(const Vec3d& seed, const Philox& random) const {
        const auto d = first_direction(fod, seed, random, seed_cutoff, seed_trials);
        if (!d) return {};
        return State{seed, *d, frame_around(*d).u};
    }

    /// `along` mm further, by Runge-Kutta 4 in eight parts: its error per part is a turn to the fifth over 120, 1e-9 where the whole is 0.4
    /// rad.
    static State moved(const State& from, const Curvatures& k, double along) {
        struct Rates {
            Vec3d x, t, n, b;
        };
        const auto plus = [](const Rates& a, double s, const Rates& b) {
            return Rates{a.x + s * b.x, a.t + s * b.t, a.n + s * b.n, a.b + s * b.b};
        };
        const auto rates = [&](const Rates& a) { return Rates{a.t, k[0] * a.n + k[1] * a.b, -k[0] * a.t, -k[1] * a.t}; };
        Rates a{from.position, from.direction, from.normal, cross(from.direction, from.normal)};
        const double h = along / 8;
        for (int part = 0; part < 8; ++part) {
            const Rates r1 = rates(a), r2 = rates(plus(a, h / 2, r1)), r3 = rates(plus(a, h / 2, r2)), r4 = rates(plus(a, h, r3));
            a = plus(plus(plus(plus(a, h / 6, r1), h / 3, r2), h / 3, r3), h / 6, r4);
        }
        return {a.x, a.t, a.n};
    }

    /// The mean amplitude along the probe, by the trapezoidal rule, to the power.
    double likelihood(const State& from, const Curvatures& k) const {
        double sum = 0;
        State s = from;
        for (int i = 0; i <= samples; ++i) {
            if (i > 0) s = moved(s, k, probe / samples);
            const auto series = fod.at(s.position);
            if (!series) return 0;
            sum += (i == 0 || i == samples ? 0.5 : 1.0) * std::max(0.0, amplitude(*series, s.direction));
        }
        const double mean = sum / samples;
        return mean >= cutoff && mean > 0 ? std::pow(mean, power) : 0;
    }

    /// Curvatures uniform in the disc; the state moves along the accepted curve.
    std::optional<Stop> step(State& state, const Philox& random, std::vector<Vec3d>& vertices) const {
        Curvatures k{};
        const auto end = rejection.draw(
            calibration, random, 0, [&](const Curvatures& one, bool) { return likelihood(state, one); },
            [&](double a, double b) {
                const double radius = max_curvature * std::sqrt(a), azimuth = 2 * M_PI * b;
                return Curvatures{radius * std::cos(azimuth), radius * std::sin(azimuth)};
            },
            k);
        if (end) return end;
        state = moved(state, k, step_mm);
        if (!fod.has_data(state.position)) return Stop::exit_image;
        vertices.push_back(state.position);
        return {};
    }
};

}  // namespace arcuate::reference
