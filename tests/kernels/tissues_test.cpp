// The tissue image: trilinear fractions by hand, what counts as which tissue, and the grey-white interface.
#include "kernels/act.hpp"

#include <gtest/gtest.h>

#include <array>

using namespace arcuate::kernels;

namespace {

/// Four voxels along x, 2 mm apart, one along y and z: cortex, cortex, white matter, CSF.
struct Row {
    alignas(32) std::array<float, 4 * TissueImage::stride> fractions{};
    TissueImage image{};
    Row() {
        fractions[0] = fractions[TissueImage::stride] = 1;
        fractions[2 * TissueImage::stride + 2] = 1;
        fractions[3 * TissueImage::stride + 3] = 1;
        image = {fractions.data(), 4, 1, 1, {{{0.5f, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}}}, 2.0f};
    }
};

}  // namespace

TEST(Tissues, AreInterpolatedLinearly) {
    const Row row;
    const auto t = row.image.at({2.5f, 0, 0});  // a quarter of the way from the second voxel to the third
    EXPECT_FLOAT_EQ(t.cgm, 0.75f);
    EXPECT_FLOAT_EQ(t.wm, 0.25f);
    EXPECT_TRUE(t.valid);
    EXPECT_TRUE(t.is_gm());
    EXPECT_FLOAT_EQ(row.image.at({-0.9f, 0.4f, -0.4f}).cgm, 1.0f) << "up to half a voxel beyond the outermost centre";
    EXPECT_FALSE(row.image.at({-1.1f, 0, 0}).valid);
    EXPECT_FALSE(row.image.at({7.1f, 0, 0}).valid);
    EXPECT_TRUE(row.image.at({6, 0, 0}).is_csf());
}

TEST(Tissues, PointsMoveToTheInterface) {
    const Row row;
    for (const float x : {2.0f, 2.2f, 2.9f, 3.6f, 3.9f}) {
        Vec3 p{x, 0.1f, 0};
        ASSERT_TRUE(move_to_interface(row.image, p)) << x;
        EXPECT_NEAR(p.x, 3, 0.01);  // 0.01 of difference is 0.01 mm here
        EXPECT_FLOAT_EQ(p.y, 0.1f);
    }
    Vec3 far{0, 0, 0};
    EXPECT_FALSE(move_to_interface(row.image, far)) << "there is no gradient to follow";
}

TEST(Tissues, ASegmentIsCroppedWhereItCrosses) {
    const Row row;
    const Act act{row.image, false, true};
    EXPECT_NEAR(act.crossing({4, 0, 0}, {1.5f, 0, 0}).x, 3, 0.01);
}

TEST(Act, TakesSeedsUpToTheBorderOfTheCortex) {
    const Row row;
    const Act act{row.image, false, false};
    ActState state;
    EXPECT_TRUE(act.accepts_seed({3.5f, 0, 0}, state));
    EXPECT_TRUE(act.accepts_seed({2.996f, 0, 0}, state)) << "on the interface: 0.004 more grey than white";
    EXPECT_FALSE(act.accepts_seed({2.9f, 0, 0}, state)) << "in the cortex";
    EXPECT_FALSE(act.accepts_seed({6, 0, 0}, state)) << "in CSF";
    EXPECT_FALSE(act.accepts_seed({-3, 0, 0}, state)) << "outside";
}

TEST(Act, JudgesEndsByTheTissueAround) {
    const Row row;
    const Act act{row.image, false, false};
    ActState state;
    bool bad = false;
    EXPECT_EQ(act.judged(HalfEnd::model, state, bad), HalfEnd::model);
    EXPECT_TRUE(bad) << "in white matter nothing may end";
    bad = false;
    state.sgm_depth = 2;
    EXPECT_EQ(act.judged(HalfEnd::model, state, bad), HalfEnd::term_in_sgm);
    EXPECT_EQ(act.judged(HalfEnd::enter_csf, state, bad), HalfEnd::exit_sgm);
    EXPECT_FALSE(bad);
    state = {};
    state.in_pathology = true;
    EXPECT_EQ(act.judged(HalfEnd::calibrator, state, bad), HalfEnd::calibrator);
    EXPECT_FALSE(bad);
    EXPECT_EQ(act.judged(HalfEnd::enter_csf, state, bad), HalfEnd::enter_csf);
    EXPECT_TRUE(bad);
}
