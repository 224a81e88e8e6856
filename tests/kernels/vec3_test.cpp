#include "kernels/vec3.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace k = arcuate::kernels;
using k::Vec3;

namespace {

double exact_dot(Vec3 a, Vec3 b) { return double(a.x) * b.x + double(a.y) * b.y + double(a.z) * b.z; }

void expect_near(Vec3 a, double x, double y, double z, double tolerance) {
    EXPECT_NEAR(a.x, x, tolerance);
    EXPECT_NEAR(a.y, y, tolerance);
    EXPECT_NEAR(a.z, z, tolerance);
}

TEST(Vec3, ByHand) {
    const Vec3 a{1, 2, 3}, b{4, 5, 6};
    expect_near(a + b, 5, 7, 9, 0);
    expect_near(a - b, -3, -3, -3, 0);
    expect_near(-a, -1, -2, -3, 0);
    expect_near(2.0f * a, 2, 4, 6, 0);
    expect_near(k::fma(2.0f, a, b), 6, 9, 12, 0);
    EXPECT_EQ(k::dot(a, b), 32.0f);
    expect_near(k::cross(a, b), -3, 6, -3, 0);
    EXPECT_EQ(k::length({2, 3, 6}), 7.0f);
    expect_near(k::normalized({2, 3, 6}), 2 / 7.0, 3 / 7.0, 6 / 7.0, 1e-7);
}

void expect_right_handed_frame(Vec3 w) {
    const k::Frame f = k::frame_around(w);
    constexpr double tolerance = 5e-7;
    ASSERT_NEAR(exact_dot(f.u, f.u), 1, tolerance) << w.x << " " << w.y << " " << w.z;
    ASSERT_NEAR(exact_dot(f.v, f.v), 1, tolerance);
    ASSERT_NEAR(exact_dot(f.u, f.v), 0, tolerance);
    ASSERT_NEAR(exact_dot(f.u, f.w), 0, tolerance);
    ASSERT_NEAR(exact_dot(f.v, f.w), 0, tolerance);
    ASSERT_NEAR(exact_dot(k::cross(f.u, f.v), f.w), 1, tolerance);
    ASSERT_TRUE(f.w.x == w.x && f.w.y == w.y && f.w.z == w.z);
}

TEST(Frame, IsOrthonormalOverTheSphere) {
    const int n = 20000;
    for (int i = 0; i < n; ++i) {
        const double z = 1 - (2 * i + 1.0) / n, r = std::sqrt(1 - z * z), phi = std::numbers::pi * (3 - std::sqrt(5.0)) * i;
        expect_right_handed_frame(k::normalized({float(r * std::cos(phi)), float(r * std::sin(phi)), float(z)}));
    }
}

TEST(Frame, IsOrthonormalAtAndBesideThePolesAndTheEquator) {
    for (const float pole : {1.0f, -1.0f})
        for (const float aside : {0.0f, -0.0f, 1e-30f, 1e-8f, -1e-4f, 1e-3f}) {
            expect_right_handed_frame(k::normalized({aside, 0, pole}));
            expect_right_handed_frame(k::normalized({0, aside, pole}));
        }
    for (const float z : {0.0f, -0.0f, 1e-30f, -1e-30f}) {
        expect_right_handed_frame({1, 0, z});
        expect_right_handed_frame({0, -1, z});
    }
}

TEST(Frame, PlacesLocalCoordinates) {
    const k::Frame up = k::frame_around({0, 0, 1});
    expect_near(k::in_world(up, {1, 2, 3}), 1, 2, 3, 0);
    const k::Frame f = k::frame_around(k::normalized({1, -2, 0.5f}));
    const Vec3 world = k::in_world(f, {0.3f, -0.4f, 0.5f});
    EXPECT_NEAR(exact_dot(world, f.u), 0.3, 1e-6);
    EXPECT_NEAR(exact_dot(world, f.v), -0.4, 1e-6);
    EXPECT_NEAR(exact_dot(world, f.w), 0.5, 1e-6);
}

TEST(Affine3, TransformsAPoint) {
    const k::Affine3 a{{{0, -2, 0, 10}, {3, 0, 0, 20}, {0, 0, 0.5f, -30}}};
    expect_near(k::transform_point(a, {1, 2, 3}), 10 - 4, 20 + 3, -30 + 1.5, 0);
}

}  // namespace
