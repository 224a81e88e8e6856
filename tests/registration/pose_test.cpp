// Rigid motions: by hand, and the half-way space's definition.
#include "arcuate/registration/rigid.hpp"
#include "registration/pose.hpp"

#include <gtest/gtest.h>

#include <cmath>

using namespace arcuate;
using namespace arcuate::registration;

namespace {

Pose turn_z(double degrees, Vec3d shift = {}) {
    const double half = degrees * std::acos(-1.0) / 360;
    return {std::cos(half), 0, 0, std::sin(half), shift};
}

void expect_near(const Affine& a, const Affine& b, double tolerance = 1e-12) {
    for (std::size_t r = 0; r < 3; ++r) {
        for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(a.linear[r][c], b.linear[r][c], tolerance) << r << " " << c;
        EXPECT_NEAR(a.offset[r], b.offset[r], tolerance) << r;
    }
}

}  // namespace

TEST(Pose, TurnsByHand) {
    const Vec3d p = transform_point(affine_of(turn_z(90, {1, 2, 3})), {10, 0, 5});
    EXPECT_NEAR(p[0], 1, 1e-12);
    EXPECT_NEAR(p[1], 12, 1e-12);
    EXPECT_NEAR(p[2], 8, 1e-12);
}

TEST(Pose, CompositionAndInverseAreThoseOfTheMatrices) {
    const Pose a = turn_z(33, {4, 5, 6}), b = small_motion({1, -2, 3}, {0.1, 0.2, -0.3}, {7, 8, 9});
    expect_near(affine_of(composed(b, a)), composed(affine_of(b), affine_of(a)));
    expect_near(affine_of(inverse(b)), inverse(affine_of(b)));
}

TEST(Pose, SmallMotionTurnsAroundItsCentre) {
    const Vec3d at = transform_point(affine_of(small_motion({0, 0, 0.5}, {0.02, 0, 0.01}, {30, -20, 10})), {30, -20, 10});
    EXPECT_NEAR(at[0], 30, 1e-12);
    EXPECT_NEAR(at[2], 10.5, 1e-12);
    // A turn by w moves p by w x p to first order.
    const Vec3d p = transform_point(affine_of(small_motion({0, 0, 0}, {0, 0, 1e-4}, {0, 0, 0})), {10, 0, 0});
    EXPECT_NEAR(p[1], 1e-3, 1e-10);
}

TEST(Pose, TheAngleIsThatOfTheTurn) {
    for (const double degrees : {1e-4, 0.5, 30.0, 89.0, 91.0, 150.0, 179.9}) EXPECT_NEAR(rotation_angle_deg(affine_of(turn_z(degrees))), degrees, (degrees > 170 ? 0.01 : 1e-5 * degrees + 1e-9)) << degrees;  // near 180 the sine has the digits no more
    EXPECT_EQ(rotation_angle_deg(Affine{}), 0);
}

TEST(Pose, TwoPosesMeetHalfWay) {
    std::vector<Pose> poses{turn_z(0), turn_z(-40, {6, 0, 0})};
    const Affine apart = composed(inverse(affine_of(poses[1])), affine_of(poses[0]));
    const std::vector<Vec3d> centres{{0, 0, 0}, {10, 0, 0}};
    recentre(poses, centres, {5, 0, 0});
    EXPECT_NEAR(rotation_angle_deg(affine_of(poses[0])), 20, 1e-5);
    EXPECT_NEAR(rotation_angle_deg(affine_of(poses[1])), 20, 1e-5);
    expect_near(composed(inverse(affine_of(poses[1])), affine_of(poses[0])), apart);
    const Vec3d a = transform_point(affine_of(poses[0]), centres[0]), b = transform_point(affine_of(poses[1]), centres[1]);
    EXPECT_NEAR((a[0] + b[0]) / 2, 5, 1e-12);
    EXPECT_NEAR((a[1] + b[1]) / 2, 0, 1e-12);
}

TEST(Pose, TheMeanTurnOfManyIsTheIdentity) {
    std::vector<Pose> poses{turn_z(0), turn_z(10), turn_z(-3), turn_z(50)};
    poses[2].w = -poses[2].w;  // the same turn by the other quaternion
    poses[2].z = -poses[2].z;
    recentre(poses, std::vector<Vec3d>(4), {});
    Pose sum{0, 0, 0, 0, {}};
    for (const auto& p : poses) {
        const double sign = p.w < 0 ? -1 : 1;
        sum.z += sign * p.z;
        sum.w += sign * p.w;
    }
    EXPECT_NEAR(sum.z / sum.w, 0, 1e-12);
}
