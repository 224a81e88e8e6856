// Which streamlines pass.
#include "arcuate/tract/filter.hpp"

#include "arcuate/tract/statistics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace arcuate;
using namespace arcuate::tract;
using testing::ElementsAre;

namespace {

/// Streamline s runs along x from 0 to s mm, in steps of 1 mm, at y = s.
Tractogram ladder(int n) {
    Tractogram t;
    t.per_streamline.resize(1);
    t.per_streamline[0].name = "id";
    for (int s = 0; s < n; ++s) {
        std::vector<float> line;
        for (int v = 0; v <= s; ++v) line.insert(line.end(), {static_cast<float>(v), static_cast<float>(s), 0});
        t.append(line);
        t.per_streamline[0].values.push_back(s);
    }
    return t;
}

struct Kept : StreamlineSink {
    std::vector<double> ids;
    std::vector<std::int64_t> vertices;
    void append(const TractogramView& view) override {
        for (std::int64_t s = 0; s < view.size(); ++s) {
            ids.push_back(view.per_streamline[0].values[static_cast<std::size_t>(s)]);
            vertices.push_back(static_cast<std::int64_t>(view.streamline(s).size() / 3));
        }
    }
};

Kept kept(const FilterOptions& options, int n = 6) {
    Kept sink;
    Filter filter(options, sink);
    const Tractogram t = ladder(n);
    filter.append(t.view());
    return sink;
}

Region ball(double x, double y, double r) { return Sphere{{x, y, 0}, r}; }

}  // namespace

TEST(Filter, Regions) {
    EXPECT_THAT(kept({}).ids, ElementsAre(0, 1, 2, 3, 4, 5));
    EXPECT_THAT(kept({.include = {ball(2, 3, 1)}}).ids, ElementsAre(2, 3, 4)) << "the surface belongs to the sphere";
    EXPECT_THAT(kept({.include = {ball(2, 3, 1), ball(4, 4, 0.5)}}).ids, ElementsAre(4)) << "every one of them";
    EXPECT_THAT(kept({.exclude = {ball(2, 3, 1), ball(0, 0, 0.5)}}).ids, ElementsAre(1, 5)) << "any of them";
    EXPECT_THAT(kept({.ends_in = {ball(0, 3, 1)}}).ids, ElementsAre()) << "the far end lies elsewhere";
    EXPECT_THAT(kept({.ends_in = {ball(0, 3, 1), ball(3, 3, 1.5)}}).ids, ElementsAre(2, 3, 4));
    EXPECT_THAT(kept({.ends_in = {ball(3, 3, 1.5), ball(0, 3, 1)}}).ids, ElementsAre(2, 3, 4)) << "either way round";
}

TEST(Filter, AMaskIsTheNearestVoxel) {
    Grid grid;
    grid.size = {3, 3, 1};
    Mask mask(grid, 1);
    mask.at(grid.index(2, 2, 0)) = 1;
    const Region region(mask);
    EXPECT_TRUE(region.contains({1.5, 2.49, -0.4}));
    EXPECT_FALSE(region.contains({1.49, 2, 0}));
    EXPECT_FALSE(region.contains({2.5, 2, 0})) << "outside the image";
    EXPECT_FALSE(region.contains({std::nan(""), 2, 0}));
    EXPECT_THAT(kept({.include = {region}}).ids, ElementsAre(2));
}

TEST(Filter, AMaskCutsStreamlinesToPieces) {
    // Streamline 5 loses its vertices 2 and 4: a piece of two vertices, and two of one.
    Grid grid;
    grid.size = {6, 6, 1};
    Mask mask(grid, 1, 1);
    for (const int x : {2, 4}) mask.at(grid.index(x, 5, 0)) = 0;
    const auto result = kept({.mask = {Region(mask)}});
    EXPECT_THAT(result.ids, ElementsAre(1, 2, 3, 4, 5));
    EXPECT_THAT(result.vertices, ElementsAre(2, 3, 4, 5, 2));
    EXPECT_THAT(kept({.mask = {Region(mask)}, .min_length_mm = 2}).ids, ElementsAre(2, 3, 4));
}

TEST(Filter, LengthsIdsAndPlaces) {
    EXPECT_THAT(kept({.min_length_mm = 2, .max_length_mm = 4}).ids, ElementsAre(2, 3, 4));
    EXPECT_THAT(kept({.ids = std::vector<std::uint64_t>{0, 4, 5}}).ids, ElementsAre(0, 4, 5));
    EXPECT_THAT(kept({.min_length_mm = 1, .skip = 1, .first = 2}).ids, ElementsAre(2, 3));
    EXPECT_THAT(kept({.ids = std::vector<std::uint64_t>{}}).ids, ElementsAre());
    EXPECT_THAT(kept({.first = 0}).ids, ElementsAre());
}

TEST(Filter, RemembersWhereStreamlinesCameFrom) {
    Kept sink;
    Filter filter({.min_length_mm = 3}, sink);
    filter.remember_sources();
    const Tractogram t = ladder(5);
    filter.append(t.view());
    filter.append(t.view());
    EXPECT_THAT(filter.sources(), ElementsAre(3, 4, 8, 9));
    EXPECT_EQ(filter.seen(), 10);
    EXPECT_EQ(filter.passed(), 4);
}

TEST(Statistics, OfALadder) {
    Statistics s;
    s.append(ladder(6).view());
    EXPECT_EQ(s.streamlines, 6);
    EXPECT_EQ(s.vertices, 21);
    EXPECT_EQ(s.empty, 1);
    EXPECT_EQ(s.min_mm, 0);
    EXPECT_EQ(s.max_mm, 5);
    EXPECT_EQ(s.mean_mm(), 2.5);
    EXPECT_NEAR(s.median_mm(), 2, 0.01);
    EXPECT_EQ(s.min_step_mm, 1);
    EXPECT_EQ(s.mean_step_mm(), 1);
    EXPECT_THAT(s.low, ElementsAre(0, 0, 0));
    EXPECT_THAT(s.high, ElementsAre(5, 5, 0));
    EXPECT_EQ(Statistics().median_mm(), 0);
}
