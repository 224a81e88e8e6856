// Bundles, directions and gradients of the phantom, by hand.
#include "arcuate/core/error.hpp"
#include "arcuate/phantom/phantom.hpp"
#include "phantom/geometry.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace arcuate::phantom {
namespace {

double dot(const Vec3d& a, const Vec3d& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

const Tube& tube(const std::vector<Tube>& all, const std::string& name) {
    return *std::find_if(all.begin(), all.end(), [&](const Tube& t) { return t.name == name; });
}

TEST(PhantomGeometry, ArcOverTheTopRunsLeftToRightAndDownAtItsEnds) {
    const auto all = anatomy();
    const Tube& arc = tube(all, "arc");  // centre (0, 45, -20), radius 36, half a circle: its top is at z = 16
    EXPECT_NEAR(arc.length(), 36 * 3.14159265, 1e-4);
    const auto top = arc.locate({0, 45, 16});
    EXPECT_NEAR(top.along, arc.length() / 2, 1e-3);
    EXPECT_NEAR(top.across, 0, 1e-9);
    EXPECT_NEAR(top.direction[0], 1, 1e-9);
    const auto left = arc.locate({-36, 45, -20});
    EXPECT_NEAR(left.along, 0, 1e-3);
    EXPECT_NEAR(left.direction[2], 1, 1e-9);  // upwards
    EXPECT_NEAR(arc.locate({0, 52, 16}).across, 1, 1e-9);  // 7 mm off the centre line: on the surface
}

TEST(PhantomGeometry, FanOpensUpwards) {
    const auto all = anatomy();
    const auto& fan = tube(all, "fan");
    // Semi-axis 8 mm at the stem and 25 mm at the crown over 52.3 mm: the outermost fibre leans by atan(17 / 52.3) = 18 degrees off the axis.
    const Vec3d edge = fan.point(fan.length() / 2, 1, 0);
    const auto at = fan.locate(edge);
    EXPECT_NEAR(at.across, 1, 1e-9);
    EXPECT_NEAR(at.along, fan.length() / 2, 1e-9);
    const double cosine = dot(at.direction, fan.locate(fan.point(fan.length() / 2, 0, 0)).direction);
    EXPECT_NEAR(std::acos(cosine) * 180 / 3.14159265358979, 18.0, 0.1);
}

TEST(PhantomGeometry, PointAndLocateAreInverse) {
    for (const auto& t : anatomy())
        for (const double along : {0.1, 0.5, 0.9})
            for (const double u : {-0.6, 0.0, 0.6}) {
                const auto p = t.locate(t.point(along * t.length(), u, 0.3));
                EXPECT_NEAR(p.along, along * t.length(), 1e-3) << t.name;
                EXPECT_NEAR(p.across, std::sqrt(u * u + 0.09), 1e-4) << t.name;
            }
}

TEST(PhantomGeometry, TubesMeetOnlyWhereTheyCrossOrKiss) {
    const auto all = anatomy();
    std::set<std::string> meetings;
    const auto within = [](const TubePosition& p, const Tube& t) { return p.across < 0.999 && p.along >= 0 && p.along <= t.length(); };
    for (double x = -48; x <= 48; x += 1)
        for (double y = -54; y <= 54; y += 1)
            for (double z = -30; z <= 30; z += 1) {
                std::string here;
                int n = 0;
                for (const auto& t : all)
                    if (within(t.locate({x, y, z}), t)) {
                        here += t.name + " ";
                        ++n;
                    }
                if (n > 1) meetings.insert(here);
            }
    EXPECT_EQ(meetings, std::set<std::string>{"crossing_a crossing_b "});
}

TEST(PhantomGeometry, TensorHasTheWantedFaAndMd) {
    for (const double fa : {0.0, 0.3, 0.5, 0.58, 0.9}) {
        const auto t = tensor_with(fa, 0.7e-3);
        const double md = (t.axial + 2 * t.radial) / 3;
        EXPECT_NEAR(md, 0.7e-3, 1e-12);
        // FA from its definition.
        const double spread = (t.axial - md) * (t.axial - md) + 2 * (t.radial - md) * (t.radial - md);
        EXPECT_NEAR(std::sqrt(1.5 * spread / (t.axial * t.axial + 2 * t.radial * t.radial)), fa, 1e-12);
    }
}

TEST(PhantomGeometry, VoxelInTheMiddleOfABundleHasItsTangentInTheScannersFrame) {
    PhantomOptions o;
    o.snr = 0;
    const auto p = make_phantom(o, Device::open("cpu", 2));
    EXPECT_LT(determinant(p.mask.grid.voxel_to_world), 0);
    const auto inverse_affine = inverse(p.mask.grid.voxel_to_world);
    int checked = 0;
    for (std::size_t b = 0; b < p.bundles.size(); ++b) {
        if (p.bundles[b].name.starts_with("crossing")) continue;  // their middles hold both
        // The first true fibre lies 0.05 radii off the centre line; its tangent at the middle, in the scanner's frame.
        const auto line = p.bundles[b].fibres.view().streamline(0);
        const std::size_t middle = line.size() / 3 / 2;
        Vec3d point, tangent;
        for (std::size_t a = 0; a < 3; ++a) {
            point[a] = line[3 * middle + a];
            tangent[a] = line[3 * middle + 3 + a] - line[3 * middle - 3 + a];
        }
        const double length = std::sqrt(dot(tangent, tangent));
        const Vec3d index = transform_point(inverse_affine, point);
        const auto voxel = p.mask.grid.index(std::lround(index[0]), std::lround(index[1]), std::lround(index[2]));
        EXPECT_EQ(p.fractions.at(voxel, static_cast<std::int64_t>(b)), 1.0f) << p.bundles[b].name;
        EXPECT_FLOAT_EQ(p.sessions[0].fa_truth.at(voxel), static_cast<float>(p.bundles[b].fa));
        const Vec3d d{p.directions.at(voxel, 0), p.directions.at(voxel, 1), p.directions.at(voxel, 2)};
        // Half a voxel along an arc of radius 36 mm turns the tangent by 1.6 degrees.
        EXPECT_GT(std::abs(dot(d, tangent)) / length, std::cos(2.5 * 3.14159265 / 180)) << p.bundles[b].name;
        ++checked;
    }
    EXPECT_EQ(checked, 4);
}

TEST(PhantomGeometry, EveryNodeIsNamedAndLiesAtItsBundlesEnd) {
    const auto p = make_phantom({}, Device::open("cpu", 2));
    ASSERT_EQ(p.parcellation.nodes.size(), 12u);
    for (const auto& b : p.bundles) {
        const auto first = b.fibres.view().streamline(0);
        for (const bool start : {true, false}) {
            const auto& node = p.parcellation.nodes[static_cast<std::size_t>((start ? b.from : b.to) - 1)];
            EXPECT_TRUE(node.name.starts_with(b.name)) << node.name;
            double square = 0;
            for (std::size_t a = 0; a < 3; ++a) {
                const double d = node.centre[a] - first[start ? a : first.size() - 3 + a];
                square += d * d;
            }
            EXPECT_LT(std::sqrt(square), 4.5) << node.name;  // a node is 6 mm deep: its centre lies 3 mm inside
        }
    }
}

TEST(PhantomGeometry, VentriclesHoldFluidAndNoFibre) {
    const PhantomOptions o{.sessions = 1, .snr = 0, .voxel_size = 3, .directions = 12, .b_values = {700, 2000}, .ventricles = true};
    const auto p = make_phantom(o, Device::open("cpu", 2));
    EXPECT_EQ(p.gradients.size(), 2 * (12 + 2));
    double volume = 0;
    std::int64_t pure = 0;
    for (std::int64_t voxel = 0; voxel < p.mask.grid.voxels(); ++voxel) {
        EXPECT_EQ(p.mask.at(voxel), 1);
        volume += 27.0 * p.fluid.at(voxel);
        if (!(p.fluid.at(voxel) > 0)) continue;
        double fibres = 0;
        for (std::int64_t b = 0; b < p.fractions.volumes; ++b) fibres += p.fractions.at(voxel, b);
        EXPECT_LE(fibres + p.fluid.at(voxel), 1);
        if (p.fluid.at(voxel) < 1) continue;
        ++pure;
        const auto& dwi = p.sessions[0].dwi;
        for (std::int64_t v = 0; v < dwi.volumes; ++v)
            EXPECT_NEAR(dwi.at(voxel, v), dwi.at(voxel, 0) * std::exp(-p.gradients.b_values[static_cast<std::size_t>(v)] * fluid_diffusivity), 1e-5 * dwi.at(voxel, 0));
    }
    EXPECT_NEAR(volume, 2 * 4.0 / 3 * 3.14159265 * 1000, 100);  // two balls of 10 mm, cut into cubes of 0.75 mm
    EXPECT_GT(pure, 100);
    // All else is as without them.
    auto plain = o;
    plain.ventricles = false;
    const auto q = make_phantom(plain, Device::open("cpu", 2));
    EXPECT_EQ(q.fractions.data, p.fractions.data);
    for (std::int64_t voxel = 0; voxel < p.mask.grid.voxels(); ++voxel) {
        if (p.fluid.at(voxel) > 0) continue;
        EXPECT_EQ(q.sessions[0].dwi.at(voxel, 20), p.sessions[0].dwi.at(voxel, 20));
    }
}

TEST(PhantomGeometry, RefusesWhatMakesNoPhantom) {
    const Device cpu = Device::open("cpu", 1);
    EXPECT_THROW(make_phantom({.sessions = 0}, cpu), InputError);
    EXPECT_THROW(make_phantom({.snr = -1}, cpu), InputError);
    EXPECT_THROW(make_phantom({.voxel_size = 0}, cpu), InputError);
    EXPECT_THROW(make_phantom({.directions = 5}, cpu), InputError);
    EXPECT_THROW(make_phantom({.b_values = {0}}, cpu), InputError);
    EXPECT_THROW(make_phantom({.fa_change = 0.5}, cpu), InputError);
}

}  // namespace
}  // namespace arcuate::phantom
