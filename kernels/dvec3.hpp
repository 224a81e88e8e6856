// Double precision, for places in a grid: how far from the scanner's origin the brain lies must not show in them.
#pragma once

#include "kernels/vec3.hpp"

namespace arcuate::kernels {

struct DVec3 {
    double x, y, z;
};
struct DAffine3 {
    double m[3][4];
};
ARCUATE_HD double dot(DVec3 a, DVec3 b) { return fma(a.z, b.z, fma(a.y, b.y, a.x * b.x)); }
ARCUATE_HD DVec3 widened(Vec3 a) { return {static_cast<double>(a.x), static_cast<double>(a.y), static_cast<double>(a.z)}; }
ARCUATE_HD DVec3 transform_point(const DAffine3& a, DVec3 p) {
    return {fma(a.m[0][2], p.z, fma(a.m[0][1], p.y, fma(a.m[0][0], p.x, a.m[0][3]))),
            fma(a.m[1][2], p.z, fma(a.m[1][1], p.y, fma(a.m[1][0], p.x, a.m[1][3]))),
            fma(a.m[2][2], p.z, fma(a.m[2][1], p.y, fma(a.m[2][0], p.x, a.m[2][3])))};
}
/// Without the offset.
ARCUATE_HD DVec3 transform_direction(const DAffine3& a, DVec3 d) {
    return {fma(a.m[0][2], d.z, fma(a.m[0][1], d.y, a.m[0][0] * d.x)), fma(a.m[1][2], d.z, fma(a.m[1][1], d.y, a.m[1][0] * d.x)),
            fma(a.m[2][2], d.z, fma(a.m[2][1], d.y, a.m[2][0] * d.x))};
}
ARCUATE_HD Affine3 narrowed(const DAffine3& a) {
    Affine3 out{};
    for (int r = 0; r < 3; ++r)
        for (int c = 0; c < 4; ++c) out.m[r][c] = static_cast<float>(a.m[r][c]);
    return out;
}

}  // namespace arcuate::kernels
