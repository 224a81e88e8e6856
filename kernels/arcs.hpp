// Circular arcs, and the FOD along them: what iFOD2 and parallel transport draw their steps from.
#pragma once

#include "kernels/cone.hpp"
#include "kernels/fod_field.hpp"
#include "kernels/rejection.hpp"

namespace arcuate::kernels {

/// Positions and tangents along an arc from a point along `frame.w`; sample i of n, i = 1..n. T: float, or Float8 for eight arcs from the same point; the same bits.
template <class T>
struct ArcOf {
    Vec3 start, direction;
    VecOf<T> bend;  ///< unit, perpendicular to direction, towards the centre of curvature
    T angle;
    float step;

    template <class Shape>
    ARCUATE_HD ArcOf(Vec3 from, const Frame& frame, const Shape& shape, float step_mm)
        : start(from), direction(frame.w),
          bend{fma(shape.sin_azimuth, all_of<T>(frame.v.x), shape.cos_azimuth * all_of<T>(frame.u.x)), fma(shape.sin_azimuth, all_of<T>(frame.v.y), shape.cos_azimuth * all_of<T>(frame.u.y)),
               fma(shape.sin_azimuth, all_of<T>(frame.v.z), shape.cos_azimuth * all_of<T>(frame.u.z))},
          angle(shape.angle), step(step_mm) {}

    /// x = p + R (sin a d + (1 - cos a) u), t = cos a d + sin a u, with a = angle i/n and R = step/angle;
    /// in half angles, 1 - cos a = 2 sin^2(a/2), which keeps its digits when the arc is nearly straight.
    ARCUATE_HD void sample(float fraction, VecOf<T>& position, VecOf<T>& tangent) const {
        const auto all = [](float value) { return all_of<T>(value); };
        const auto half = sincos(all(0.5f) * angle * all(fraction));
        const T sine = all(2.0f) * half.sin * half.cos;
        const T versine = all(2.0f) * half.sin * half.sin;
        const T along = choose_below(angle, all(1e-6f), all(step * fraction), all(step) * sine / angle);
        const T aside = choose_below(angle, all(1e-6f), all(0.0f), all(step) * versine / angle);
        const T left = all(1.0f) - versine;
        position = {fma(aside, bend.x, fma(along, all(direction.x), all(start.x))), fma(aside, bend.y, fma(along, all(direction.y), all(start.y))),
                    fma(aside, bend.z, fma(along, all(direction.z), all(start.z)))};
        tangent = {fma(sine, bend.x, left * all(direction.x)), fma(sine, bend.y, left * all(direction.y)), fma(sine, bend.z, left * all(direction.z))};
    }
};

struct Arc : ArcOf<float> {
    using ArcOf<float>::ArcOf;
    ARCUATE_HD void sample(float fraction, Vec3& position, Vec3& tangent) const {
        VecOf<float> p, t;
        ArcOf<float>::sample(fraction, p, t);
        position = {p.x, p.y, p.z};
        tangent = {t.x, t.y, t.z};
    }
};

/// Walks along those of eight arcs that have a bit in `alive`: at sample i = 1..samples calls visit(i, amplitudes, alive), which
/// may end some. Arcs that leave the image end as well; their bits are returned. `position`: where the last sample was.
template <int Lmax, class Stored, class Visit>
ARCUATE_HD unsigned along_arcs(const FodField<Lmax, Stored>& field, const ArcOf<Float8>& arcs, int samples, unsigned& alive, VecOf<Float8>& position, Visit visit) {
    constexpr int stride = FodField<Lmax>::stride;
    using Polynomial = typename FodField<Lmax>::Polynomial;
    alignas(32) float series[8][stride]{};
    VecOf<Float8> tangent{};
    unsigned outside = 0;
    for (int i = 1; i <= samples && alive; ++i) {
        arcs.sample(static_cast<float>(i) / static_cast<float>(samples), position, tangent);
        const auto row = [&](int axis) {
            const float* m = field.grid.world_to_voxel.m[axis];
            return fma(Float8::all(m[2]), position.z, fma(Float8::all(m[1]), position.y, fma(Float8::all(m[0]), position.x, Float8::all(m[3]))));
        };
        float x[8], y[8], z[8];
        row(0).store(x), row(1).store(y), row(2).store(z);
        for (int k = 0; k < 8; ++k) {
            if (!(alive >> k & 1u)) continue;
            Cell cell;
            if (field.grid.locate_voxel({x[k], y[k], z[k]}, cell)) field.interpolate(cell, series[k]);
            else outside |= 1u << k;
        }
        alive &= ~outside;
        Float8 c[stride];
        for (int j = 0; j < stride; j += 8) transpose(series[0] + j, stride, c + j);
        visit(i, Polynomial::value(c, tangent.x, tangent.y, tangent.z), alive);
    }
    return outside;
}

/// A team's lanes over the samples of several arcs: all arcs' first samples, then their second, and so on, since those of one number are near each other.
struct ArcLanes {
    int arcs, samples;

    ARCUATE_HD ArcLanes(int lanes, int samples_of_arc) : arcs(lanes / samples_of_arc), samples(samples_of_arc) {}
    ARCUATE_HD int arc(int lane) const { return lane % arcs; }
    ARCUATE_HD int sample(int lane) const { return lane / arcs; }  ///< from 0 on; `samples` or more where the lane is left over
    ARCUATE_HD int lane(int arc, int sample) const { return sample * arcs + arc; }
};

/// What a lane finds at its sample.
struct ArcSample {
    ArcShape shape;          ///< of its arc
    Vec3 position, tangent;
    float amplitude;         ///< 0 where there is no arc or it is outside the image
    bool outside;
};

/// Sample `number` + 1 of `samples`, the same bits as along_arcs().
template <int Lmax, class Stored>
ARCUATE_HD ArcSample arc_sample(const FodField<Lmax, Stored>& field, Vec3 from, const Frame& frame, const ArcShape& shape, float length, int number, int samples) {
    ArcSample s{shape, {}, {}, 0.0f, false};
    Arc(from, frame, shape, length).sample(static_cast<float>(number + 1) / static_cast<float>(samples), s.position, s.tangent);
    Cell cell;
    if (!field.locate(s.position, cell)) {
        s.outside = true;
        return s;
    }
    s.amplitude = field.amplitude(cell, s.tangent);
    return s;
}

/// The samples of candidates first, first + 1, ... of the fixed set and, after it, of the random ones; `draw(random numbers)`: the shape of one. `bits`: which decide whether it is accepted.
template <class Team, int Lmax, class Stored, class Draw>
ARCUATE_HD PerLane<ArcSample, Team::lanes> arc_samples(const Team& team, const ArcLanes& lanes, const FodField<Lmax, Stored>& field, Vec3 from, const Frame& frame, float length,
                                                       const Rejection& r, const ArcShape* calibration, int first, const Philox& random, PerLane<std::uint32_t, Team::lanes>& bits, Draw draw) {
    return team.each([&](int k) {
        const int number = first + lanes.arc(k), trial = number - r.calibration_count;
        if (lanes.sample(k) >= lanes.samples || trial >= r.trials) return ArcSample{};
        ArcShape shape;
        if (trial < 0) {
            shape = calibration[number];
        } else {
            const Random4 numbers = random(static_cast<std::uint32_t>(trial));
            bits[k] = numbers.v[2];
            shape = draw(numbers);
        }
        return arc_sample(field, from, frame, shape, length, lanes.sample(k), lanes.samples);
    });
}

}  // namespace arcuate::kernels
