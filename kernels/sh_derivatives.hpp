// Value, gradient and second derivatives of a series in its polynomial form (kernels/sh_polynomial.hpp), and the peak uphill of a direction. The derivatives
// in space give those on the sphere: with tangents u, v at d, g = (grad F . u, grad F . v) and H_uv = u' Hess F v - (grad F . d) u.v.
#pragma once

#include "kernels/sh_polynomial.hpp"

namespace arcuate::kernels {

struct ShDerivatives {
    float value;
    Vec3 gradient;                     ///< of the polynomial, in space
    float xx, xy, xz, yy, yz, zz;      ///< its second derivatives
};

namespace detail {
/// A polynomial in u = z^2 - 1/2, times z if `odd`: value, first and second derivative by z. Horner's scheme for q, q' and q''/2.
ARCUATE_HD void by_z(const float* c, int n, bool odd, float z, float u, float* f) {
    float q = c[0], q1 = 0, q2 = 0;
    ARCUATE_UNROLL
    for (int t = 1; t < n; ++t) {
        q2 = fma(q2, u, q1);
        q1 = fma(q1, u, q);
        q = fma(q, u, c[t]);
    }
    f[0] = q;
    f[1] = 2.0f * z * q1;
    f[2] = fma(8.0f * z * z, q2, 2.0f * q1);
    if (odd) {
        f[2] = fma(z, f[2], 2.0f * f[1]);
        f[1] = fma(z, f[1], f[0]);
        f[0] = z * f[0];
    }
}
}  // namespace detail

template <int Lmax>
ARCUATE_HD ShDerivatives sh_derivatives(const float* polynomial, Vec3 d) {
    using Polynomial = ShPolynomial<Lmax>;
    const float u = fma(d.z, d.z, -0.5f);
    float c[3] = {1, 0, 0}, s[3] = {0, 0, 0};  // (x + iy) to the powers m, m - 1, m - 2
    ShDerivatives out{};
    ARCUATE_UNROLL
    for (int m = 0; m <= Lmax; ++m) {
        float a[3], b[3] = {0, 0, 0};  // A_m and B_m: value, first and second derivative by z
        detail::by_z(polynomial + Polynomial::first(m), Polynomial::terms(m), m % 2, d.z, u, a);
        if (m > 0) detail::by_z(polynomial + Polynomial::first(m) + Polynomial::terms(m), Polynomial::terms(m), m % 2, d.z, u, b);
        const float m1 = static_cast<float>(m), m2 = static_cast<float>(m * (m - 1));
        out.value += fma(a[0], c[0], b[0] * s[0]);
        out.gradient.x = fma(m1, fma(a[0], c[1], b[0] * s[1]), out.gradient.x);
        out.gradient.y = fma(m1, fma(-a[0], s[1], b[0] * c[1]), out.gradient.y);
        out.gradient.z += fma(a[1], c[0], b[1] * s[0]);
        out.xx = fma(m2, fma(a[0], c[2], b[0] * s[2]), out.xx);
        out.xy = fma(m2, fma(-a[0], s[2], b[0] * c[2]), out.xy);
        out.xz = fma(m1, fma(a[1], c[1], b[1] * s[1]), out.xz);
        out.yz = fma(m1, fma(-a[1], s[1], b[1] * c[1]), out.yz);
        out.zz += fma(a[2], c[0], b[2] * s[0]);
        const float next = fma(d.x, c[0], -(d.y * s[0]));
        const float next_s = fma(d.x, s[0], d.y * c[0]);
        c[2] = c[1], c[1] = c[0], c[0] = next;
        s[2] = s[1], s[1] = s[0], s[0] = next_s;
    }
    out.yy = -out.xx;
    return out;
}

/// The maximum of the series uphill of `direction`, to 1e-4 rad, mostly 1e-6; the amplitude there. NaN where 50 steps do not settle.
/// Far from it, steps along the gradient to where the parabola along it has its extremum, of at most 0.2 rad: Newton's step there would jump to another peak.
/// Within 0.1 rad Newton's method in both directions: the gradient alone crawls along a ridge and often does not settle.
template <int Lmax>
ARCUATE_APART float climb_to_peak(const float* polynomial, Vec3& direction) {
    constexpr float longest = 0.2f, near = 0.1f, small = 1e-4f, small_newton = 1e-3f;
    for (int iteration = 0; iteration < 50; ++iteration) {
        const ShDerivatives f = sh_derivatives<Lmax>(polynomial, direction);
        const Frame t = frame_around(direction);
        const auto second = [&](Vec3 a, Vec3 b) {
            const Vec3 h{fma(f.xx, b.x, fma(f.xy, b.y, f.xz * b.z)), fma(f.xy, b.x, fma(f.yy, b.y, f.yz * b.z)), fma(f.xz, b.x, fma(f.yz, b.y, f.zz * b.z))};
            return dot(a, h);
        };
        const float radial = dot(f.gradient, direction), gu = dot(f.gradient, t.u), gv = dot(f.gradient, t.v);
        const float huu = second(t.u, t.u) - radial, huv = second(t.u, t.v), hvv = second(t.v, t.v) - radial;
        const float determinant = fma(huu, hvv, -(huv * huv));
        float a = fma(huv, gv, -(hvv * gu)) / determinant, b = fma(huv, gu, -(huu * gv)) / determinant;
        float size = sqrt(fma(a, a, b * b));
        const bool newton = huu < 0.0f && determinant > 0.0f && size < near;
        if (!newton) {
            const float slope = sqrt(fma(gu, gu, gv * gv));
            if (!(slope > 0.0f)) return f.value;
            const float du = gu / slope, dv = gv / slope;
            size = min(longest, abs(slope / fma(huu * du, du, fma(2.0f * huv * du, dv, hvv * dv * dv))));
            a = size * du;
            b = size * dv;
        }
        direction = normalized(fma(a, t.u, fma(b, t.v, direction)));
        // Newton's method leaves an error of the order of its step squared, and the value gains half of slope times step.
        if (newton && size < small_newton) return fma(0.5f, fma(gu, a, gv * b), f.value);
        if (size < small) return f.value;
    }
    return detail::quiet_nan();
}

}  // namespace arcuate::kernels
