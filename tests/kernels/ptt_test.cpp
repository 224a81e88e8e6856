// The curves of parallel transport tractography: circles, and a frame that they carry along.
#include "kernels/ptt.hpp"

#include <gtest/gtest.h>

#include <cmath>

using namespace arcuate::kernels;

namespace {
void expect_frame(const PttState& s) {
    EXPECT_NEAR(length(s.direction), 1, 1e-6);
    EXPECT_NEAR(length(s.normal), 1, 1e-6);
    EXPECT_NEAR(dot(s.direction, s.normal), 0, 1e-6);
}
}  // namespace

TEST(PttCurve, IsACircleOfItsCurvature) {
    const PttState start{{1, 2, 3}, {0, 0, 1}, {1, 0, 0}};
    const float k1 = 0.3f, k2 = -0.4f;  // radius 2; the binormal is z cross x = y, so the centre lies along 0.6 x - 0.8 y
    const PttCurve curve(start, k1, k2);
    EXPECT_NEAR(curve.curvature, 0.5, 1e-7);
    const Vec3 centre = fma(2.0f, {0.6f, -0.8f, 0}, start.position);
    for (const float along : {0.0f, 0.3f, 1.0f, 3.0f, 6.0f}) {
        Vec3 position, tangent;
        curve.at(start, along, position, tangent);
        EXPECT_NEAR(length(position - centre), 2, 1e-5);
        EXPECT_NEAR(dot(position - centre, tangent), 0, 1e-5);
        EXPECT_NEAR(tangent.z, std::cos(along / 2), 1e-6);
    }
}

TEST(PttCurve, WithoutCurvatureIsALine) {
    const PttState start{{1, 2, 3}, {0, 0, 1}, {1, 0, 0}};
    const PttState end = PttCurve(start, 0, 0).moved(start, 2.5f);
    EXPECT_EQ(end.position.z, 5.5f);
    EXPECT_EQ(end.direction.z, 1.0f);
    EXPECT_EQ(end.normal.x, 1.0f);
}

// In one plane the frame turns with the tangent alone, so after a full circle it is what it was; the component across the plane never changes.
TEST(PttCurve, CarriesTheFrameWithoutTurningItAboutTheTangent) {
    const PttState start{{0, 0, 0}, {0, 0, 1}, {1, 0, 0}};
    PttState s = start;
    const float radius = 4, k1 = 0.15f, k2 = 0.2f;
    const Vec3 across = cross(start.direction, PttCurve(start, k1, k2).bend);
    constexpr int steps = 500;
    for (int i = 0; i < steps; ++i) {
        s = PttCurve(s, k1, k2).moved(s, 2 * pi * radius / steps);
        expect_frame(s);
        ASSERT_NEAR(dot(s.normal, across), dot(start.normal, across), 1e-4);
    }
    EXPECT_NEAR(length(s.position), 0, 5e-3);
    EXPECT_NEAR(dot(s.normal, start.normal), 1, 1e-4);
}
