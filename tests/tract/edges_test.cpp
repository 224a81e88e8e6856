// Which streamlines belong to which connection, and their mean course.
#include "arcuate/tract/edges.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

using namespace arcuate;
using namespace arcuate::tract;
using testing::ElementsAre;
using testing::IsEmpty;

namespace {

std::vector<Edge> chosen(std::vector<std::int32_t> labels, const EdgeChoice& choice) { return chosen_edges(labels, choice); }

}  // namespace

TEST(ChosenEdges, AreThoseOfConnectome2tck) {
    EXPECT_THAT(chosen({5, 2}, {}), ElementsAre(Edge{2, 5}));
    EXPECT_THAT(chosen({2, 2}, {}), IsEmpty());
    EXPECT_THAT(chosen({2, 2}, {.keep_self = true}), ElementsAre(Edge{2, 2}));
    EXPECT_THAT(chosen({0, 2}, {}), IsEmpty());
    EXPECT_THAT(chosen({0, 2}, {.keep_unassigned = true}), ElementsAre(Edge{0, 2}));
    EXPECT_THAT(chosen({2, 5}, {.nodes = {5}}), ElementsAre(Edge{2, 5}));
    EXPECT_THAT(chosen({2, 5}, {.nodes = {5}, .exclusive = true}), IsEmpty());
    EXPECT_THAT(chosen({2, 5}, {.nodes = {5, 2}, .exclusive = true}), ElementsAre(Edge{2, 5}));
    // "Get all streamlines that were not successfully assigned": -nodes 0 -keep_self.
    const EdgeChoice unassigned{.nodes = {0}, .keep_self = true};
    EXPECT_THAT(chosen({0, 0}, unassigned), ElementsAre(Edge{0, 0}));
    EXPECT_THAT(chosen({3, 0}, unassigned), ElementsAre(Edge{0, 3}));
    EXPECT_THAT(chosen({3, 4}, unassigned), IsEmpty());
}

TEST(ChosenEdges, OfManyRegionsAreAllPairs) {
    EXPECT_THAT(chosen({1, 4, 9}, {}), ElementsAre(Edge{1, 4}, Edge{1, 9}, Edge{4, 9}));
    EXPECT_THAT(chosen({1, 4, 9}, {.nodes = {4}, .keep_self = true}), ElementsAre(Edge{1, 4}, Edge{4, 4}, Edge{4, 9}));
    EXPECT_THAT(chosen({4}, {.keep_unassigned = true}), ElementsAre(Edge{0, 4}));
    EXPECT_THAT(chosen({}, {.keep_self = true, .keep_unassigned = true}), IsEmpty());
}

TEST(EdgeExemplars, AreMeansBetweenTheRegionsCentres) {
    Exemplars exemplars;
    const std::vector<float> there{0, 0, 0, 99, 0, 0}, back{99, 2, 0, 50, 2, 0, 0, 2, 0};
    exemplars.add(there, 1, 2, 3);
    exemplars.add(back, 2, 1, 1);
    exemplars.add(there, 4, 4);
    exemplars.add(there, 0, 4);
    const std::vector<Node> nodes{{1, "a", {-5, 0, 0}, 1}, {2, "b", {99, 0.5, 8}, 1}};
    const auto t = exemplars.tractogram(nodes);
    ASSERT_EQ(t.size(), 1);
    ASSERT_EQ(t.positions.size(), 300u);
    EXPECT_EQ(t.per_streamline[0].values, std::vector<double>{1});
    EXPECT_EQ(t.per_streamline[1].values, std::vector<double>{2});
    const auto at = [&](std::size_t i) { return std::array<float, 3>{t.positions[3 * i], t.positions[3 * i + 1], t.positions[3 * i + 2]}; };
    EXPECT_EQ(at(0), (std::array<float, 3>{-5, 0, 0}));
    EXPECT_EQ(at(99), (std::array<float, 3>{99, 0.5f, 8}));
    for (std::size_t i = 25; i < 75; ++i) {
        EXPECT_NEAR(at(i)[0], i, 1e-4);
        EXPECT_NEAR(at(i)[1], 0.5, 1e-6) << "three parts at y = 0, one at y = 2";
        EXPECT_NEAR(at(i)[2], 0, 1e-6);
    }
    EXPECT_NEAR(at(10)[0], 10 * 0.4 - 5 * 0.6, 1e-4);
}
