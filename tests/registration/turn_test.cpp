// Values that are directions, turned: a function's value at a direction must be found at the turned direction.
#include "arcuate/conventions.hpp"
#include "arcuate/core/error.hpp"
#include "arcuate/registration/turn.hpp"
#include "devices.hpp"
#include "reference/spherical_harmonics.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>

using namespace arcuate;
using namespace arcuate::registration;

namespace {

Affine turn(double w, double x, double y, double z) {
    const double n = std::sqrt(w * w + x * x + y * y + z * z);
    w /= n, x /= n, y /= n, z /= n;
    Affine out;
    out.linear = {{{1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)},
                   {2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)},
                   {2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)}}};
    return out;
}

const Affine turns[] = {turn(1, 0, 0, 0), turn(1, 0, 0, 1), turn(0, 1, 0, 0), turn(0.3, -0.5, 0.7, 0.2), turn(-0.9, 0.1, 0.02, -0.3), turn(0, 0.6, 0, 0.8)};

std::vector<double> multiplied(const std::vector<double>& matrices, int lmax, const std::vector<double>& c) {
    std::vector<double> out;
    std::size_t at = 0;
    for (int l = 0; l <= lmax; l += 2)
        for (int m = -l; m <= l; ++m) {
            double sum = 0;
            for (int n = -l; n <= l; ++n) sum += matrices[at++] * c[static_cast<std::size_t>(sh_index(l, n))];
            out.push_back(sum);
        }
    return out;
}

double value_at(const std::vector<double>& c, int lmax, const Vec3d& d) {
    const auto y = reference::spherical_harmonics(lmax, d[0], d[1], d[2]);
    double sum = 0;
    for (std::size_t i = 0; i < c.size(); ++i) sum += c[i] * y[i];
    return sum;
}

std::vector<Vec3d> directions(int n) {
    std::vector<Vec3d> out;
    for (int i = 0; i < n; ++i) {
        const double z = 1 - (2 * i + 1.0) / n, r = std::sqrt(1 - z * z), phi = 2.399963229728653 * i;
        out.push_back({r * std::cos(phi), r * std::sin(phi), z});
    }
    return out;
}

class Turn : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(Turn);

ScalarImage random_image(std::int64_t volumes, unsigned seed) {
    Grid grid;
    grid.size = {5, 4, 3};
    grid.voxel_to_world.linear = {{{2, 0, 0}, {0, 2, 0}, {0, 0, 3}}};
    grid.voxel_to_world.offset = {-4, 5, 6};
    ScalarImage out(grid, volumes);
    std::mt19937 random(seed);
    for (float& v : out.data) v = static_cast<float>(random() % 2001) / 1000.0f - 1.0f;
    return out;
}

}  // namespace

TEST(ShRotation, ByHand) {
    // A quarter turn about z takes x to y: cos 2 phi becomes -cos 2 phi, and of order 2, m = -1 and 1 change places.
    const auto d = sh_rotation(2, turn(1, 0, 0, 1));
    std::vector<double> c{0, 0, 0, 0, 1, 0};  // m = 1: -x z up to a factor
    EXPECT_NEAR(multiplied(d, 2, c)[sh_index(2, -1)], 1, 1e-15);  // -y z
    c = {0, 0, 0, 0, 0, 1};
    EXPECT_NEAR(multiplied(d, 2, c)[sh_index(2, 2)], -1, 1e-15);
    c = {1, 0, 0, 1, 0, 0};
    EXPECT_NEAR(multiplied(d, 2, c)[0], 1, 1e-15);
    EXPECT_NEAR(multiplied(d, 2, c)[sh_index(2, 0)], 1, 1e-15);
}

TEST(ShRotation, TurnsTheFunction) {
    for (const int lmax : {0, 2, 4, 8, 12, 16}) {
        std::vector<double> c(static_cast<std::size_t>(sh_count(lmax)));
        std::mt19937 random(static_cast<unsigned>(lmax));
        for (double& v : c) v = static_cast<double>(random()) / 4294967296.0 - 0.5;
        for (const auto& r : turns) {
            const auto turned = multiplied(sh_rotation(lmax, r), lmax, c);
            for (const auto& d : directions(50)) EXPECT_NEAR(value_at(turned, lmax, transform_direction(r, d)), value_at(c, lmax, d), 2e-12) << lmax;
        }
    }
}

TEST(ShRotation, IsOrthogonalAndTheIdentityForNone) {
    const auto none = sh_rotation(12, Affine{});
    std::size_t at = 0;
    for (int l = 0; l <= 12; l += 2)
        for (int m = -l; m <= l; ++m)
            for (int n = -l; n <= l; ++n) EXPECT_EQ(none[at++], m == n ? 1.0 : 0.0);
    const auto d = sh_rotation(12, turns[3]);
    std::size_t block = 0;
    for (int l = 0; l <= 12; l += 2) {
        const auto size = static_cast<std::size_t>(2 * l + 1);
        for (std::size_t i = 0; i < size; ++i)
            for (std::size_t j = 0; j < size; ++j) {
                double dot = 0;
                for (std::size_t k = 0; k < size; ++k) dot += d[block + i * size + k] * d[block + j * size + k];
                EXPECT_NEAR(dot, i == j, 1e-13);
            }
        block += size * size;
    }
}

TEST_P(Turn, FodsOfEveryVoxel) {
    const auto before = random_image(sh_count(12), 3);
    for (const auto& r : turns) {
        auto after = before;
        Affine motion = r;
        motion.offset = {1, 2, 3};
        move_image(after, Kind::fod, motion, device());
        for (std::int64_t v = 0; v < before.grid.voxels(); ++v) {
            std::vector<double> a, b;
            for (std::int64_t k = 0; k < before.volumes; ++k) a.push_back(static_cast<double>(before.at(v, k))), b.push_back(static_cast<double>(after.at(v, k)));
            for (const auto& d : directions(7)) EXPECT_NEAR(value_at(b, 12, transform_direction(r, d)), value_at(a, 12, d), 1e-5);
        }
        const Vec3d corner = transform_point(after.grid.voxel_to_world, {0, 0, 0}), expected = transform_point(motion, {-4, 5, 6});
        for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(corner[i], expected[i], 1e-12);
    }
}

TEST_P(Turn, TensorsKurtosisAndVectors) {
    const Affine r = turns[3];
    const auto tensor = random_image(6, 4), kurtosis = random_image(15, 5), vectors = random_image(9, 6);
    auto tensor_after = tensor, kurtosis_after = kurtosis, vectors_after = vectors;
    move_image(tensor_after, Kind::tensor, r, device());
    move_image(kurtosis_after, Kind::kurtosis, r, device());
    move_image(vectors_after, Kind::vectors, r, device());
    constexpr std::array<std::array<int, 3>, 6> powers2{{{2, 0, 0}, {0, 2, 0}, {0, 0, 2}, {1, 1, 0}, {1, 0, 1}, {0, 1, 1}}};
    constexpr std::array<std::array<int, 3>, 15> powers4{{{4, 0, 0}, {0, 4, 0}, {0, 0, 4}, {3, 1, 0}, {3, 0, 1}, {1, 3, 0}, {1, 0, 3}, {0, 3, 1}, {0, 1, 3}, {2, 2, 0}, {2, 0, 2}, {0, 2, 2}, {2, 1, 1}, {1, 2, 1}, {1, 1, 2}}};
    const auto factorial = [](int n) { return std::tgamma(n + 1.0); };
    // The tensor's form at a direction: every component as often as its indices can be ordered.
    const auto form = [&](const ScalarImage& image, std::int64_t v, const auto& powers, int order, const Vec3d& d) {
        double sum = 0;
        for (std::size_t k = 0; k < powers.size(); ++k) {
            double term = factorial(order) * static_cast<double>(image.at(v, static_cast<std::int64_t>(k)));
            for (std::size_t i = 0; i < 3; ++i) term *= std::pow(d[i], powers[k][i]) / factorial(powers[k][i]);
            sum += term;
        }
        return sum;
    };
    for (std::int64_t v = 0; v < tensor.grid.voxels(); ++v) {
        for (const auto& d : directions(9)) {
            EXPECT_NEAR(form(tensor_after, v, powers2, 2, transform_direction(r, d)), form(tensor, v, powers2, 2, d), 2e-6);
            EXPECT_NEAR(form(kurtosis_after, v, powers4, 4, transform_direction(r, d)), form(kurtosis, v, powers4, 4, d), 1e-5);
        }
        for (std::int64_t peak = 0; peak < 3; ++peak) {
            Vec3d d;
            for (std::size_t i = 0; i < 3; ++i) d[i] = static_cast<double>(vectors.at(v, 3 * peak + static_cast<std::int64_t>(i)));
            const Vec3d to = transform_direction(r, d);
            for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(static_cast<double>(vectors_after.at(v, 3 * peak + static_cast<std::int64_t>(i))), to[i], 1e-6);
        }
    }
}

TEST_P(Turn, ResamplesByHand) {
    // Half a voxel along x, after a shift by one voxel: means of neighbours; the voxel that is beyond the image is 0.
    ScalarImage image = random_image(2, 7);
    Grid grid = image.grid;
    grid.voxel_to_world.offset[0] += 1;  // half a voxel
    Affine motion;
    motion.offset = {0, 2, 0};
    const auto out = resampled(image, motion, grid, device());
    for (std::int64_t volume = 0; volume < 2; ++volume) {
        EXPECT_NEAR(out.at(grid.index(1, 2, 1), volume), (image.at(grid.index(1, 1, 1), volume) + image.at(grid.index(2, 1, 1), volume)) / 2, 1e-6);
        EXPECT_EQ(out.at(grid.index(1, 0, 1), volume), 0);
    }
    LabelImage labels(image.grid, 1);
    for (std::size_t v = 0; v < labels.data.size(); ++v) labels.data[v] = static_cast<std::int32_t>(20000000 + v);
    grid.voxel_to_world.offset[0] -= 0.2;
    const auto nearest = resampled(labels, motion, grid, device());
    EXPECT_EQ(nearest.at(grid.index(1, 2, 1)), labels.at(grid.index(1, 1, 1)));
    EXPECT_EQ(nearest.at(grid.index(1, 0, 1)), 0);
}

TEST(RequireRigid, RoundsAndRefuses) {
    Affine motion = turns[3];
    motion.offset = {1, 2, 3};
    Affine rounded = motion;
    for (auto& row : rounded.linear)
        for (double& value : row) value += 1e-5;
    const Vec3d centre{30, -20, 10};
    const Affine out = require_rigid(rounded, centre, "t.txt");
    EXPECT_NEAR(determinant(out), 1, 1e-12);
    const Vec3d a = transform_point(out, centre), b = transform_point(rounded, centre);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(a[i], b[i], 1e-12);
    Affine scaled = motion;
    for (double& value : scaled.linear[0]) value *= 1.05;
    EXPECT_THROW(require_rigid(scaled, centre, "t.txt"), InputError);
    Affine mirrored = motion;
    for (double& value : mirrored.linear[0]) value *= -1;
    EXPECT_THROW(require_rigid(mirrored, centre, "t.txt"), InputError);
}

TEST(MoveImage, RefusesWhatTheKindCannotBe) {
    const Device cpu = Device::open("cpu", 2);
    for (const auto& [kind, volumes] : {std::pair{Kind::fod, 7}, {Kind::tensor, 5}, {Kind::kurtosis, 6}, {Kind::vectors, 4}}) {
        auto image = random_image(volumes, 1);
        EXPECT_THROW(move_image(image, kind, turns[1], cpu), InputError);
    }
}
