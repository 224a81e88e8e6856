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

// 384 axes that repel each other alone are 7.0 degrees apart at least; the mirror keeps some a little nearer to their image.
TEST(RepelledPairs, KeepTheirDistanceWithTheirImages) {
    EXPECT_GT(least_angle(arcuate::repelled_directions(384)), 6.9);
    auto d = arcuate::repelled_pairs(192);
    ASSERT_EQ(d.size(), 192u);
    for (std::size_t i = 0; i < 192; ++i) {
        EXPECT_NEAR(d[i][0] * d[i][0] + d[i][1] * d[i][1] + d[i][2] * d[i][2], 1, 1e-14);
        EXPECT_GT(d[i][2], 0);
        d.push_back({d[i][0], d[i][1], -d[i][2]});
    }
    EXPECT_GT(least_angle(d), 6.0);
    // As even as the sphere itself: means of functions of order 2 and 4.
    double zz = 0, zzzz = 0, xxzz = 0;
    for (const auto& v : d) zz += v[2] * v[2], zzzz += v[2] * v[2] * v[2] * v[2], xxzz += v[0] * v[0] * v[2] * v[2];
    EXPECT_NEAR(zz / 384, 1.0 / 3, 5e-4);
    EXPECT_NEAR(zzzz / 384, 1.0 / 5, 5e-4);
    EXPECT_NEAR(xxzz / 384, 1.0 / 15, 5e-4);
}

// FODs and streamlines depend on every bit of these. The digests are those of g++ and clang++ without optimisation; g++ 12 once fused the spiral's rotation.
TEST(RepelledDirections, HaveTheSameBitsFromEveryCompiler) {
    const auto digest = [](const std::vector<arcuate::Vec3d>& directions) {
        std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, a double at a time
        for (const auto& v : directions)
            for (const double c : v) hash = (hash ^ std::bit_cast<std::uint64_t>(c)) * 0x100000001b3;
        return hash;
    };
    EXPECT_EQ(digest(arcuate::repelled_directions(6)), 0x349bda93408bdc2e);
    EXPECT_EQ(digest(arcuate::repelled_directions(300)), 0x84c06383871c3d35);
    EXPECT_EQ(digest(arcuate::repelled_pairs(192)), 0xcab5660f39fbf154);
}

TEST(GeodesicNet, IsANetOfTriangles) {
    for (const auto& [halvings, size] : {std::pair<int, std::size_t>{0, 6}, {1, 21}, {4, 1281}}) {
        const arcuate::DirectionNet net = arcuate::geodesic_net(halvings);
        ASSERT_EQ(net.directions.size(), size);
        ASSERT_EQ(net.neighbours.size(), 6 * size);
        std::size_t edges = 0;
        double nearest = 10, farthest = 0;
        for (std::size_t i = 0; i < size; ++i) {
            const auto& a = net.directions[i];
            EXPECT_NEAR(a[0] * a[0] + a[1] * a[1] + a[2] * a[2], 1, 1e-14);
            EXPECT_GE(a[2], 0);
            for (std::size_t k = 0; k < 6; ++k) {
                const auto j = static_cast<std::size_t>(net.neighbours[6 * i + k]);
                if (j == i) continue;
                ++edges;
                const auto& b = net.directions[j];
                const double degrees = std::acos(std::fabs(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])) * 57.29577951308232;
                nearest = std::min(nearest, degrees);
                farthest = std::max(farthest, degrees);
                EXPECT_NE(std::find(net.neighbours.begin() + static_cast<std::ptrdiff_t>(6 * j), net.neighbours.begin() + static_cast<std::ptrdiff_t>(6 * j + 6),
                                    static_cast<std::int16_t>(i)),
                          net.neighbours.begin() + static_cast<std::ptrdiff_t>(6 * j + 6))
                    << "an edge has two ends";
            }
        }
        EXPECT_EQ(edges, 6 * size - 6) << "six directions have five edges, the others six";
        if (halvings == 4) {
            EXPECT_GT(nearest, 3.4);
            EXPECT_LT(farthest, 4.8);  // icosahedron edges of 63.435 degrees halved four times: 3.96 on average, longest near its faces' centres
        }
    }
}

}  // namespace
