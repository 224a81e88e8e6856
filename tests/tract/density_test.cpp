// What streamlines do to voxels, by hand and against a naive oracle.
#include "arcuate/tract/density.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>

using namespace arcuate;
using namespace arcuate::tract;
using testing::ElementsAre;

namespace {

Grid plane(std::int64_t nx, std::int64_t ny) {
    Grid grid;
    grid.size = {nx, ny, 1};
    return grid;
}

Tractogram of(std::initializer_list<std::vector<float>> lines) {
    Tractogram t;
    for (const auto& line : lines) t.append(line);
    return t;
}

Grid oblique(std::int64_t n) {
    const double c = 0.8660254037844387, s = 0.5;
    Grid grid;
    grid.size = {n, n + 3, n - 2};
    grid.voxel_to_world.linear = {{{0, -3 * s, 4 * c}, {0, 3 * c, 4 * s}, {2, 0, 0}}};
    grid.voxel_to_world.offset = {-10.5, 20.25, -30.125};
    return grid;
}

}  // namespace

TEST(Density, CountsEachStreamlineOncePerVoxel) {
    // Along the first row and back; and diagonally through both rows, cutting the corner of voxel (1, 0).
    DensityMap map(plane(3, 2), Contrast::count);
    map.append(of({{0, 0, 0, 2, 0, 0, 0, 0.25f, 0}, {0.4f, 0, 0, 1.1f, 1, 0}}).view());
    EXPECT_THAT(map.counts().data, ElementsAre(2, 2, 1, 0, 1, 0));
}

TEST(Density, WhatLiesOutsideDoesNotCount) {
    DensityMap map(plane(3, 1), Contrast::count);
    map.append(of({{-1e30f, 0, 0, 1e30f, 0, 0}, {0, 5, 0, 2, 5, 0}, {}, {1, 0, 0}}).view());
    EXPECT_THAT(map.counts().data, ElementsAre(0, 1, 0)) << "one vertex is in its voxel; a segment of 2e30 mm is lost in rounding, but ends";
    DensityMap short_way(plane(3, 1), Contrast::count);
    short_way.append(of({{-5, 0, 0, 0.2f, 0, 0}}).view());
    EXPECT_THAT(short_way.counts().data, ElementsAre(1, 0, 0));
}

TEST(Density, ColoursAreUnitVectorsPerStreamline) {
    DensityMap map(plane(2, 1), Contrast::colour);
    map.append(of({{0, 0, 0, -0.3f, 0.4f, 0}, {0, 0, 0, 0.25f, 0, 0, 0, 0, 0}}).view());  // 3 : 4, and back and forth along x
    const auto colours = map.colours().data;
    EXPECT_NEAR(colours[0], 1.6, 1e-6);
    EXPECT_NEAR(colours[2], 0.8, 1e-6);
    EXPECT_EQ(colours[4], 0);
    EXPECT_EQ(colours[1], 0);
}

TEST(Density, MeansOfDataAndOfAMap) {
    Tractogram t = of({{0, 0, 0, 1, 0, 0}, {0, 0, 0, 0, 0.25f, 0}, {1, 0, 0, 1, 0.1f, 0}});
    t.per_streamline.resize(1);
    t.per_streamline[0].name = "weight";
    t.per_streamline[0].values = {1, 4, std::nan("")};
    DensityMap weights(plane(3, 1), std::string("weight"));
    weights.append(t.view());
    EXPECT_EQ(weights.means().data[0], 2.5f);
    EXPECT_EQ(weights.means().data[1], 1.0f);
    EXPECT_TRUE(std::isnan(weights.means().data[2]));

    ScalarImage ramp(plane(3, 1), 1);
    ramp.data = {0, 10, 20};
    DensityMap map(plane(3, 1), ramp);
    map.append(t.view());
    EXPECT_EQ(map.means().data[0], 2.5f) << "5 along the first streamline, 0 along the second";
    EXPECT_EQ(map.means().data[1], 7.5f) << "5 and 10";
    DensityMap none(plane(3, 1), std::string("other"));
    EXPECT_THROW(none.append(t.view()), std::exception);
}

TEST(Density, AgreesWithCloseSampling) {
    const Grid grid = oblique(12);
    const Affine back = inverse(grid.voxel_to_world);
    std::mt19937 random(5);
    const auto uniform = [&] { return static_cast<double>(random()) / 4294967296.0; };
    Tractogram t;
    for (int s = 0; s < 50; ++s) {
        std::vector<float> line;
        for (int v = 0; v < 5; ++v)
            for (const double x : transform_point(grid.voxel_to_world, {16 * uniform() - 2, 16 * uniform() - 1, 12 * uniform() - 1})) line.push_back(static_cast<float>(x));
        t.append(line);
    }
    DensityMap map(grid, Contrast::count);
    map.append(t.view());
    // The oracle walks in steps of 1/2000 of a segment, about 0.01 voxels: all that it finds must be there, and what it misses are cut corners.
    std::vector<int> oracle(map.counts().data.size(), 0);
    for (std::int64_t s = 0; s < t.size(); ++s) {
        std::set<std::int64_t> seen;
        const auto p = t.view().streamline(s);
        for (std::size_t v = 0; v + 1 < p.size() / 3; ++v)
            for (int k = 0; k < 2000; ++k) {
                Vec3d x;
                for (std::size_t i = 0; i < 3; ++i) {
                    const double a = static_cast<double>(p[3 * v + i]), b = static_cast<double>(p[3 * v + 3 + i]);
                    x[i] = a + (k + 0.5) / 2000 * (b - a);
                }
                const Vec3d at = transform_point(back, x);
                const auto i = std::llround(std::floor(at[0] + 0.5)), j = std::llround(std::floor(at[1] + 0.5)), l = std::llround(std::floor(at[2] + 0.5));
                if (grid.contains(i, j, l)) seen.insert(grid.index(i, j, l));
            }
        for (const auto voxel : seen) ++oracle[static_cast<std::size_t>(voxel)];
    }
    std::int64_t total = 0, more = 0;
    for (std::size_t v = 0; v < oracle.size(); ++v) {
        EXPECT_GE(map.counts().data[v], oracle[v]);
        total += oracle[v];
        more += map.counts().data[v] - oracle[v];
    }
    EXPECT_GT(total, 1000);
    EXPECT_LT(more, total / 200);
}

TEST(Density, BatchesDoNotMatter) {
    Tractogram t;
    std::mt19937 random(9);
    for (int s = 0; s < 40; ++s) {
        std::vector<float> line;
        for (int v = 0; v < 9; ++v) line.push_back(static_cast<float>(random() % 1000) / 100.0f);
        t.append(line);
    }
    DensityMap whole(plane(10, 10), Contrast::colour), parts(plane(10, 10), Contrast::colour);
    whole.append(t.view());
    for (std::int64_t s = 0; s < t.size(); ++s) {
        Tractogram one;
        one.append(t.view().streamline(s));
        parts.append(one.view());
    }
    EXPECT_EQ(whole.colours().data, parts.colours().data);
}
