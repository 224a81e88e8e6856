// Responses of several sessions, by hand.
#include "arcuate/dwi/mean_response.hpp"

#include "arcuate/core/error.hpp"

#include <gtest/gtest.h>

namespace arcuate::dwi {
namespace {

TEST(MeanResponse, AveragesShapesWithoutGains) {
    // The second session's scanner has twice the gain; its fibres are a little sharper.
    const SessionResponses one{{{"wm", {{100}, {40, -20}}}, {"csf", {{300}, {2}}}}, 10}, two{{{"wm", {{200}, {80, -48}}}, {"csf", {{600}, {4}}}}, 20};
    const auto mean = mean_responses({one, two});
    ASSERT_EQ(mean.size(), 2u);
    EXPECT_EQ(mean[0].name, "wm");
    EXPECT_EQ(mean[0].shells, (std::vector<Response>{{10}, {4, -2.2}}));
    EXPECT_EQ(mean[1].shells, (std::vector<Response>{{30}, {0.2}}));
    EXPECT_EQ(scaled(mean, 20)[0].shells, (std::vector<Response>{{200}, {80, -44}}));
    // Order does not matter to what two sessions mean, nor does a single one change by it.
    EXPECT_EQ(mean_responses({two, one})[0].shells, mean[0].shells);
    EXPECT_EQ(scaled(mean_responses({one}), 10)[0].shells, one.tissues[0].shells);
    EXPECT_THROW(mean_responses({}), InputError);
    EXPECT_THROW(mean_responses({one, {{{"wm", {{1}}}, {"csf", {{1}}}}, 1}}), InputError);
    EXPECT_THROW(mean_responses({one, {{one.tissues[0]}, 1}}), InputError);
}

TEST(MeanResponse, IntensityIsTheMedianOfTheMostAnisotropicTenth) {
    const Grid grid{{40, 1, 1}, {}};
    TensorMaps maps;
    maps.fa = maps.s0 = ScalarImage(grid, 1);
    for (std::int64_t v = 0; v < 40; ++v) {
        maps.fa.at(v) = 0.01f * static_cast<float>(v);
        maps.s0.at(v) = static_cast<float>(1000 + v);
    }
    EXPECT_EQ(white_matter_intensity(maps, full_mask(grid)), 1037.5);  // of voxels 36 to 39
    maps.fa.at(3) = 1.2f;  // noise, not fibres
    maps.s0.at(39) = 0;    // not fitted
    EXPECT_EQ(white_matter_intensity(maps, full_mask(grid)), 1036.5);  // 38 are left: of 35 to 38
    EXPECT_THROW(white_matter_intensity(maps, Mask(grid, 1, 0)), InputError);
}

}  // namespace
}  // namespace arcuate::dwi
