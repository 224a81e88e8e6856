// Directions within an angle of another.
#pragma once

#include "kernels/philox_lanes.hpp"
#include "kernels/vec3.hpp"

namespace arcuate::kernels {

/// Points or directions; T: float, or Float8 for eight.
template <class T>
struct VecOf {
    T x, y, z;
};

/// A vector given in the frame's coordinates, in the world: in_world() of T.
template <class T>
ARCUATE_HD VecOf<T> in_world_of(const Frame& frame, const VecOf<T>& local) {
    const auto component = [&](float u, float v, float w) { return fma(local.z, all_of<T>(w), fma(local.y, all_of<T>(v), local.x * all_of<T>(u))); };
    return {component(frame.u.x, frame.v.x, frame.w.x), component(frame.u.y, frame.v.y, frame.w.y), component(frame.u.z, frame.v.z, frame.w.z)};
}

/// Uniform over the cap of directions around the z axis, from two uniform numbers: its height is, and 1 - cos^2 = (1 - cos)(2 - (1 - cos)) keeps small angles.
template <class T>
ARCUATE_HD VecOf<T> in_cap(T azimuth, T height, float one_minus_cos_max) {
    const T versine = all_of<T>(one_minus_cos_max) * height;
    const auto turn = sincos(all_of<T>(2.0f * pi) * azimuth);
    const T sine = sqrt(versine * (all_of<T>(2.0f) - versine));
    return {sine * turn.cos, sine * turn.sin, all_of<T>(1.0f) - versine};
}

/// How a direction differs from another; for an arc, whose ends' tangents they are, the angle between these and the plane in which it bends.
struct ArcShape {
    float angle;              ///< [rad]
    float cos_azimuth, sin_azimuth;  ///< of the bending direction in frame_around(start direction)
};

/// Eight of them.
struct ArcShape8 {
    Float8 angle, cos_azimuth, sin_azimuth;
};

ARCUATE_HD ArcShape8 eight_of(const ArcShape* shapes, int count) {
    float angles[8]{}, cosines[8]{}, sines[8]{};
    for (int k = 0; k < count; ++k) {
        angles[k] = shapes[k].angle;
        cosines[k] = shapes[k].cos_azimuth;
        sines[k] = shapes[k].sin_azimuth;
    }
    return {Float8::load(angles), Float8::load(cosines), Float8::load(sines)};
}
ARCUATE_HD ArcShape one_of(const ArcShape8& shapes, int k) {
    float angles[8], cosines[8], sines[8];
    shapes.angle.store(angles);
    shapes.cos_azimuth.store(cosines);
    shapes.sin_azimuth.store(sines);
    return {angles[k], cosines[k], sines[k]};
}

/// Uniform over the cap of directions: azimuth uniform, and so is the cosine. `r.v[0]` and `r.v[1]` are used.
ARCUATE_HD ArcShape cone_direction(const Random4& r, float one_minus_cos_max) {
    const SinCos azimuth = sincos(2.0f * pi * uniform(r.v[0]));
    const float one_minus_cos = one_minus_cos_max * uniform(r.v[1]);
    // 2 asin(sqrt(h/2)), not acos(1 - h), which loses small angles.
    return {2.0f * asin(sqrt(0.5f * one_minus_cos)), azimuth.cos, azimuth.sin};
}

/// The same of eight draws; the same bits.
ARCUATE_HD ArcShape8 cone_direction(const Random4x8& r, float one_minus_cos_max) {
    const SinCos8 azimuth = sincos(Float8::all(2.0f * pi) * uniform(r.v[0]));
    const Float8 one_minus_cos = Float8::all(one_minus_cos_max) * uniform(r.v[1]);
    return {Float8::all(2.0f) * asin(sqrt(Float8::all(0.5f) * one_minus_cos)), azimuth.cos, azimuth.sin};
}

/// The frame's axis w turned by a shape's angle.
ARCUATE_HD Vec3 turned(const Frame& frame, ArcShape shape) {
    const SinCos a = sincos(shape.angle);
    return in_world(frame, {a.sin * shape.cos_azimuth, a.sin * shape.sin_azimuth, a.cos});
}

}  // namespace arcuate::kernels
