// Planted faults in gradient tables: each of the 23 wrong orientations is found and repaired, on grids of either handedness; the turned tensors are those
// that a fit would give; and the tables of a measured brain are right as they are.
#include "arcuate/dwi/gradient_check.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/io/gradients.hpp"
#include "arcuate/io/nifti.hpp"
#include "devices.hpp"
#include "simulate.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <set>

namespace arcuate::dwi {
namespace {

using test::axial_signal;
using test::shell_table;
using test::unit;

/// Axes turned by 30 and 20 degrees, voxels of 2 x 2.2 x 2.5 mm; `hand` is the sign of the determinant.
Grid oblique(double hand, std::array<std::int64_t, 3> size = {22, 22, 22}) {
    const double c = std::cos(0.5236), s = std::sin(0.5236), d = std::cos(0.349), e = std::sin(0.349);
    return {size, {{{{2 * c * hand, -2.2 * s * d, 2.5 * s * e}, {2 * s * hand, 2.2 * c * d, -2.5 * c * e}, {0, 2.2 * e, 2.5 * d}}}, {-20, 3, 5}}};
}

/// Four thin bundles through the centre of the image, water around them.
ScalarImage bundles(const Grid& grid, const GradientTable& t) {
    ScalarImage image(grid, t.size());
    const Vec3d centre = transform_point(grid.voxel_to_world, {10.5, 10.5, 10.5});
    // Along every image axis, which permutations change, and along the diagonal, which flips do.
    const Affine rotation = orthonormalized(grid.voxel_to_world);
    std::vector<Vec3d> fibres;
    for (const auto& d : {Vec3d{1, 0, 0}, Vec3d{0, 1, 0}, Vec3d{0, 0, 1}, unit(1, 1, 1)}) fibres.push_back(transform_direction(rotation, d));
    for (std::int64_t v = 0; v < grid.voxels(); ++v) {
        const auto& n = grid.size;
        const Vec3d p = transform_point(grid.voxel_to_world, {double(v % n[0]), double(v / n[0] % n[1]), double(v / (n[0] * n[1]))});
        const Vec3d* fibre = nullptr;
        for (const auto& f : fibres) {
            double along = 0, square = 0;
            for (std::size_t i = 0; i < 3; ++i) along += (p[i] - centre[i]) * f[i];
            for (std::size_t i = 0; i < 3; ++i) square += (p[i] - centre[i] - along * f[i]) * (p[i] - centre[i] - along * f[i]);
            if (square < 7) fibre = &f;
        }
        for (std::int64_t k = 0; k < t.size(); ++k) {
            const auto i = static_cast<std::size_t>(k);
            image.at(v, k) = static_cast<float>(fibre ? axial_signal(1000, t.b_values[i], t.directions[i], *fibre, 1.7e-3, 0.3e-3) : 1000 * std::exp(-t.b_values[i] * 1e-3));
        }
    }
    return image;
}

double cosine(const Vec3d& a, const Vec3d& b) { return std::fabs(a[0] * b[0] + a[1] * b[1] + a[2] * b[2]); }
Vec3d v1_at(const TensorMaps& maps, std::int64_t v) { return {double(maps.v1.at(v, 0)), double(maps.v1.at(v, 1)), double(maps.v1.at(v, 2))}; }

TEST(GradientOrientations, AreTwentyFour) {
    const auto all = gradient_orientations();
    std::set<std::string> texts;
    for (const auto& o : all) texts.insert(o.text());
    EXPECT_EQ(all.size(), 24u);
    EXPECT_EQ(texts.size(), 24u);
    EXPECT_TRUE(all.front().as_given());
    EXPECT_EQ(all.front().text(), "x y z");
    for (std::size_t i = 1; i < all.size(); ++i) EXPECT_FALSE(all[i].as_given());
}

// World x is -x in the file where the determinant is positive: rows "y -x z" turn the file's (-1, 0, 0) into (0, 1, 0), world y. Where it is negative, the
// image axis x points to world -x: the file's (-1, 0, 0) again.
TEST(GradientOrientations, AreRelativeToTheRowsOfTheFile) {
    const GradientTable t{{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0.6, 0.8}}, {0, 1000, 1000, 1000}};
    for (const double hand : {1.0, -1.0}) {
        const Grid grid{{4, 4, 4}, {{{{2 * hand, 0, 0}, {0, 3, 0}, {0, 0, 4}}}, {}}};
        const auto turned = reoriented(t, {{1, 0, 2}, {1, -1, 1}}, grid);
        EXPECT_EQ(turned.b_values, t.b_values);
        const Vec3d expected[] = {{0, 0, 0}, {0, 1, 0}, {-1, 0, 0}, {-0.6, 0, 0.8}};
        for (std::size_t v = 0; v < 4; ++v)
            for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(turned.directions[v][i], expected[v][i], 1e-15) << hand;
    }
}

class GradientChecking : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(GradientChecking);

// The check rests on this: a table turned by A gives tensors turned by A, to rounding, however they are weighted.
TEST_P(GradientChecking, TurnedTensorsAreFittedTensors) {
    const auto t = shell_table(2, 24, 1200);
    ScalarImage image = test::noisy_crossings(t, {5, 5, 5}, 40);
    image.grid = oblique(1, {5, 5, 5});
    for (const auto fit : {TensorFit::ols, TensorFit::wls, TensorFit::iwls}) {
        const auto given = fit_tensor(image, t, full_mask(image.grid), {.fit = fit}, device());
        for (const auto& o : gradient_orientations()) {
            const auto fitted = fit_tensor(image, reoriented(t, o, image.grid), full_mask(image.grid), {.fit = fit}, device());
            for (std::int64_t v = 0; v < image.grid.voxels(); ++v) {
                EXPECT_NEAR(fitted.fa.at(v), given.fa.at(v), 1e-6);
                const GradientTable direction{{v1_at(given, v)}, {1000}};
                if (given.ad.at(v) - given.md.at(v) > 1e-4f) {
                    EXPECT_GT(cosine(reoriented(direction, o, image.grid).directions[0], v1_at(fitted, v)), 1 - 1e-5) << o.text();
                }
            }
        }
    }
}

TEST_P(GradientChecking, FindsAndRepairsEveryPlantedFault) {
    const auto right = shell_table(1, 30, 1000);
    for (const double hand : {1.0, -1.0}) {
        const auto image = bundles(oblique(hand), right);
        for (const auto& fault : gradient_orientations()) {
            const auto wrong = reoriented(right, fault, image.grid);
            const auto maps = fit_tensor(image, wrong, full_mask(image.grid), {.fit = TensorFit::ols}, device());
            const auto check = check_gradients(maps);
            ASSERT_EQ(check.scores.size(), 24u);
            EXPECT_EQ(check.given_is_best(), fault.as_given()) << fault.text();
            const auto repaired = reoriented(wrong, check.best().orientation, image.grid);
            for (std::size_t v = 1; v < right.directions.size(); ++v) EXPECT_GT(cosine(repaired.directions[v], right.directions[v]), 1 - 1e-12) << fault.text();
        }
    }
}

TEST(GradientCheck, CountsLinksByHand) {
    // A row of five voxels along x; the middle one points elsewhere, and the last has a low FA. Links along x: 0-1 alone.
    TensorMaps maps{.tensor = {}, .s0 = {}, .fa = ScalarImage({{5, 1, 1}, {}}, 1, 0.8f), .md = {}, .ad = {}, .rd = {}, .v1 = ScalarImage({{5, 1, 1}, {}}, 3)};
    for (std::int64_t v = 0; v < 5; ++v) maps.v1.at(v, v == 2 ? 1 : 0) = 1;
    maps.fa.at(4) = 0.1f;
    const auto check = check_gradients(maps);
    EXPECT_EQ(check.voxels, 4);
    EXPECT_EQ(check.given, 0.25);
    EXPECT_TRUE(check.given_is_best()) << "flips of axes fit as well here; as given comes first";
    EXPECT_FALSE(check.likely_wrong());
    for (const auto& score : check.scores) EXPECT_EQ(score.links, score.orientation.axes[0] == 0 ? 1 : 0) << score.orientation.text();
}

// A row along x whose fibres point along y.
TEST(GradientCheck, FewVoxelsGiveNoWarningAndNoneAnError) {
    const auto row = [](std::int64_t n) {
        TensorMaps out{.tensor = {}, .s0 = {}, .fa = ScalarImage({{n, 1, 1}, {}}, 1, 0.8f), .md = {}, .ad = {}, .rd = {}, .v1 = ScalarImage({{n, 1, 1}, {}}, 3)};
        for (std::int64_t v = 0; v < n; ++v) out.v1.at(v, 1) = 1;
        return out;
    };
    auto maps = row(1999);
    EXPECT_FALSE(check_gradients(maps).given_is_best());
    EXPECT_FALSE(check_gradients(maps).likely_wrong());
    EXPECT_FALSE(orientation_warning(maps, "d.nii"));
    EXPECT_TRUE(check_gradients(row(2000)).likely_wrong());
    EXPECT_THAT(orientation_warning(row(2000), "d.nii").value_or(""), testing::HasSubstr("the gradient table of d.nii is probably wrong"));
    std::fill(maps.fa.data.begin(), maps.fa.data.end(), 1.2f);
    std::string said;
    try {
        check_gradients(maps);
    } catch (const InputError& error) {
        said = error.what();
    }
    EXPECT_THAT(said, testing::HasSubstr("no voxel has an FA between 0.3 and 1"));
    EXPECT_FALSE(orientation_warning(maps, "d.nii"));
}

TEST(GradientCheck, MeasuredBrains) {
    const char* root = std::getenv("ARCUATE_TEST_DATA");
    if (!root) GTEST_SKIP() << "ARCUATE_TEST_DATA is not set";
    for (const std::string session : {"ses-01", "ses-02"}) {
        const std::string stem = std::string(root) + "/human_rescan/sub-01/" + session + "/dwi/sub-01_" + session + "_dwi";
        const auto image = io::read_image(stem + ".nii.gz");
        const auto right = io::read_fsl_gradients(stem + ".bval", stem + ".bvec", image.grid, image.volumes);
        const auto mask = io::read_mask(std::string(root) + "/human_rescan/derivatives/masks/sub-01/" + session + "/dwi/sub-01_" + session + "_desc-brain_mask.nii.gz");
        for (const auto& fault : gradient_orientations()) {
            const auto wrong = reoriented(right, fault, image.grid);
            const auto check = check_gradients(fit_tensor(image, wrong, mask, {.fit = TensorFit::ols}, Device::open("cpu", 2)));
            EXPECT_EQ(check.likely_wrong(), !fault.as_given()) << session << " " << fault.text() << ": " << check.best().index / check.given;
            const auto repaired = reoriented(wrong, check.best().orientation, image.grid);
            for (std::size_t v = 0; v < right.directions.size(); ++v)
                if (right.b_values[v] > b_zero_threshold) {
                    EXPECT_GT(cosine(repaired.directions[v], right.directions[v]), 1 - 1e-12) << session << " " << fault.text();
                }
        }
    }
}

}  // namespace
}  // namespace arcuate::dwi
