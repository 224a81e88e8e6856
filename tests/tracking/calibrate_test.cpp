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
    const auto c = tracking::calibrate(defaults(2.70487595f), 8, 2.70487595f);
    ASSERT_EQ(c.arcs.size(), 7u);
    EXPECT_NEAR(c.ratio, 2.15373945, 2e-3);
    EXPECT_NEAR(c.expected_arcs, 12.9595909, 1e-2);
    EXPECT_EQ(c.arcs[0].angle, 0.0f);
    for (std::size_t i = 1; i < 7; ++i) EXPECT_NEAR(c.arcs[i].angle, 1.7320508f * c.spacing_angle, 1e-6);
}

TEST(Calibrate, DoesNotDependOnTheUnitOfLength) {
    EXPECT_NEAR(tracking::calibrate(defaults(1), 8, 1.0f).ratio, tracking::calibrate(defaults(3), 8, 3.0f).ratio, 1e-4);
}

TEST(Calibrate, SharperFodsNeedMoreArcs) {
    EXPECT_LT(tracking::calibrate(defaults(2), 4, 2).expected_arcs, tracking::calibrate(defaults(2), 12, 2).expected_arcs);
}

TEST(Calibrate, RefusesAnAngleTooSmallToBend) {
    auto p = defaults(2);
    p.max_angle = 1e-4f;
    EXPECT_THROW(tracking::calibrate(p, 8, 2), InputError);
}
