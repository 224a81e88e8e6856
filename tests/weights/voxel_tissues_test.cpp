// Shares of tissues in voxels: on the same grid, by hand on another, and against counting points in double.
#include "arcuate/weights/voxel_tissues.hpp"

#include "arcuate/core/error.hpp"
#include "devices.hpp"
#include "kernels/philox.hpp"

#include <cmath>

namespace arcuate::weights {
namespace {

class VoxelTissuesOf : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(VoxelTissuesOf);

Grid grid_of(std::int64_t nx, std::int64_t ny, std::int64_t nz, double voxel, Vec3d offset) {
    return {{nx, ny, nz}, {{{{voxel, 0, 0}, {0, voxel, 0}, {0, 0, voxel}}}, offset}};
}

TEST_P(VoxelTissuesOf, AreTheFractionsOnTheSameGrid) {
    ScalarImage image(grid_of(2, 1, 1, 2, {0, 0, 0}), 5);
    const float fractions[2][5] = {{0.25f, 0.5f, 0.25f, 0, 0}, {0, 0, 0.5f, 0.5f, 0}};
    for (int v = 0; v < 2; ++v)
        for (int t = 0; t < 5; ++t) image.at(v, t) = fractions[v][t];
    const auto out = voxel_tissues(image, image.grid, device());
    EXPECT_EQ(out.weight, (std::vector<float>{0.0625f, 0.25f}));
    EXPECT_EQ(out.fibre_density, (std::vector<float>{0.5f, 1}));
}

TEST_P(VoxelTissuesOf, AreCountedOnAnother) {
    // Along x: white matter at 0, cortex at 1, nothing at 2 mm. The tissues change half way, at 0.5 mm; beyond 1.5 mm there is none.
    ScalarImage image(grid_of(3, 1, 1, 1, {0, 0, 0}), 5);
    image.at(0, 2) = image.at(1, 0) = 1;
    // Voxels of 2 mm by 0.2 mm by 0.2 mm around x = 0.1 and 2.1: the first reaches from -0.9, of which the image begins at -0.5, to 1.1.
    Grid grid{{2, 1, 1}, {{{{2, 0, 0}, {0, 0.2, 0}, {0, 0, 0.2}}}, {0.1, 0, 0}}};
    const auto out = voxel_tissues(image, grid, device());
    // Points at -0.8, -0.6, ... 1.0: the first two are outside, five up to 0.4 in white matter, three in cortex.
    EXPECT_FLOAT_EQ(out.weight[0], 0.625f * 0.625f);
    EXPECT_FLOAT_EQ(out.fibre_density[0], 1 - 0.375f);
    EXPECT_EQ(out.weight[1], 0) << "points at 1.2 and 1.4 are cortex, the others nothing";
    EXPECT_FLOAT_EQ(out.fibre_density[1], 0);
}

TEST_P(VoxelTissuesOf, AgreeWithCountingInDouble) {
    const Affine turned{{{{0.8, -0.5, 0.1}, {0.5, 0.8, 0.2}, {-0.2, -0.1, 0.9}}}, {-4, -6, -2}};
    ScalarImage image(Grid{{14, 15, 13}, turned}, 5);
    for (std::int64_t v = 0; v < image.grid.voxels(); ++v) {
        float f[5], sum = 0;
        for (int t = 0; t < 5; ++t) {
            const float u = kernels::uniform(kernels::Philox{3, static_cast<std::uint64_t>(v), kernels::Purpose::seed, static_cast<std::uint32_t>(t)}(0).v[0]);
            sum += f[t] = u * u * u;
        }
        for (int t = 0; t < 5; ++t) image.at(v, t) = f[t] / sum;
    }
    const Grid grid = grid_of(3, 3, 2, 2.3, {-2, 0, 1});
    const auto out = voxel_tissues(image, grid, device());
    const Affine inside = inverse(turned);
    for (std::int64_t v = 0; v < grid.voxels(); ++v) {
        int valid = 0, count[5] = {};
        for (int p = 0; p < 1000; ++p) {
            const auto place = [](int i) { return (i + 0.5) / 10 - 0.5; };
            const Vec3d at = transform_point(inside, transform_point(grid.voxel_to_world, {double(v % 3) + place(p % 10), double(v / 3 % 3) + place(p / 10 % 10), double(v / 9) + place(p / 100)}));
            bool outside = false;
            double sum[5] = {}, total = 0;
            for (int k = 0; k < 8; ++k) {
                double weight = 1;
                std::int64_t index[3];
                for (std::size_t a = 0; a < 3; ++a) {
                    const double low = std::floor(at[a]), part = at[a] - low;
                    const int up = k >> a & 1;
                    weight *= up ? part : 1 - part;
                    index[a] = std::clamp<std::int64_t>(static_cast<std::int64_t>(low) + up, 0, image.grid.size[a] - 1);
                    outside |= at[a] <= -0.5 || at[a] >= double(image.grid.size[a]) - 0.5;
                }
                for (int t = 0; t < 5; ++t) sum[t] += weight * double(image.at(index[0] + 14 * (index[1] + 15 * index[2]), t));
            }
            for (const double s : sum) total += s;
            if (outside || total < 0.5) continue;
            ++valid;
            ++count[std::max_element(sum, sum + 5) - sum];
        }
        ASSERT_GT(valid, 500);
        // Single precision may put a few of 1000 points on the other side of a border.
        EXPECT_NEAR(std::sqrt(out.weight[static_cast<std::size_t>(v)]), double(count[2]) / valid, 0.003);
        EXPECT_NEAR(out.fibre_density[static_cast<std::size_t>(v)], 1 - (count[0] + 0.5 * count[1]) / valid, 0.003);
    }
}

TEST(VoxelTissuesInput, IsATissueImageThatOverlaps) {
    const auto device = Device::open("cpu", 1);
    const Grid grid = grid_of(2, 2, 2, 2, {0, 0, 0});
    EXPECT_THROW(voxel_tissues(ScalarImage(grid, 4), grid, device), InputError);
    ScalarImage image(grid, 5);
    EXPECT_THROW(voxel_tissues(image, grid, device), InputError) << "no white matter";
    for (std::int64_t v = 0; v < 8; ++v) image.at(v, 2) = 1;
    EXPECT_NO_THROW(voxel_tissues(image, grid, device));
    EXPECT_THROW(voxel_tissues(image, grid_of(2, 2, 2, 2, {90, 0, 0}), device), InputError) << "elsewhere";
    image.at(3, 1) = 7;
    EXPECT_THROW(voxel_tissues(image, grid, device), InputError) << "no fraction";
}

}  // namespace
}  // namespace arcuate::weights
