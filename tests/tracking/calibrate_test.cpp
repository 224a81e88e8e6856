#include "tracking/calibrate.hpp"

#include "arcuate/core/error.hpp"

#include <gtest/gtest.h>

using namespace arcuate;

namespace {
kernels::Ifod2Params defaults(float voxel) {
    kernels::Ifod2Params p{};
    p.step = 0.5f * voxel;
    p.max_angle = 45 * kernels::pi / 180;
    p.cutoff = 0.1f;
    p.power = 0.25f;
    p.samples = 3;
    return p;
}
}  // namespace

// The peer prints for its defaults at lmax 8 and 2.705 mm voxels: 7 directions, ratio 2.15373945, 12.9595909 samples per step.
TEST(Calibrate, AgreesWithThePeersPublishedCase) {
    auto p = defaults(2.70487595f);
    const auto c = tracking::calibrate(p, 8, 2.70487595f);
    EXPECT_EQ(c.directions, 7);
    EXPECT_NEAR(c.ratio, 2.15373945, 2e-3);
    EXPECT_NEAR(c.expected_arcs, 12.9595909, 1e-2);
    EXPECT_EQ(p.calibration_count, 7);
    EXPECT_EQ(p.calibration[0].angle, 0.0f);
    for (int i = 1; i < 7; ++i) EXPECT_NEAR(p.calibration[i].angle, 1.7320508f * c.spacing_angle, 1e-6);
}

TEST(Calibrate, DoesNotDependOnTheUnitOfLength) {
    auto a = defaults(1.0f), b = defaults(3.0f);
    EXPECT_NEAR(tracking::calibrate(a, 8, 1.0f).ratio, tracking::calibrate(b, 8, 3.0f).ratio, 1e-4);
}

TEST(Calibrate, SharperFodsNeedMoreArcs) {
    auto p = defaults(2);
    EXPECT_LT(tracking::calibrate(p, 4, 2).expected_arcs, tracking::calibrate(p, 12, 2).expected_arcs);
}

TEST(Calibrate, RefusesAnAngleTooSmallToBend) {
    auto p = defaults(2);
    p.max_angle = 1e-4f;
    EXPECT_THROW(tracking::calibrate(p, 8, 2), InputError);
}
