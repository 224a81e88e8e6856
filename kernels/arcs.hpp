// Circular arcs, and the FOD along them: what iFOD2 and parallel transport draw their steps from.
#pragma once

#include "kernels/cone.hpp"
#include "kernels/fod_field.hpp"

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

/// Walks along one arc or along those of eight that have a bit in `alive`: at sample i = 1..samples calls visit(i, amplitudes, alive), amplitudes of T, which
/// may end some. Arcs that leave the image end as well; their bits are returned. `position`: where the last sample was.
template <class T, int Lmax, class Stored, class Visit>
ARCUATE_HD unsigned along_arcs(const FodField<Lmax, Stored>& field, const ArcOf<T>& arcs, int samples, unsigned& alive, VecOf<T>& position, Visit visit) {
    constexpr int lanes = sizeof(T) / sizeof(float), stride = FodField<Lmax>::stride;
    using Polynomial = typename FodField<Lmax>::Polynomial;
    alignas(32) float series[lanes][stride]{};
    VecOf<T> tangent{};
    unsigned outside = 0;
    for (int i = 1; i <= samples && alive; ++i) {
        arcs.sample(static_cast<float>(i) / static_cast<float>(samples), position, tangent);
        const auto row = [&](int axis) {
            const float* m = field.grid.world_to_voxel.m[axis];
            return fma(all_of<T>(m[2]), position.z, fma(all_of<T>(m[1]), position.y, fma(all_of<T>(m[0]), position.x, all_of<T>(m[3]))));
        };
        float x[lanes], y[lanes], z[lanes];
        store(row(0), x), store(row(1), y), store(row(2), z);
        for (int k = 0; k < lanes; ++k) {
            if (!(alive >> k & 1u)) continue;
            Cell cell;
            if (field.grid.locate_voxel({x[k], y[k], z[k]}, cell)) field.interpolate(cell, series[k]);
            else outside |= 1u << k;
        }
        alive &= ~outside;
        if constexpr (lanes == 1) {
            visit(i, Polynomial::value(series[0], tangent.x, tangent.y, tangent.z), alive);
        } else {
            T c[stride];
            for (int j = 0; j < stride; j += 8) transpose(series[0] + j, stride, c + j);
            visit(i, Polynomial::value(c, tangent.x, tangent.y, tangent.z), alive);
        }
    }
    return outside;
}

}  // namespace arcuate::kernels
