// Points, directions and affine maps inside kernels: single precision, world frame [mm] unless said otherwise.
#pragma once

#include "kernels/math.hpp"

namespace arcuate::kernels {

struct Vec3 {
    float x, y, z;
};

ARCUATE_HD Vec3 operator+(Vec3 a, Vec3 b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
ARCUATE_HD Vec3 operator-(Vec3 a, Vec3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
ARCUATE_HD Vec3 operator-(Vec3 a) { return {-a.x, -a.y, -a.z}; }
ARCUATE_HD Vec3 operator*(float s, Vec3 a) { return {s * a.x, s * a.y, s * a.z}; }
/// a + s * b, one rounding per component.
ARCUATE_HOT Vec3 fma(float s, Vec3 b, Vec3 a) { return {fma(s, b.x, a.x), fma(s, b.y, a.y), fma(s, b.z, a.z)}; }
ARCUATE_HD float dot(Vec3 a, Vec3 b) { return fma(a.z, b.z, fma(a.y, b.y, a.x * b.x)); }
ARCUATE_HD Vec3 cross(Vec3 a, Vec3 b) {
    return {fma(a.y, b.z, -(a.z * b.y)), fma(a.z, b.x, -(a.x * b.z)), fma(a.x, b.y, -(a.y * b.x))};
}
ARCUATE_HD float length(Vec3 a) { return sqrt(dot(a, a)); }
ARCUATE_HD Vec3 normalized(Vec3 a) {
    const float l = length(a);
    return {a.x / l, a.y / l, a.z / l};
}

/// Two unit vectors that complete the unit vector `w` to a right-handed orthonormal frame, without a branch that
/// would jump (Duff et al. 2017, "Building an Orthonormal Basis, Revisited").
struct Frame {
    Vec3 u, v, w;
};
ARCUATE_HD Frame frame_around(Vec3 w) {
    const float sign = w.z < 0.0f ? -1.0f : 1.0f;
    const float a = -1.0f / (sign + w.z);
    const float b = w.x * w.y * a;
    return {{1.0f + sign * w.x * w.x * a, sign * b, -sign * w.x}, {b, sign + w.y * w.y * a, -w.y}, w};
}
/// A vector given in the frame's coordinates, in the world.
ARCUATE_HD Vec3 in_world(const Frame& f, Vec3 local) { return fma(local.z, f.w, fma(local.y, f.v, local.x * f.u)); }

/// out = linear * point + offset, rows of the matrix.
struct Affine3 {
    float m[3][4];
};
ARCUATE_HOT Vec3 transform_point(const Affine3& a, Vec3 p) {
    return {fma(a.m[0][2], p.z, fma(a.m[0][1], p.y, fma(a.m[0][0], p.x, a.m[0][3]))),
            fma(a.m[1][2], p.z, fma(a.m[1][1], p.y, fma(a.m[1][0], p.x, a.m[1][3]))),
            fma(a.m[2][2], p.z, fma(a.m[2][1], p.y, fma(a.m[2][0], p.x, a.m[2][3])))};
}

}  // namespace arcuate::kernels
