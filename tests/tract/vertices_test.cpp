// New vertices for old streamlines.
#include "arcuate/tract/vertices.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

using namespace arcuate;
using namespace arcuate::tract;
using testing::ElementsAre;

namespace {

/// A corner: 3 mm along x, then 4 mm along y.
const std::vector<float> corner{0, 0, 0, 3, 0, 0, 3, 4, 0};

Tractogram rewritten(const std::vector<float>& vertices, const std::vector<Place>& places) {
    Tractogram in, out;
    in.append(vertices);
    announce(in.view(), out);
    append_at(in.view(), 0, places, out);
    return out;
}

/// Steps of 1 mm in slowly changing directions.
std::vector<float> wandering(unsigned seed, int n) {
    std::mt19937 random(seed);
    const auto uniform = [&] { return 2 * static_cast<double>(random()) / 4294967295.0 - 1; };
    double p[3] = {}, d[3] = {1, 0, 0};
    std::vector<float> out;
    for (int v = 0; v < n; ++v) {
        double length = 0;
        for (double& x : d) {
            x += 0.3 * uniform();
            length += x * x;
        }
        for (int i = 0; i < 3; ++i) {
            out.push_back(static_cast<float>(p[i]));
            d[i] /= std::sqrt(length);
            p[i] += d[i];
        }
    }
    return out;
}

double distance_to(const std::vector<float>& line, const double (&p)[3]) {
    double best = 1e300;
    for (std::size_t v = 0; 3 * (v + 1) < line.size(); ++v) {
        double ab[3], ap[3], dot = 0, squared = 0, d = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            ab[i] = static_cast<double>(line[3 * v + 3 + i]) - static_cast<double>(line[3 * v + i]);
            ap[i] = p[i] - static_cast<double>(line[3 * v + i]);
            dot += ab[i] * ap[i];
            squared += ab[i] * ab[i];
        }
        const double t = squared > 0 ? std::clamp(dot / squared, 0.0, 1.0) : 0;
        for (std::size_t i = 0; i < 3; ++i) d += (ap[i] - t * ab[i]) * (ap[i] - t * ab[i]);
        best = std::min(best, d);
    }
    return std::sqrt(best);
}

/// The largest distance of any of 20 places per segment of `a` from the line `b`.
double farthest(const std::vector<float>& a, const std::vector<float>& b) {
    double worst = 0;
    for (std::size_t v = 0; 3 * (v + 1) < a.size(); ++v)
        for (int k = 0; k <= 20; ++k) {
            double p[3];
            for (std::size_t i = 0; i < 3; ++i)
                p[i] = static_cast<double>(a[3 * v + i]) + k / 20.0 * (static_cast<double>(a[3 * v + 3 + i]) - static_cast<double>(a[3 * v + i]));
            worst = std::max(worst, distance_to(b, p));
        }
    return worst;
}

}  // namespace

TEST(Vertices, StepsKeepTheLastVertex) {
    EXPECT_EQ(length_mm(corner), 7);
    EXPECT_THAT(rewritten(corner, places_by_step(corner, 2)).positions, ElementsAre(0, 0, 0, 2, 0, 0, 3, 1, 0, 3, 3, 0, 3, 4, 0));
    EXPECT_THAT(rewritten(corner, places_by_step(corner, 3.5)).positions, ElementsAre(0, 0, 0, 3, 0.5f, 0, 3, 4, 0)) << "no vertex twice";
    EXPECT_THAT(rewritten(corner, places_by_step(corner, 100)).positions, ElementsAre(0, 0, 0, 3, 4, 0));
}

TEST(Vertices, EqualDistances) {
    EXPECT_THAT(rewritten(corner, places_by_count(corner, 3)).positions, ElementsAre(0, 0, 0, 3, 0.5f, 0, 3, 4, 0));
    EXPECT_THAT(rewritten(corner, places_by_count(corner, 8)).positions,
                ElementsAre(0, 0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0, 3, 1, 0, 3, 2, 0, 3, 3, 0, 3, 4, 0));
}

TEST(Vertices, NothingAndNoLength) {
    const std::vector<float> none, one{1, 2, 3}, twice{1, 2, 3, 1, 2, 3};
    EXPECT_EQ(places_by_step(none, 1).size(), 0u);
    EXPECT_EQ(places_by_count(none, 5).size(), 0u);
    EXPECT_EQ(compressed(none, 1).size(), 0u);
    EXPECT_EQ(every_nth(none, 2).size(), 0u);
    EXPECT_EQ(compressed(one, 1).size(), 1u);
    EXPECT_THAT(rewritten(one, places_by_step(one, 1)).positions, ElementsAre(1, 2, 3));
    EXPECT_THAT(rewritten(one, places_by_count(one, 2)).positions, ElementsAre(1, 2, 3, 1, 2, 3));
    EXPECT_EQ(places_by_step(twice, 1).size(), 2u);
    EXPECT_EQ(compressed(twice, 1).size(), 2u);
}

TEST(Vertices, EveryNthKeepsBothEnds) {
    const auto line = wandering(1, 11);
    const auto kept = [&](std::int64_t n) {
        std::vector<std::size_t> out;
        for (const auto& place : every_nth(line, n)) out.push_back(place.vertex);
        return out;
    };
    EXPECT_THAT(kept(4), ElementsAre(0, 4, 8, 10));
    EXPECT_THAT(kept(5), ElementsAre(0, 5, 10));
    EXPECT_THAT(kept(100), ElementsAre(0, 10));
}

TEST(Vertices, CompressionStaysWithinItsTolerance) {
    for (const double tolerance : {0.01, 0.1, 1.0})
        for (unsigned seed = 0; seed < 20; ++seed) {
            const auto line = wandering(seed, 200);
            const auto small = rewritten(line, compressed(line, tolerance)).positions;
            EXPECT_LE(farthest(line, small), tolerance * (1 + 1e-9));
            EXPECT_LE(farthest(small, line), tolerance * (1 + 1e-9));
            if (tolerance == 1.0) {
                EXPECT_LT(small.size(), line.size() / 4);
            }
            EXPECT_TRUE(std::equal(small.begin(), small.begin() + 3, line.begin()) && std::equal(small.end() - 3, small.end(), line.end() - 3)) << "both ends stay";
        }
}

TEST(Vertices, DataGoAlong) {
    Tractogram in, out;
    in.per_streamline.resize(1);
    in.per_streamline[0].name = "weight";
    in.per_streamline[0].values = {7, 8};
    in.per_vertex.resize(1);
    in.per_vertex[0].name = "pair";
    in.per_vertex[0].columns = 2;
    in.append(corner);
    in.append(corner);
    for (int v = 0; v < 6; ++v) in.per_vertex[0].values.insert(in.per_vertex[0].values.end(), {static_cast<double>(v), 10.0 * v});
    announce(in.view(), out);
    append_at(in.view(), 1, places_by_count(corner, 3), out);
    append_part(in.view(), 0, 1, 3, out);
    EXPECT_THAT(out.per_streamline[0].values, ElementsAre(8, 7));
    EXPECT_THAT(out.per_vertex[0].values, ElementsAre(3, 30, 4.125, 41.25, 5, 50, 1, 10, 2, 20)) << "an eighth of the way from the corner to the end";
    EXPECT_EQ(out.per_vertex[0].name, "pair");
}
