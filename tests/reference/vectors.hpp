// Points and directions in double precision, for the oracles of trackers.
#pragma once

#include "arcuate/core/affine.hpp"

#include <cmath>

namespace arcuate::reference {

inline Vec3d operator+(const Vec3d& a, const Vec3d& b) { return {a[0] + b[0], a[1] + b[1], a[2] + b[2]}; }
inline Vec3d operator-(const Vec3d& a, const Vec3d& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }
inline Vec3d operator-(const Vec3d& a) { return {-a[0], -a[1], -a[2]}; }
inline Vec3d operator*(double s, const Vec3d& a) { return {s * a[0], s * a[1], s * a[2]}; }
inline double dot(const Vec3d& a, const Vec3d& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
inline Vec3d cross(const Vec3d& a, const Vec3d& b) {
    return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
inline double length(const Vec3d& a) { return std::sqrt(dot(a, a)); }
inline Vec3d normalized(const Vec3d& a) { return (1 / length(a)) * a; }

/// `x` under the smallest rotation that takes the unit vector `from` to `to`.
inline Vec3d turned(const Vec3d& x, const Vec3d& from, const Vec3d& to) {
    const Vec3d sum = from + to;
    return x - (dot(x, sum) / (1 + dot(from, to))) * sum + (2 * dot(x, from)) * to;
}

/// Two axes that complete a unit vector to a right-handed frame: x and y of a frame along the nearer pole, turned with it (Duff et al.
/// 2017).
struct Frame {
    Vec3d u, v;
};
inline Frame frame_around(const Vec3d& w) {
    const double pole = w[2] < 0 ? -1 : 1;
    return {turned({1, 0, 0}, {0, 0, pole}, w), turned({0, pole, 0}, {0, 0, pole}, w)};
}

}  // namespace arcuate::reference
