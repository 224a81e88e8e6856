#include "arcuate/core/gradient_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace arcuate;
using testing::ElementsAre;

namespace {

std::vector<Shell> shells_of(std::vector<double> b_values) {
    GradientTable table;
    table.directions.resize(b_values.size());
    table.b_values = std::move(b_values);
    return find_shells(table);
}

}  // namespace

TEST(Shells, AscendWithTheirVolumes) {
    const auto shells = shells_of({2005, 0, 1000, 1995, 5, 1000});
    ASSERT_EQ(shells.size(), 3u);
    EXPECT_DOUBLE_EQ(shells[0].b_value, 2.5);
    EXPECT_THAT(shells[0].volumes, ElementsAre(1, 4));
    EXPECT_DOUBLE_EQ(shells[1].b_value, 1000);
    EXPECT_THAT(shells[1].volumes, ElementsAre(2, 5));
    EXPECT_DOUBLE_EQ(shells[2].b_value, 2000);
    EXPECT_THAT(shells[2].volumes, ElementsAre(0, 3));
}

TEST(Shells, GapsOfLessThan80AreOneShell) {
    EXPECT_EQ(shells_of({1000, 1079}).size(), 1u);
    EXPECT_EQ(shells_of({1000, 1080}).size(), 2u);
    EXPECT_EQ(shells_of({1000, 1060, 1120, 1180}).size(), 1u) << "a chain of neighbours";
}

TEST(Shells, BZeroStandsApart) {
    const auto shells = shells_of({10, 11, 0});
    ASSERT_EQ(shells.size(), 2u);
    EXPECT_THAT(shells[0].volumes, ElementsAre(0, 2));
    EXPECT_THAT(shells[1].volumes, ElementsAre(1));
    EXPECT_TRUE(shells_of({}).empty());
}
