// Vectors: streamlines that begin at one place, and the regions that they end in.
#include "arcuate/connectome/build.hpp"
#include "arcuate/connectome/precision.hpp"
#include "arcuate/connectome/quality.hpp"
#include "arcuate/core/error.hpp"

#include "connectome/scene.hpp"
#include "devices.hpp"

#include <gmock/gmock.h>

namespace arcuate::connectome {
namespace {

using testing::HasSubstr;

class Vectors : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(Vectors);

TEST_P(Vectors, ByHand) {
    auto parcellation = row_of_regions();
    parcellation.nodes[2].voxels = 4;
    Tractogram t;
    t.append(std::array<float, 6>{0, 0, 0, 4, 0, 0});   // 3, 4 mm
    t.append(std::array<float, 6>{-4, 0, 0, 4, 0, 0});  // 3, 8 mm
    t.append(std::array<float, 6>{4, 0, 0, 9, 0, 0});   // 2, 5 mm
    t.append(std::array<float, 6>{0, 0, 0, 2, 0, 0});   // none
    ConnectomeBuilder builder(parcellation, {}, {.search_mm = 0.6, .metrics = {"mean_length", "inverse_volume", "density"}, .errors = true, .vector = true, .keep_assignments = true}, device());
    builder.append(t.view());
    const auto c = builder.connectome();
    EXPECT_TRUE(c.vector);
    EXPECT_EQ(c.metric("count").matrix, (std::vector<double>{0, 1, 2}));
    EXPECT_NEAR(c.metric("count_sampling_se").matrix[2], std::sqrt(4.0 / 3 * 2 * (1 - 2.0 / 4)), 1e-12);
    EXPECT_NEAR(c.metric("mean_length").matrix[2], 6, 1e-12);
    EXPECT_TRUE(std::isnan(c.metric("mean_length").matrix[0]));
    // The first begins in region 1, the second in the background, of 4 voxels.
    EXPECT_NEAR(c.metric("inverse_volume").matrix[2], 2 / (1 + 4.0) + 2 / (4 + 4.0), 1e-12);
    EXPECT_NEAR(c.metric("density").matrix[2], 2 / (1 + 4.0) / 4 + 2 / (4 + 4.0) / 8, 1e-12);
    EXPECT_EQ(builder.connectome(0, true).metric("count").matrix, (std::vector<double>{1, 0, 1, 2}));
    EXPECT_EQ(builder.assignments().labels, (std::vector<std::int32_t>{3, 3, 2, 0}));
    EXPECT_EQ(c.assigned, 3);
    EXPECT_EQ(c.half_assigned, 0);
    const auto quality = check_quality(c, "t.tck", "p.nii");
    EXPECT_EQ(quality.edges, 2);
    EXPECT_THAT(quality.warnings, testing::ElementsAre(HasSubstr("that no streamline ends in: 1")));
    EXPECT_THROW(precision_of(c, "count", 0.1), InputError);
}

TEST_P(Vectors, OfAllVoxelsHaveEveryRegion) {
    Tractogram t;
    t.append(std::array<float, 9>{0, 0, 0, 4, 0, 0, 5, 0, 0});  // 1 and 3
    t.append(std::array<float, 6>{4, 0, 0, 9, 0, 0});           // 3 and 2
    t.append(std::array<float, 3>{5, 0, 0});
    ConnectomeBuilder builder(row_of_regions(), {}, {.assignment = Assignment::all_voxels, .metrics = {"inverse_volume"}, .vector = true, .keep_assignments = true}, device());
    builder.append(t.view());
    const auto c = builder.connectome(0, true);
    EXPECT_EQ(c.metric("count").matrix, (std::vector<double>{1, 1, 1, 2}));
    EXPECT_EQ(c.metric("inverse_volume").matrix[3], 2);  // twice 2 / (1 + 1)
    EXPECT_EQ(builder.assignments().labels, (std::vector<std::int32_t>{1, 3, 2, 3}));
    EXPECT_EQ(c.assigned, 2);
}

TEST_P(Vectors, OfSoftParcellationsShareOutTheLastEnd) {
    const auto soft = make_soft_parcellation({{10, 1, 1}, {}}, 2, std::vector<VoxelShare>{{0, 1, 0.5f}, {4, 1, 0.25f}, {4, 2, 0.5f}}, "shares");
    Tractogram t;
    t.append(std::array<float, 6>{0, 0, 0, 4, 0, 0});
    t.append(std::array<float, 6>{4, 0, 0, 0, 0, 0});
    ConnectomeBuilder builder(soft, {}, {.search_mm = 0.6, .metrics = {"inverse_volume"}, .vector = true}, device());
    builder.append(t.view());
    const auto c = builder.connectome(0, true);
    EXPECT_EQ(c.metric("count").matrix, (std::vector<double>{0.75, 0.75, 0.5}));
    // Volumes 8.75 of none, 0.75 and 0.5; what is expected over the regions of the first end.
    EXPECT_NEAR(c.metric("inverse_volume").matrix[1], 0.25 * (0.5 * 2 / 9.5 + 0.5 * 2 / 1.5) + 0.5 * (0.25 * 2 / 9.5 + 0.25 * 2 / 1.5 + 0.5 * 2 / 1.25), 1e-12);
    EXPECT_NEAR(c.metric("inverse_volume").matrix[2], 0.5 * (0.5 * 2 / 9.25 + 0.5 * 2 / 1.25), 1e-12);
}

}  // namespace
}  // namespace arcuate::connectome
