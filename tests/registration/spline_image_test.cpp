// Splines through voxels: what they reproduce exactly, and smoothing.
#include "backend/to_kernel.hpp"
#include "grids.hpp"
#include "kernels/cubic_spline.hpp"
#include "registration/spline_image.hpp"

#include <gtest/gtest.h>

#include <cmath>

using namespace arcuate;
using namespace arcuate::registration;

namespace {

const Device cpu = Device::open("cpu", 2);

kernels::SplineView view_of(const std::vector<float>& coefficients, const Grid& grid) {
    kernels::SplineView view{};
    view.coefficients = coefficients.data();
    view.nx = static_cast<std::int32_t>(grid.size[0]);
    view.ny = static_cast<std::int32_t>(grid.size[1]);
    view.nz = static_cast<std::int32_t>(grid.size[2]);
    view.to_voxel = to_kernel_double(inverse(grid.voxel_to_world));
    return view;
}

kernels::DVec3 to_kernel_point(const Vec3d& p) { return {p[0], p[1], p[2]}; }

}  // namespace

TEST(SplineImage, PassesThroughEveryVoxel) {
    ScalarImage image(test::oblique_grid({7, 5, 6}), 1);
    for (std::size_t v = 0; v < image.data.size(); ++v) image.data[v] = static_cast<float>(v * 7919 % 101);
    const auto coefficients = spline_coefficients(image, cpu);
    const auto view = view_of(coefficients, image.grid);
    for (std::int64_t z = 0; z < 6; ++z)
        for (std::int64_t y = 0; y < 5; ++y)
            for (std::int64_t x = 0; x < 7; ++x) {
                kernels::SplineView::Place place{};
                kernels::Vec3 gradient{};
                ASSERT_TRUE(view.locate(to_kernel_point(transform_point(image.grid.voxel_to_world, {double(x), double(y), double(z)})), place));
                EXPECT_NEAR(view.sample(place, gradient), image.at(image.grid.index(x, y, z)), 2e-4);
            }
}

TEST(SplineImage, ReproducesCubicsAndTheirGradients) {
    // Far enough from the border for its mirror image to be forgotten: |pole|^12 is 1e-7.
    const Grid grid = test::oblique_grid({30, 30, 30});
    ScalarImage image(grid, 1);
    const auto f = [](double x, double y, double z) { return 0.01 * x * x * x - 0.02 * y * y * x + 0.5 * z * y + 3; };
    const double o = 15;
    for (std::int64_t v = 0; v < grid.voxels(); ++v) image.at(v) = static_cast<float>(f(double(v % 30) - o, double(v / 30 % 30) - o, double(v / 900) - o));
    const auto coefficients = spline_coefficients(image, cpu);
    const auto view = view_of(coefficients, grid);
    const double x = 14.3, y = 15.8, z = 15.1, u = x - o, v = y - o, w = z - o;
    kernels::SplineView::Place place{};
    kernels::Vec3 gradient{};
    ASSERT_TRUE(view.locate(to_kernel_point(transform_point(grid.voxel_to_world, {x, y, z})), place));
    EXPECT_NEAR(view.sample(place, gradient), f(u, v, w), 1e-4);
    // Voxel axes are at right angles here: the gradient is the sum over axes of slope times axis / size^2.
    const double slope[3] = {0.03 * u * u - 0.02 * v * v, -0.04 * v * u + 0.5 * w, 0.5 * v};
    Vec3d expected{};
    for (std::size_t a = 0; a < 3; ++a)
        for (std::size_t r = 0; r < 3; ++r) {
            const double size = voxel_sizes(grid.voxel_to_world)[a];
            expected[r] += slope[a] * grid.voxel_to_world.linear[r][a] / (size * size);
        }
    EXPECT_NEAR(gradient.x, expected[0], 1e-4);
    EXPECT_NEAR(gradient.y, expected[1], 1e-4);
    EXPECT_NEAR(gradient.z, expected[2], 1e-4);
    EXPECT_FALSE(view.locate(to_kernel_point(transform_point(grid.voxel_to_world, {-0.6, 3, 3})), place));
}

TEST(SplineImage, ShortAxesAreNoTrouble) {
    for (const std::int64_t n : {1, 2, 3}) {
        ScalarImage image(test::oblique_grid({n, 4, 1}), 1);
        for (std::size_t v = 0; v < image.data.size(); ++v) image.data[v] = static_cast<float>(v % 5);
        const auto coefficients = spline_coefficients(smoothed(image, 3, cpu), cpu);
        for (const float c : coefficients) EXPECT_TRUE(std::isfinite(c));
        const auto exact = spline_coefficients(image, cpu);
        kernels::SplineView::Place place{};
        kernels::Vec3 gradient{};
        const auto view = view_of(exact, image.grid);
        ASSERT_TRUE(view.locate(to_kernel_point(transform_point(image.grid.voxel_to_world, {0, 2, 0})), place));
        EXPECT_NEAR(view.sample(place, gradient), image.at(image.grid.index(0, 2, 0)), 1e-5) << n;
    }
}

TEST(SplineImage, SmoothingHasItsWidthAndKeepsTheSum) {
    Grid grid;
    grid.size = {41, 41, 41};
    grid.voxel_to_world.linear = {{{2, 0, 0}, {0, 2, 0}, {0, 0, 2}}};
    ScalarImage image(grid, 1);
    image.at(grid.index(20, 20, 20)) = 1000;
    image.at(0) = std::nanf("");
    const auto out = smoothed(image, 10, cpu);
    double sum = 0;
    for (const float v : out.data) sum += static_cast<double>(v);
    EXPECT_NEAR(sum, 1000, 1e-2);
    // Half of the maximum lies 5 mm away: 2.5 voxels, between values at 2 and 3; a Gaussian there is 0.642 and 0.368 of its top.
    const double top = static_cast<double>(out.at(grid.index(20, 20, 20)));
    EXPECT_NEAR(static_cast<double>(out.at(grid.index(22, 20, 20))) / top, std::exp2(-0.64), 1e-4);
    EXPECT_NEAR(static_cast<double>(out.at(grid.index(20, 17, 20))) / top, std::exp2(-1.44), 1e-4);
}

TEST(SplineImage, DilationReachesItsWidth) {
    Mask mask(test::oblique_grid({9, 9, 9}), 1, 0);  // 2 x 3 x 4 mm
    mask.at(mask.grid.index(4, 4, 0)) = 1;
    const Mask out = dilated(mask, 4);
    EXPECT_TRUE(out.at(mask.grid.index(2, 4, 0)));
    EXPECT_FALSE(out.at(mask.grid.index(1, 4, 0)));
    EXPECT_TRUE(out.at(mask.grid.index(6, 5, 1)));
    EXPECT_FALSE(out.at(mask.grid.index(4, 6, 0)));
    EXPECT_FALSE(out.at(mask.grid.index(4, 4, 2)));
}
