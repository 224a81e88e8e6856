#include "arcuate/core/image.hpp"

#include "arcuate/core/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

using namespace arcuate;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

Grid grid_of(double voxel_mm) {
    Grid grid;
    grid.size = {4, 3, 2};
    for (int i = 0; i < 3; ++i) grid.voxel_to_world.linear[i][i] = voxel_mm;
    return grid;
}

template <class Act>
std::string error_of(Act act) {
    try {
        act();
    } catch (const InputError& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST(Image, XRunsFastestThenYThenZThenVolume) {
    const Grid grid = grid_of(2);
    EXPECT_EQ(grid.voxels(), 24);
    EXPECT_EQ(grid.index(1, 0, 0), 1);
    EXPECT_EQ(grid.index(0, 1, 0), 4);
    EXPECT_EQ(grid.index(0, 0, 1), 12);
    ScalarImage image(grid, 2, 7.0f);
    EXPECT_EQ(image.data.size(), 48u);
    image.at(grid.index(3, 2, 1), 1) = 9.0f;
    EXPECT_EQ(image.data.back(), 9.0f);
    EXPECT_TRUE(grid.contains(3, 2, 1));
    EXPECT_FALSE(grid.contains(4, 0, 0));
    EXPECT_FALSE(grid.contains(0, -1, 0));
}

TEST(Grid, IsTheSameWhereVoxelCentresAre) {
    const Grid grid = grid_of(2);
    Grid moved = grid;
    moved.voxel_to_world.offset[1] = 0.009;
    EXPECT_TRUE(same_grid(grid, moved)) << "rounding in a header";
    moved.voxel_to_world.offset[1] = 0.011;
    EXPECT_FALSE(same_grid(grid, moved));
    // A voxel size wrong by 0.004 mm is small at the origin and 0.012 mm at the far corner of four voxels.
    Grid stretched = grid;
    stretched.voxel_to_world.linear[0][0] = 2.004;
    EXPECT_FALSE(same_grid(grid, stretched));
}

TEST(Grid, SaysWhichImagesDisagreeAndHow) {
    Grid other = grid_of(2);
    other.size = {4, 3, 5};
    EXPECT_THAT(error_of([&] { require_same_grid(other, "mask m.nii", grid_of(2), "dwi.nii"); }),
                HasSubstr("mask m.nii is on another grid than dwi.nii (4x3x5 voxels against 4x3x2)"));
    EXPECT_THAT(error_of([&] { require_same_grid(grid_of(2.5), "mask m.nii", grid_of(2), "dwi.nii"); }), HasSubstr("the affines differ"));
    EXPECT_EQ(error_of([&] { require_same_grid(grid_of(2), "a", grid_of(2), "b"); }), "");
}

TEST(Grid, MeanVoxelSizeIsGeometric) {
    Grid grid = grid_of(2.5);
    EXPECT_DOUBLE_EQ(mean_voxel_size(grid), 2.5);
    grid.voxel_to_world.linear = {{{0, 0, 8}, {-1, 0, 0}, {0, 1, 0}}};
    EXPECT_DOUBLE_EQ(mean_voxel_size(grid), 2);
}

TEST(Mask, InsideVoxelsAscend) {
    Mask mask(grid_of(2), 1);
    mask.data[20] = 1;
    mask.data[3] = 255;
    EXPECT_THAT(voxels_inside(mask, "mask m.nii"), ElementsAre(3, 20));
    EXPECT_EQ(voxels_inside(full_mask(grid_of(2)), "all").size(), 24u);
    EXPECT_THAT(error_of([&] { voxels_inside(Mask(grid_of(2), 1), "mask m.nii"); }), HasSubstr("mask m.nii is empty"));
}

TEST(ImageMean, IsOfEveryVoxelAndVolumeByItself) {
    ScalarImage a(grid_of(2), 2, 1.0f), b(grid_of(2), 2, 2.0f);
    b.at(3, 1) = 5;
    a.at(4, 0) = NAN;
    b.at(5, 0) = INFINITY;
    ImageMean sum;
    sum.add(a, "a.nii");
    sum.add(b, "b.nii");
    const auto mean = sum.mean();
    EXPECT_EQ(mean.at(3, 1), 3);
    EXPECT_EQ(mean.at(3, 0), 1.5);
    EXPECT_TRUE(std::isnan(mean.at(4, 0))) << "an unknown value makes the mean unknown";
    EXPECT_TRUE(std::isinf(mean.at(5, 0)));
    EXPECT_EQ(mean.at(4, 1), 1.5) << "and no other one";
    EXPECT_THAT(error_of([&] { sum.add(ScalarImage(grid_of(3), 2), "c.nii"); }), HasSubstr("c.nii"));
    EXPECT_THAT(error_of([&] { sum.add(ScalarImage(grid_of(2), 3), "c.nii"); }), testing::AllOf(HasSubstr("a.nii has 2 volumes"), HasSubstr("c.nii has 3")));
}
