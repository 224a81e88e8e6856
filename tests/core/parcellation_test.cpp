#include "arcuate/core/connectome.hpp"
#include "arcuate/core/error.hpp"
#include "arcuate/core/parcellation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace arcuate;
using testing::HasSubstr;

namespace {

LabelImage labels(std::vector<std::int32_t> data) {
    Grid grid;
    grid.size = {static_cast<std::int64_t>(data.size()) / 2, 2, 1};
    grid.voxel_to_world.linear = {{{2, 0, 0}, {0, 3, 0}, {0, 0, 4}}};
    grid.voxel_to_world.offset = {100, 200, 300};
    LabelImage image(grid, 1);
    image.data = std::move(data);
    return image;
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

TEST(Parcellation, NodesAscendWithTheirCentres) {
    const auto parcellation = make_parcellation(labels({9, 9, 0,  //
                                                        0, 0, 4}), "parc.nii");
    ASSERT_EQ(parcellation.nodes.size(), 2u);
    EXPECT_EQ(parcellation.nodes[0].label, 4);
    EXPECT_EQ(parcellation.nodes[0].name, "4");
    EXPECT_EQ(parcellation.nodes[0].centre, (Vec3d{104, 203, 300}));
    EXPECT_EQ(parcellation.nodes[1].voxels, 2);
    EXPECT_EQ(parcellation.nodes[1].centre, (Vec3d{101, 200, 300}));
}

TEST(Parcellation, SaysWhatIsWrong) {
    EXPECT_THAT(error_of([] { make_parcellation(labels({0, 0, 0, 0}), "parc.nii"); }), HasSubstr("parc.nii has no positive label"));
    EXPECT_THAT(error_of([] { make_parcellation(labels({1, 0, 0, -2}), "parc.nii"); }), HasSubstr("parc.nii has the negative label -2 at voxel (1, 1, 0)"));
    EXPECT_THAT(error_of([] { make_parcellation(labels({1, 65535, 0, 65536}), "parc.nii"); }), HasSubstr("parc.nii has the label 65536 at voxel (1, 1, 0)"));
}

TEST(Parcellation, HemispheresAreThoseThatNamesTell) {
    for (const char* left : {"Left-Thalamus", "ctx-lh-insula", "7Networks_LH_Vis_1", "Hippocampus_L", "hemi-L_V1", "L.CN"}) EXPECT_EQ(hemisphere(left), "L") << left;
    for (const char* right : {"Right-Thalamus", "ctx_rh_G_cuneus", "Hippocampus_R", "right insula"}) EXPECT_EQ(hemisphere(right), "R") << right;
    for (const char* neither : {"Brain-Stem", "Lingual", "17", "left-to-right", ""}) EXPECT_EQ(hemisphere(neither), "") << neither;
}

TEST(Connectome, FindsMetricsByName) {
    Connectome connectome;
    connectome.metrics = {{"count", "streamlines", "", {1}}, {"mean_fa", "", "", {0.5}}};
    EXPECT_EQ(connectome.metric("mean_fa").matrix[0], 0.5);
    EXPECT_THAT(error_of([&] { connectome.metric("fa"); }), HasSubstr("has no metric 'fa' (it has: count, mean_fa)"));
}
