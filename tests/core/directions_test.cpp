#include "arcuate/core/directions.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace {

/// Degrees between the two nearest axes.
double least_angle(const std::vector<arcuate::Vec3d>& d) {
    double nearest = 0;
    for (std::size_t i = 0; i < d.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            nearest = std::max(nearest, std::abs(d[i][0] * d[j][0] + d[i][1] * d[j][1] + d[i][2] * d[j][2]));
    return std::acos(nearest) * 180 / std::numbers::pi;
}

TEST(RepelledDirections, AreUnitVectorsOfTheUpperHalf) {
    for (const int n : {1, 6, 60, 300}) {
        const auto d = arcuate::repelled_directions(n);
        ASSERT_EQ(d.size(), static_cast<std::size_t>(n));
        for (const auto& v : d) {
            EXPECT_NEAR(v[0] * v[0] + v[1] * v[1] + v[2] * v[2], 1, 1e-14);
            EXPECT_GE(v[2], 0);
        }
    }
}

TEST(RepelledDirections, KeepTheirDistance) {
    // 6 axes: the icosahedron's, 63.4 degrees apart. 60 axes are 120 points on the sphere, at most 20.0 degrees apart, 300 at most 9.0
    // (Fejes Toth's bound); repulsion comes close, chance to about 2 and 0.4.
    EXPECT_NEAR(least_angle(arcuate::repelled_directions(6)), 63.43, 0.5);
    EXPECT_GT(least_angle(arcuate::repelled_directions(60)), 17.0);
    EXPECT_GT(least_angle(arcuate::repelled_directions(300)), 7.5);
}

// FODs depend on every bit of these. The digests are those of g++ and clang++ without optimisation; g++ 12 once fused the spiral's rotation.
TEST(RepelledDirections, HaveTheSameBitsFromEveryCompiler) {
    const auto digest = [](int n) {
        std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, a double at a time
        for (const auto& v : arcuate::repelled_directions(n))
            for (const double c : v) hash = (hash ^ std::bit_cast<std::uint64_t>(c)) * 0x100000001b3;
        return hash;
    };
    EXPECT_EQ(digest(6), 0x349bda93408bdc2e);
    EXPECT_EQ(digest(300), 0x84c06383871c3d35);
}

}  // namespace
