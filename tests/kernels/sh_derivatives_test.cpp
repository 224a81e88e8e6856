// Derivatives of a spherical harmonic series, against differences of the series in double precision, and the climb to a peak.
#include "kernels/sh_derivatives.hpp"

#include "kernels/philox.hpp"
#include "reference/spherical_harmonics.hpp"

#include <gtest/gtest.h>

#include <array>

using namespace arcuate;
using namespace arcuate::kernels;

namespace {

using Series = std::array<float, 45>;

double value(const Series& c, double x, double y, double z) {
    const double r = std::sqrt(x * x + y * y + z * z);
    const auto basis = reference::spherical_harmonics(8, x / r, y / r, z / r);
    double sum = 0;
    for (std::size_t j = 0; j < 45; ++j) sum += static_cast<double>(c[j]) * basis[j];
    return sum;
}

Series random_series(std::uint64_t item) {
    Series c;
    for (std::uint32_t j = 0; j < 45; ++j) c[j] = uniform(Philox{3, item, Purpose::noise, 0}(j).v[0]) - 0.5f;
    return c;
}

std::array<float, ShPolynomial<8>::stride> polynomial_of(const Series& c) {
    std::array<float, ShPolynomial<8>::stride> out;
    ShPolynomial<8>::from_series(c.data(), out.data());
    return out;
}

Vec3 random_direction(std::uint64_t item) {
    Vec3 d;
    const auto r = Philox{4, item, Purpose::noise, 0}(0);
    uniform_direction(r.v[0], r.v[1], d.x, d.y, d.z);
    return normalized(d);
}

}  // namespace

// Along the great circle from d towards a unit tangent u: f(a) = F(cos a d + sin a u), f' = grad F . u, f'' = u' Hess F u - grad F . d.
TEST(ShDerivatives, AreThoseOfTheSeriesAlongGreatCircles) {
    constexpr double h = 1e-4;  // differences err by h^2 l^4 / 12, 4e-6 of values of the order of l^2
    for (std::uint64_t item = 0; item < 50; ++item) {
        const auto c = random_series(item);
        const Vec3 d = random_direction(item);
        const auto f = sh_derivatives<8>(polynomial_of(c).data(), d);
        EXPECT_NEAR(f.value, value(c, d.x, d.y, d.z), 2e-5);
        const Frame t = frame_around(d);
        for (const Vec3 u : {t.u, t.v, normalized(t.u + t.v)}) {
            const auto at = [&](double a) {
                return value(c, std::cos(a) * d.x + std::sin(a) * u.x, std::cos(a) * d.y + std::sin(a) * u.y, std::cos(a) * d.z + std::sin(a) * u.z);
            };
            EXPECT_NEAR(dot(f.gradient, u), (at(h) - at(-h)) / (2 * h), 1e-3) << item;
            const Vec3 turned{f.xx * u.x + f.xy * u.y + f.xz * u.z, f.xy * u.x + f.yy * u.y + f.yz * u.z, f.xz * u.x + f.yz * u.y + f.zz * u.z};
            EXPECT_NEAR(dot(u, turned) - dot(f.gradient, d), (at(h) - 2 * at(0) + at(-h)) / (h * h), 2e-2) << item;
        }
    }
}

TEST(ClimbToPeak, EndsAtAMaximumUphill) {
    int settled = 0;
    for (std::uint64_t item = 0; item < 200; ++item) {
        const auto c = random_series(item);
        Vec3 d = random_direction(1000 + item);
        const double before = value(c, d.x, d.y, d.z);
        const float peak = climb_to_peak<8>(polynomial_of(c).data(), d);
        if (is_nan(peak)) continue;
        ++settled;
        const double after = value(c, d.x, d.y, d.z);
        EXPECT_NEAR(peak, after, 1e-4);
        EXPECT_GE(after, before - 1e-5);
        const Frame t = frame_around(d);
        for (int k = 0; k < 8; ++k) {  // no direction 0.02 rad away is higher
            const SinCos a = sincos(0.785398f * static_cast<float>(k));
            const Vec3 beside = fma(0.02f * a.cos, t.u, fma(0.02f * a.sin, t.v, d));
            EXPECT_LT(value(c, beside.x, beside.y, beside.z), after);
        }
    }
    EXPECT_GT(settled, 190);
}
