#include "arcuate/core/affine.hpp"

#include "arcuate/core/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace arcuate;

namespace {

/// 2 x 3 x 4 mm, axes permuted: voxel x goes up, y to the left, z to the front.
const Affine permuted{{{{0, -3, 0}, {0, 0, 4}, {2, 0, 0}}}, {10, 20, 30}};

}  // namespace

TEST(Affine, MapsVoxelsToTheWorld) {
    EXPECT_EQ(transform_point(permuted, {1, 2, 3}), (Vec3d{10 - 6, 20 + 12, 30 + 2}));
    EXPECT_EQ(transform_direction(permuted, {1, 2, 3}), (Vec3d{-6, 12, 2}));
    EXPECT_EQ(voxel_sizes(permuted), (Vec3d{2, 3, 4}));
    EXPECT_EQ(determinant(permuted), -24);
}

TEST(Affine, CompositionAppliesTheFirstFirst) {
    const Affine doubled{{{{2, 0, 0}, {0, 2, 0}, {0, 0, 2}}}, {1, 1, 1}};
    EXPECT_EQ(transform_point(composed(permuted, doubled), {1, 2, 3}), transform_point(permuted, {3, 5, 7}));
    EXPECT_EQ(transform_point(composed(doubled, permuted), {1, 2, 3}), (Vec3d{2 * 4 + 1, 2 * 32 + 1, 2 * 32 + 1}));
}

TEST(Affine, InverseUndoesIt) {
    const Affine sheared{{{{2, 0.5, 0}, {0.1, 3, -1}, {0, 0.25, 4}}}, {-5, 6, 7}};
    for (const auto& affine : {permuted, sheared}) {
        const Vec3d back = transform_point(inverse(affine), transform_point(affine, {1.5, -2.5, 30}));
        EXPECT_NEAR(back[0], 1.5, 1e-13);
        EXPECT_NEAR(back[1], -2.5, 1e-13);
        EXPECT_NEAR(back[2], 30, 1e-13);
    }
}

TEST(Affine, SmallVoxelsAreNoReasonToRefuse) {
    Affine tiny;
    for (int i = 0; i < 3; ++i) tiny.linear[i][i] = 1e-5;
    EXPECT_NEAR(inverse(tiny).linear[1][1], 1e5, 1e-6);
}

TEST(Affine, SingularOnesAreRefused) {
    Affine flat = permuted, parallel = permuted, undefined = permuted;
    flat.linear[2][0] = 0;
    parallel.linear = {{{1, 2, 0}, {1, 2, 0}, {0, 0, 1}}};
    undefined.linear[0][0] = std::numeric_limits<double>::quiet_NaN();
    for (const auto& affine : {flat, parallel, undefined}) EXPECT_THROW(inverse(affine), InputError);
}

TEST(Affine, OrthonormalizedKeepsDirectionsAndHandedness) {
    const Affine turned = orthonormalized(permuted);
    EXPECT_EQ(turned.linear, (std::array<Vec3d, 3>{{{0, -1, 0}, {0, 0, 1}, {1, 0, 0}}}));
    EXPECT_EQ(turned.offset, (Vec3d{0, 0, 0}));
}

TEST(Affine, OrthonormalizedIsTheNearestRotation) {
    // For a stretch S (symmetric, positive) after a rotation R, the polar factor of R S is R.
    const double c = 0.8, s = 0.6;
    const std::array<Vec3d, 3> stretch{{{1, 0.1, 0}, {0.1, 1, 0}, {0, 0, 1}}};
    const std::array<Vec3d, 3> rotation{{{c, -s, 0}, {s, c, 0}, {0, 0, 1}}};
    Affine affine;
    for (int r = 0; r < 3; ++r)
        for (int k = 0; k < 3; ++k) {
            affine.linear[r][k] = 0;
            for (int i = 0; i < 3; ++i) affine.linear[r][k] += rotation[r][i] * stretch[i][k];
        }
    const Affine out = orthonormalized(affine);
    for (int r = 0; r < 3; ++r)
        for (int k = 0; k < 3; ++k) EXPECT_NEAR(out.linear[r][k], rotation[r][k], 1e-14);
}
