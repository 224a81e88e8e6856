// A series as a polynomial: its values against the basis in double precision, eight directions against one.
#include "kernels/sh_polynomial.hpp"

#include "kernels/philox.hpp"
#include "reference/spherical_harmonics.hpp"

#include <gtest/gtest.h>

#include <array>

using namespace arcuate;
using namespace arcuate::kernels;

namespace {

template <int Lmax>
void check() {
    constexpr int n = sh_count(Lmax), stride = ShPolynomial<Lmax>::stride;
    for (std::uint64_t item = 0; item < 200; ++item) {
        std::array<float, stride> c{}, polynomial;
        double size = 0;
        for (std::uint32_t j = 0; j < n; ++j) {
            c[j] = uniform(Philox{3, item, Purpose::noise, 0}(j).v[0]) - 0.5f;
            size += std::fabs(static_cast<double>(c[j]));
        }
        ShPolynomial<Lmax>::from_series(c.data(), polynomial.data());
        for (int j = n; j < stride; ++j) EXPECT_EQ(polynomial[std::size_t(j)], 0);
        float x[8], y[8], z[8], eight[8];
        for (std::uint32_t k = 0; k < 8; ++k) {
            const auto r = Philox{4, item, Purpose::noise, 0}(k);
            Vec3 d;
            uniform_direction(r.v[0], r.v[1], d.x, d.y, d.z);
            if (k == 0) d = {0, 0, item % 2 ? -1.0f : 1.0f};
            if (k == 1) d = {item % 2 ? -1.0f : 0.0f, item % 2 ? 0.0f : 1.0f, 0};
            d = normalized(d);
            x[k] = d.x, y[k] = d.y, z[k] = d.z;
        }
        ShPolynomial<Lmax>::value(polynomial.data(), Float8::load(x), Float8::load(y), Float8::load(z)).store(eight);
        for (int k = 0; k < 8; ++k) {
            const float one = ShPolynomial<Lmax>::value(polynomial.data(), x[k], y[k], z[k]);
            EXPECT_EQ(bits_of(eight[k]), bits_of(one));
            const auto basis = reference::spherical_harmonics(Lmax, x[k], y[k], z[k]);
            double expected = 0;
            for (std::size_t j = 0; j < n; ++j) expected += static_cast<double>(c[j]) * basis[j];
            EXPECT_NEAR(one, expected, 3e-7 * size) << Lmax << ' ' << item;
            float at, below;
            ShPolynomial<Lmax>::values(polynomial.data(), x[k], y[k], z[k], at, below);
            EXPECT_EQ(bits_of(at), bits_of(one));
            EXPECT_EQ(bits_of(below), bits_of(ShPolynomial<Lmax>::value(polynomial.data(), x[k], y[k], -z[k])));
        }
        // In place.
        ShPolynomial<Lmax>::from_series(c.data(), c.data());
        EXPECT_EQ(c, polynomial);
    }
}

}  // namespace

TEST(ShPolynomial, HasTheValuesOfTheSeries) {
    check<4>();
    check<6>();
    check<8>();
    check<12>();
}

TEST(ShPolynomial, HasAsManyCoefficientsAsTheSeries) {
    EXPECT_EQ(ShPolynomial<8>::first(8) + 2, sh_count(8));
    EXPECT_EQ(ShPolynomial<12>::first(12) + 2, sh_count(12));
}
