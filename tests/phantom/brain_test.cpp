// The phantom brain: its anatomy by hand, its images against their definitions, and streamlines on it.
#include "arcuate/conventions.hpp"
#include "arcuate/core/error.hpp"
#include "arcuate/phantom/brain.hpp"
#include "arcuate/tracking/track.hpp"
#include "kernels/sh_basis.hpp"
#include "phantom/brain_geometry.hpp"
#include "phantom/placement.hpp"
#include "phantom/vec3d.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace arcuate::phantom {
namespace {

constexpr double pi = 3.14159265358979323846;
constexpr std::int64_t cortex = 0, deep = 1, white = 2, fluid = 3;

/// In voxels of 4 mm, made once.
const Brain& brain() {
    static const Brain made = make_brain({.voxel_size = 4}, Device::open("cpu", 2));
    return made;
}
std::int64_t voxel_at(const Vec3d& box_point) {
    const auto index = transform_point(inverse(brain().mask.grid.voxel_to_world), transform_point(box_to_world(), box_point));
    return brain().mask.grid.index(std::lround(index[0]), std::lround(index[1]), std::lround(index[2]));
}
double amplitude(std::int64_t voxel, const Vec3d& direction) {
    double basis[sh_count(brain_lmax)], sum = 0;
    kernels::sh_basis<brain_lmax, double>(direction[0], direction[1], direction[2], basis);
    for (int c = 0; c < sh_count(brain_lmax); ++c) sum += basis[c] * brain().fod.at(voxel, c);
    return sum;
}
double amplitude_in_box(std::int64_t voxel, const Vec3d& direction) { return amplitude(voxel, transform_direction(box_to_world(), unit(direction))); }
/// Amplitude of a single population along itself, and 90 degrees from it: (1 - 14 c^2 + 21 c^4)^2, scaled to integral 1.
constexpr double along_lobe = 64 / (4 * pi * 64 / 15), across_lobe = along_lobe / 64;

TEST(ConicTube, DirectionIsThatOfItsFibres) {
    const ConicTube fan{{1, 2, 3}, {0, 0, 1}, {1, 0, 0}, {0, 1, 0}, 10, 60, 5, 7, 1.0 / 400, -1.0 / 10000};
    EXPECT_EQ(fan.locate({1, 2, 3}).across, 0);
    EXPECT_EQ(fan.locate({1, 2, 3}).along, 10);
    EXPECT_NEAR(fan.locate({6, 2, 3}).across, 1, 1e-12);            // at its waist
    EXPECT_NEAR(fan.locate({1 + 5 * std::sqrt(2.0), 2, 23}).across, 1, 1e-12);  // 20 mm on, k s^2 = 1
    for (const double along : {0.0, 25.0, 60.0}) {
        const Vec3d p = fan.point(along, 0.6, -0.3);
        const auto position = fan.locate(p);
        EXPECT_NEAR(position.along, along, 1e-12);
        EXPECT_NEAR(position.across, std::sqrt(0.45), 1e-12);
        const Vec3d tangent = unit(from_to(fan.point(along - 1e-4, 0.6, -0.3), fan.point(along + 1e-4, 0.6, -0.3)));
        EXPECT_NEAR(dot(tangent, position.direction), 1, 1e-8);
    }
    EXPECT_GT(fan.locate({1, 2, 3 + 100.1}).across, 1);  // beyond the pole of its second axis
}

TEST(Ellipsoid, DepthIsExactOnASphere) {
    const Ellipsoid ball{{1, 2, 3}, {5, 5, 5}};
    const auto inside = ball.depth({1, 2, 6}), outside = ball.depth({10, 2, 3});
    EXPECT_NEAR(inside.mm, 2, 1e-12);
    EXPECT_NEAR(outside.mm, -4, 1e-12);
    EXPECT_NEAR(inside.outward[2], 1, 1e-12);
    EXPECT_NEAR(outside.outward[0], 1, 1e-12);
}

TEST(BrainAnatomy, TissuesAreWhereTheyShouldBe) {
    const auto anatomy = brain_anatomy();
    const auto tissue = [&](double x, double y, double z) { return anatomy.at({x, y, z}).tissue; };
    EXPECT_EQ(tissue(0, 0, 63), Tissue::outside);
    EXPECT_EQ(tissue(0, 0, 61), Tissue::fluid);
    EXPECT_EQ(tissue(0, 0, 40), Tissue::fluid);    // the fissure
    EXPECT_EQ(tissue(2, 0, 40), Tissue::cortex);   // its wall
    EXPECT_EQ(tissue(0, -5, 14), Tissue::white);   // the callosum below it
    EXPECT_EQ(tissue(9, -5, 4), Tissue::fluid);    // a ventricle below that
    EXPECT_EQ(tissue(0, -12, -63), Tissue::white);  // the stem, to the image's end
    const auto thalamus = anatomy.at({-12, -15, -10});
    EXPECT_EQ(thalamus.tissue, Tissue::deep_grey);
    EXPECT_EQ(anatomy.nuclei[static_cast<std::size_t>(thalamus.nucleus)].name, "thalamus_left");
}

TEST(BrainAnatomy, CortexIsTwoAndAHalfToThreeMillimetresThick) {
    // Along its own normal from points of white matter just below it, on both sides of sulci and on gyri.
    const auto anatomy = brain_anatomy();
    std::vector<double> thickness;
    for (double x = -68; x <= 68; x += 2.3)
        for (double y = -80; y <= 80; y += 2.3)
            for (double z = -20; z <= 58; z += 2.3) {
                const auto here = anatomy.at({x, y, z});
                if (here.tissue != Tissue::cortex || std::abs(here.below_grey + 1.5) > 0.1) continue;  // half way
                const auto reach = [&](double sign) {
                    double mm = 0;
                    while (mm < 10 && anatomy.at(add({x, y, z}, sign * mm, here.outward)).tissue == Tissue::cortex) mm += 0.05;
                    return mm;
                };
                thickness.push_back(reach(1) + reach(-1));
            }
    ASSERT_GT(thickness.size(), 200u);
    std::sort(thickness.begin(), thickness.end());
    const auto part = [&](double p) { return thickness[static_cast<std::size_t>(p * static_cast<double>(thickness.size()))]; };
    EXPECT_GT(part(0.02), 2.2);
    EXPECT_GT(part(0.5), 2.4);
    EXPECT_LT(part(0.5), 3.1);
    EXPECT_LT(part(0.8), 5);  // in the corners between sulci it is thicker
}

TEST(BrainAnatomy, ThreePopulationsCrossBesideTheVentriclesRoof) {
    const auto anatomy = brain_anatomy();
    const Vec3d p{24, -8, 22};
    const auto fibres = anatomy.fibres(anatomy.at(p), p);
    ASSERT_EQ(fibres.n, 3);
    EXPECT_GT(std::abs(fibres.directions[0][0]), 0.8);  // callosal
    EXPECT_GT(std::abs(fibres.directions[1][2]), 0.8);  // corticospinal
    EXPECT_GT(std::abs(fibres.directions[2][1]), 0.8);  // front to back
}

TEST(Brain, TissuesAddUpAndTheFodIsTheWhiteMattersShare) {
    const auto& b = brain();
    std::int64_t inside = 0;
    for (std::int64_t voxel = 0; voxel < b.mask.grid.voxels(); ++voxel) {
        double sum = 0;
        for (std::int64_t t = 0; t < 5; ++t) sum += b.tissues.at(voxel, t);
        const double integral = b.fod.at(voxel) * std::sqrt(4 * pi);
        ASSERT_NEAR(sum, b.mask.at(voxel) ? 1 : 0, 1e-6);
        const double grey = b.tissues.at(voxel, cortex) + b.tissues.at(voxel, deep);
        ASSERT_NEAR(integral, b.tissues.at(voxel, white) + grey_fod * grey, 1e-5);
        ASSERT_EQ(b.white.at(voxel), b.tissues.at(voxel, white) >= 0.5f);
        ASSERT_EQ(b.border.at(voxel), b.tissues.at(voxel, white) > 0 && grey > 0);
        if (!b.mask.at(voxel)) continue;
        ++inside;
        if (inside % 50 == 0) {
            for (const auto& d : {Vec3d{1, 0, 0}, Vec3d{0, 0.6, 0.8}, Vec3d{0.48, -0.6, 0.64}}) ASSERT_GT(amplitude(voxel, d), -1e-5);
        }
    }
    // Volumes of a human brain's order [ml]: ellipsoid 4/3 pi 7 8.5 6 = 1495.
    const auto ml = [&](std::int64_t t) {
        double sum = 0;
        for (std::int64_t voxel = 0; voxel < b.mask.grid.voxels(); ++voxel) sum += b.tissues.at(voxel, t);
        return sum * 0.064;
    };
    EXPECT_NEAR(static_cast<double>(inside) * 0.064, 1600, 60);
    EXPECT_NEAR(ml(cortex), 500, 50);
    EXPECT_NEAR(ml(white), 860, 60);
    EXPECT_NEAR(ml(deep), 2 * 4.0 / 3 * pi * (0.8 * 1.4 * 0.7 + 0.6 * 1.5 * 0.9), 1);
    EXPECT_GT(ml(fluid), 100);
    EXPECT_EQ(ml(4), 0);
}

TEST(Brain, FodPointsAlongTheFibresInTheScannersFrame) {
    // The middle of the callosum runs from left to right, and nothing else is there.
    const auto callosum = voxel_at({0, -5, 12});
    EXPECT_NEAR(amplitude_in_box(callosum, {1, 0, 0}), along_lobe, 0.05);
    EXPECT_NEAR(amplitude_in_box(callosum, {0, 1, 0}), across_lobe, 0.05);
    EXPECT_NEAR(amplitude_in_box(callosum, {0, 0, 1}), across_lobe, 0.05);
    // In the stem fibres of both sides go up, 13 degrees outwards.
    const auto stem = voxel_at({-6, -12, -50});
    EXPECT_GT(amplitude_in_box(stem, {-28, 0, 122}), 0.8);
    EXPECT_LT(amplitude_in_box(stem, {1, 0, 0}), 0.1);
}

TEST(Brain, HasEightyFourNamedNodes) {
    const auto& nodes = brain().parcellation.nodes;
    ASSERT_EQ(nodes.size(), 84u);
    EXPECT_EQ(nodes[0].name, "cortex_left_01");
    EXPECT_EQ(nodes[83].name, "putamen_right");
    const auto to_box = inverse(box_to_world());
    for (const auto& node : nodes) {
        EXPECT_GT(node.voxels, 10) << node.name;
        const double x = transform_point(to_box, node.centre)[0];
        EXPECT_TRUE(node.name.find("left") != std::string::npos ? x < 0 : x > 0) << node.name;
    }
}

TEST(Brain, IsTheSameBytesForAnyNumberOfThreads) {
    const auto one = make_brain({.voxel_size = 4}, Device::open("cpu", 1));
    EXPECT_EQ(one.fod.data, brain().fod.data);
    EXPECT_EQ(one.tissues.data, brain().tissues.data);
    EXPECT_EQ(one.parcellation.labels.data, brain().parcellation.labels.data);
}

TEST(Brain, RefusesVoxelsThatShowNoCortex) {
    EXPECT_THROW(make_brain({.voxel_size = 6}, Device::open("cpu", 1)), InputError);
    EXPECT_THROW(make_brain({.voxel_size = 0}, Device::open("cpu", 1)), InputError);
}

/// Keeps streamlines.
struct Kept : StreamlineSink {
    Tractogram all;
    void append(const TractogramView& more) override {
        for (std::int64_t n = 0; n < more.size(); ++n) all.append(more.streamline(n));
    }
};

TEST(Brain, AnatomicallyConstrainedStreamlinesEndInGreyMatterOrBelow) {
    const auto& b = brain();
    Kept kept;
    const auto summary = tracking::track({.field = b.fod, .seeds = {tracking::seeds_in(b.white)}, .anatomy = tracking::Anatomy{b.tissues, true, true}},
                                         {.seed = 1, .seeds = 2000}, Device::open("cpu", 2), kept);
    EXPECT_GT(summary.accepted, 1000);
    EXPECT_GT(summary.mean_length_mm(), 30);
    EXPECT_LT(summary.mean_length_mm(), 120);
    const auto& stop = summary.stop;
    const auto of = [&](tracking::Stop s) { return stop[static_cast<std::size_t>(s)]; };
    EXPECT_GT(of(tracking::Stop::enter_cgm), summary.accepted);
    EXPECT_GT(of(tracking::Stop::exit_sgm) + of(tracking::Stop::term_in_sgm), 50);
    EXPECT_GT(of(tracking::Stop::exit_image), 20);  // down the stem
    // Some pass from one hemisphere to the other.
    const auto to_box = inverse(box_to_world());
    int crossing = 0;
    for (std::int64_t n = 0; n < kept.all.size(); ++n) {
        const auto line = kept.all.view().streamline(n);
        const auto x = [&](std::size_t first) { return transform_point(to_box, {line[first], line[first + 1], line[first + 2]})[0]; };
        crossing += x(0) * x(line.size() - 3) < 0;
    }
    EXPECT_GT(crossing, 50);
}

}  // namespace
}  // namespace arcuate::phantom
