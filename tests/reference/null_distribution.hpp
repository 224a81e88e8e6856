// The null distributions (Morris, Embleton & Parker 2008, NeuroImage 42:1329) in double precision: iFOD1's and iFOD2's geometry, the first
// candidate taken.
#pragma once

#include "reference/fod_draws.hpp"

namespace arcuate::reference {

struct NullDirections {
    Field image;
    double max_angle;

    std::optional<Vec3d> start(const Vec3d& seed, const Philox& random) const {
        if (!image.nearest(seed)) return {};
        return trial_direction(random, 0);
    }
    std::optional<Stop> next(const Vec3d& position, const Vec3d& from, const Philox& random, std::uint32_t draw, Vec3d& to) const {
        if (!image.nearest(position)) return Stop::exit_image;
        const auto r = random(draw);
        to = direction(from, cone(max_angle, uniform(r.v[0]), uniform(r.v[1])));
        return {};
    }
};

struct NullDistribution2 {
    using State = ArcPoint;

    NullDirections directions;
    double step_mm;
    int samples;  ///< of an arc, its start excluded

    std::optional<State> start(const Vec3d& seed, const Philox& random) const {
        const auto d = directions.start(seed, random);
        if (!d) return {};
        return State{seed, *d};
    }
    std::optional<Stop> step(State& state, const Philox& random, std::vector<Vec3d>& vertices) const {
        const auto r = random(0);
        const Turn turn = cone(directions.max_angle, uniform(r.v[0]), uniform(r.v[1]));
        std::vector<Vec3d> arc;
        for (int i = 1; i <= samples; ++i) {
            arc.push_back(along_arc(state, turn, step_mm, static_cast<double>(i) / samples).position);
            if (!directions.image.nearest(arc.back())) return Stop::exit_image;
        }
        vertices = arc;
        state = along_arc(state, turn, step_mm, 1);
        return {};
    }
};

}  // namespace arcuate::reference
