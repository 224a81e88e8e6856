// Vectors of the phantoms' geometry, in double.
#pragma once

#include "arcuate/core/affine.hpp"

#include <cmath>

namespace arcuate::phantom {

/// a + s b
inline Vec3d add(const Vec3d& a, double s, const Vec3d& b) { return {a[0] + s * b[0], a[1] + s * b[1], a[2] + s * b[2]}; }
inline Vec3d from_to(const Vec3d& a, const Vec3d& b) { return add(b, -1, a); }
inline double dot(const Vec3d& a, const Vec3d& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
inline double length(const Vec3d& a) { return std::sqrt(dot(a, a)); }
inline Vec3d unit(const Vec3d& a) {
    const double l = length(a);
    return {a[0] / l, a[1] / l, a[2] / l};
}
inline Vec3d cross(const Vec3d& a, const Vec3d& b) {
    return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

}  // namespace arcuate::phantom
