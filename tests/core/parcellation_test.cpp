#include "arcuate/core/connectome.hpp"
#include "arcuate/core/error.hpp"
#include "arcuate/core/parcellation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

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

namespace {

/// Of two regions, from the values of three voxels in a row.
Parcellation soft(const std::vector<float>& one, const std::vector<float>& two) {
    std::vector<VoxelShare> values;
    std::int32_t label = 1;
    for (const auto& volume : {one, two}) {
        for (std::size_t v = 0; v < 3; ++v)
            if (volume[v] != 0) values.push_back({static_cast<std::int64_t>(v), label, volume[v]});
        ++label;
    }
    return make_soft_parcellation({{3, 1, 1}, {{{{2, 0, 0}, {0, 2, 0}, {0, 0, 2}}}, {10, 20, 30}}}, 2, values, "soft.nii");
}

std::vector<float> shares_of(const Parcellation& p) {
    std::vector<float> out;
    for (const auto& s : p.shares) out.push_back(s.share);
    return out;
}

}  // namespace

TEST(SoftParcellation, NodesHaveTheSumOfTheirSharesAndItsCentre) {
    const auto p = soft({1, 0.25f, 0}, {0, 0.75f, 0.25f});
    EXPECT_TRUE(p.is_soft());
    EXPECT_FALSE(p.percent);
    EXPECT_EQ(p.offsets, (std::vector<std::uint64_t>{0, 1, 3, 4}));
    EXPECT_EQ(shares_of(p), (std::vector<float>{1, 0.25f, 0.75f, 0.25f}));
    EXPECT_EQ(p.shares[2].label, 2);
    EXPECT_EQ(p.labels.data, (std::vector<std::int32_t>{1, 2, 2}));
    EXPECT_EQ(p.nodes[0].voxels, 1.25);
    EXPECT_EQ(p.nodes[0].centre, (Vec3d{10 + 2 * (0.25 / 1.25), 20, 30}));
    EXPECT_EQ(p.nodes[1].voxels, 1);
    EXPECT_EQ(p.nodes[1].centre, (Vec3d{10 + 2 * 1.25, 20, 30}));
    EXPECT_FALSE(make_parcellation(labels({0, 0, 0, 4}), "parc.nii").is_soft());
}

TEST(SoftParcellation, AVolumeOfZerosIsARegionWithoutAVoxel) {
    const auto p = soft({1, 0.5f, 0}, {0, 0, 0});
    ASSERT_EQ(p.nodes.size(), 2u);
    EXPECT_EQ(p.nodes[1].voxels, 0);
    EXPECT_TRUE(std::isnan(p.nodes[1].centre[0]));
    EXPECT_THAT(error_of([] { soft({0, 0, 0}, {0, -0.0005f, 0}); }), HasSubstr("soft.nii is 0 everywhere"));
}

TEST(SoftParcellation, RoundingIsTakenOutOfSums) {
    EXPECT_EQ(shares_of(soft({0.5f, 0.53f, -0.0005f}, {0.5f, 0.5f, 1.02f})), (std::vector<float>{0.5f, 0.5f, static_cast<float>(static_cast<double>(0.53f) / (static_cast<double>(0.53f) + 0.5)),
                                                                                              static_cast<float>(0.5 / (static_cast<double>(0.53f) + 0.5)), 1.0f}));
}

TEST(SoftParcellation, TakesWholePercent) {
    const auto p = soft({100, 30, 0}, {0, 71, 5});
    EXPECT_TRUE(p.percent);
    EXPECT_EQ(shares_of(p), (std::vector<float>{1, static_cast<float>(0.3 / 1.01), static_cast<float>(0.01 * 71 / 1.01), 0.05f}));
    EXPECT_THAT(error_of([] { soft({100, 30.5f, 0}, {0, 60, 5}); }), HasSubstr("soft.nii holds 100 at voxel (0, 0, 0) of volume 1")) << "not whole";
    EXPECT_THAT(error_of([] { soft({30, 12, 0}, {0, 8, 5}); }), HasSubstr("holds 30 at voxel")) << "numbers of thirty people";
    EXPECT_THAT(error_of([] { soft({255, 12, 0}, {0, 8, 5}); }), HasSubstr("holds 255 at voxel"));
}

TEST(SoftParcellation, SaysWhatIsWrong) {
    EXPECT_THAT(error_of([] { soft({0, 0.5f, 0}, {0, -0.25f, 1}); }), HasSubstr("soft.nii holds -0.25 at voxel (1, 0, 0) of volume 2"));
    EXPECT_THAT(error_of([] { soft({0, NAN, 0}, {0, 0, 1}); }), HasSubstr("soft.nii holds nan at voxel (1, 0, 0) of volume 1"));
    EXPECT_THAT(error_of([] { soft({0, INFINITY, 0}, {0, 0, 1}); }), HasSubstr("soft.nii holds inf at voxel (1, 0, 0)"));
    EXPECT_THAT(error_of([] { soft({0, 1, 0}, {0, 0.5f, 1}); }), HasSubstr("soft.nii adds up to 1.5 at voxel (1, 0, 0)"));
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
