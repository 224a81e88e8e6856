// A made-up brain, known in closed form everywhere, seen by scanners that stand elsewhere: registration must find where.
#include "arcuate/core/error.hpp"
#include "arcuate/registration/rigid.hpp"
#include "devices.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

using namespace arcuate;
using namespace arcuate::registration;

namespace {

struct Blob {
    Vec3d centre;
    double width, height;
};

/// An ellipsoid of 1 with a soft edge, and blobs in it.
class Head {
  public:
    explicit Head(unsigned seed) {
        std::mt19937 random(seed);
        const auto uniform = [&] { return static_cast<double>(random()) / 4294967296.0; };
        for (int i = 0; i < 24; ++i) blobs_.push_back({{100 * uniform() - 50, 120 * uniform() - 60, 90 * uniform() - 45}, 6 + 8 * uniform(), 2 * uniform() - 1});
    }
    double operator()(const Vec3d& p) const {
        const double r = std::sqrt(p[0] * p[0] / (60 * 60) + p[1] * p[1] / (75 * 75) + p[2] * p[2] / (55 * 55));
        double value = 1;
        for (const auto& b : blobs_) {
            const double x = p[0] - b.centre[0], y = p[1] - b.centre[1], z = p[2] - b.centre[2];
            value += b.height * std::exp(-0.5 * (x * x + y * y + z * z) / (b.width * b.width));
        }
        return 100 * value / (1 + std::exp(12 * (r - 1)));
    }

  private:
    std::vector<Blob> blobs_;
};

/// Turned around `axis` and shifted.
Affine motion(Vec3d axis, double degrees, Vec3d shift) {
    const double length = std::hypot(axis[0], axis[1], axis[2]), half = degrees * std::acos(-1.0) / 360;
    const double w = std::cos(half), x = std::sin(half) * axis[0] / length, y = std::sin(half) * axis[1] / length, z = std::sin(half) * axis[2] / length;
    Affine out;
    out.linear = {{{1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)},
                   {2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)},
                   {2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)}}};
    out.offset = shift;
    return out;
}

/// Two ways to lay a grid around the head: along the axes, and permuted with a negative determinant.
Grid grid_of(bool permuted) {
    Grid grid;
    grid.size = {40, 46, 38};
    grid.voxel_to_world.linear = {{{4, 0, 0}, {0, 4, 0}, {0, 0, 4}}};
    grid.voxel_to_world.offset = {-78, -90, -74};
    if (permuted) {
        grid.size = {44, 36, 45};
        grid.voxel_to_world.linear = {{{0, 0, 3.7}, {0, 4.3, 0}, {-4, 0, 0}}};
        grid.voxel_to_world.linear[1] = {0, 4.9, 0};
        grid.voxel_to_world.linear[0] = {0, 0, 4.1};
        grid.voxel_to_world.offset = {-88, -88, 86};
    }
    return grid;
}

/// The head after `moved`, on the grid, with noise.
RigidInput scan(const Head& head, const Affine& moved, const Grid& grid, double gain = 1, double noise = 0, unsigned seed = 1) {
    RigidInput out{"scan", ScalarImage(grid, 1), std::nullopt};
    const Affine back = inverse(moved);
    std::mt19937 random(seed);
    std::normal_distribution<double> normal(0, noise > 0 ? noise : 1);
    for (std::int64_t v = 0; v < grid.voxels(); ++v) {
        const Vec3d world = transform_point(grid.voxel_to_world,
                                            {double(v % grid.size[0]), double(v / grid.size[0] % grid.size[1]), double(v / (grid.size[0] * grid.size[1]))});
        out.image.at(v) = static_cast<float>(gain * (head(transform_point(back, world)) + (noise > 0 ? normal(random) : 0.0)));
    }
    return out;
}

struct Off {
    double degrees, mm;
};
/// How far the motion found between two sessions is from the truth, at the head's centre.
Off off(const RigidResult& result, std::size_t from, std::size_t to, const Affine& truth) {
    const Affine found = composed(inverse(result.sessions[to].to_common), result.sessions[from].to_common);
    const Affine rest = composed(inverse(truth), found);
    return {rotation_angle_deg(rest), std::hypot(rest.offset[0], rest.offset[1], rest.offset[2])};
}

template <class Act>
std::string refusal(const Act& act) {
    try {
        act();
    } catch (const InputError& error) {
        return error.what();
    }
    return "";
}

class Rigid : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(Rigid);

}  // namespace

TEST_P(Rigid, FindsAKnownMotionAcrossGridsAndGains) {
    const Head head(1);
    const Affine truth = motion({1, 2, -1}, 14, {6, -5, 6});
    const auto result = register_rigid({scan(head, {}, grid_of(false)), scan(head, truth, grid_of(true), 3.5)}, {}, device());
    EXPECT_TRUE(result.converged);
    const Off rest = off(result, 0, 1, truth);
    EXPECT_LT(rest.degrees, 0.01);
    EXPECT_LT(rest.mm, 0.01);
    for (const auto& session : result.sessions) {
        EXPECT_NEAR(session.rotation_deg, 7, 0.01) << "each goes half of the way";
        EXPECT_GT(session.fit, 0.999);
        EXPECT_LT(session.residual_mm, 0.05);
    }
    EXPECT_NEAR(result.sessions[0].shift_mm, result.sessions[1].shift_mm, 1e-9);
    EXPECT_LT(rotation_angle_deg(composed(result.sessions[0].to_common, result.sessions[1].to_common)), 1e-4) << "half-way turns are each other's inverse";
}

TEST_P(Rigid, StatesItsErrors) {
    // The truth lies within three standard errors of each found motion, and those are not wildly larger than the errors are: means of 4 draws.
    const Head head(2);
    const Affine truth = motion({0, 1, 1}, 4, {1, 2, -1});
    double errors[2] = {0, 0}, stated[2] = {0, 0};
    for (unsigned draw = 0; draw < 4; ++draw) {
        const auto result = register_rigid({scan(head, {}, grid_of(false), 1, 5, 2 * draw), scan(head, truth, grid_of(true), 1, 5, 2 * draw + 1)}, {}, device());
        const Off rest = off(result, 0, 1, truth);
        // Each session's place is uncertain by half of what lies between them.
        const double degrees = 2 * result.sessions[0].rotation_error_deg, mm = 2 * result.sessions[0].shift_error_mm;
        EXPECT_LT(rest.degrees, 3 * degrees);
        EXPECT_LT(rest.mm, 3 * mm);
        errors[0] += rest.degrees;
        errors[1] += rest.mm;
        stated[0] += degrees;
        stated[1] += mm;
    }
    for (const int k : {0, 1}) {
        EXPECT_GT(errors[k], stated[k] / 4) << k;
        EXPECT_LT(errors[k], stated[k] * 2) << k;
    }
}

TEST_P(Rigid, OrderDoesNotMatter) {
    const Head head(3);
    const auto a = scan(head, {}, grid_of(false), 1, 2, 5), b = scan(head, motion({3, 1, 0}, 9, {-4, 3, 2}), grid_of(true), 1, 2, 6);
    const auto ab = register_rigid({a, b}, {}, device()), ba = register_rigid({b, a}, {}, device());
    for (const int s : {0, 1})
        for (std::size_t r = 0; r < 3; ++r) {
            const auto &x = ab.sessions[static_cast<std::size_t>(s)].to_common, &y = ba.sessions[static_cast<std::size_t>(1 - s)].to_common;
            EXPECT_NEAR(x.offset[r], y.offset[r], 1e-4);
            for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(x.linear[r][c], y.linear[r][c], 1e-6);
        }
}

TEST_P(Rigid, ALesionDoesNotPull) {
    const Head head(4);
    const Affine truth = motion({1, 0, 1}, 5, {2, 2, 2});
    auto after = scan(head, truth, grid_of(true));
    for (std::int64_t v = 0; v < after.image.grid.voxels(); ++v) {
        const auto& n = after.image.grid.size;
        const Vec3d p = transform_point(after.image.grid.voxel_to_world, {double(v % n[0]), double(v / n[0] % n[1]), double(v / (n[0] * n[1]))});
        if (std::hypot(p[0] - 35, p[1] - 10, p[2] - 5) < 18) after.image.at(v) += 150;
    }
    const auto result = register_rigid({scan(head, {}, grid_of(false)), after}, {}, device());
    const Off rest = off(result, 0, 1, truth);
    EXPECT_LT(rest.degrees, 0.1);
    EXPECT_LT(rest.mm, 0.1);
    EXPECT_GT(result.sessions[1].downweighted, 0.01);
}

TEST_P(Rigid, ThreeSessionsHaveNoReference) {
    const Head head(5);
    const Affine b = motion({0, 0, 1}, 12, {5, 0, 0}), c = motion({1, 0, 0}, -10, {0, -6, 3});
    const auto result = register_rigid({scan(head, {}, grid_of(false)), scan(head, b, grid_of(true)), scan(head, c, grid_of(false), 0.5)}, {}, device());
    EXPECT_TRUE(result.converged);
    EXPECT_LT(off(result, 0, 1, b).degrees, 0.02);
    EXPECT_LT(off(result, 0, 1, b).mm, 0.02);
    EXPECT_LT(off(result, 0, 2, c).degrees, 0.02);
    EXPECT_LT(off(result, 0, 2, c).mm, 0.02);
    // The antisymmetric parts of small turns add up to zero, to third order of 10 degrees.
    double sum[3] = {0, 0, 0};
    for (const auto& s : result.sessions) {
        sum[0] += s.to_common.linear[2][1] - s.to_common.linear[1][2];
        sum[1] += s.to_common.linear[0][2] - s.to_common.linear[2][0];
        sum[2] += s.to_common.linear[1][0] - s.to_common.linear[0][1];
    }
    for (const double value : sum) EXPECT_NEAR(value, 0, 3e-3);
}

TEST_P(Rigid, OneThatDoesNotFitIsNamed) {
    const Head head(6), other(7);  // the outline is the same
    auto wrong = scan(other, {}, grid_of(true));
    wrong.name = "session 3";
    const auto message = refusal([&] { register_rigid({scan(head, {}, grid_of(false)), scan(head, motion({1, 1, 0}, 3, {1, 0, 0}), grid_of(true)), wrong}, {.max_iterations = 10}, device()); });
    EXPECT_NE(message.find("session 3 does not fit the others (after"), std::string::npos) << message;
}

TEST(RigidInputs, AreRefusedWithOneSentence) {
    const Device cpu = Device::open("cpu", 2);
    const Head head(8);
    const auto good = scan(head, {}, grid_of(false));
    EXPECT_NE(refusal([&] { register_rigid({good}, {}, cpu); }).find("one image alone"), std::string::npos);
    auto two = good;
    two.image = ScalarImage(good.image.grid, 2, 1);
    EXPECT_NE(refusal([&] { register_rigid({good, two}, {}, cpu); }).find("has 2 volumes"), std::string::npos);
    auto masked = good;
    masked.mask = full_mask(good.image.grid);
    EXPECT_NE(refusal([&] { register_rigid({good, masked}, {}, cpu); }).find("differ in having a mask"), std::string::npos);
    auto empty = good;
    empty.image = ScalarImage(good.image.grid, 1);
    EXPECT_NE(refusal([&] { register_rigid({good, empty}, {}, cpu); }).find("not above zero on average"), std::string::npos);
    auto far = good;
    far.image.grid.voxel_to_world.offset[0] += 1000;
    EXPECT_EQ(refusal([&] { register_rigid({good, far}, {}, cpu); }), "") << "centres on top of each other are a start, too";
}

TEST(RigidBytes, DoNotDependOnThreads) {
    const Head head(9);
    const std::vector<RigidInput> sessions{scan(head, {}, grid_of(false), 1, 3, 1), scan(head, motion({1, 1, 1}, 6, {3, 2, 1}), grid_of(true), 2, 3, 2)};
    std::vector<RigidResult> results;
    for (const int threads : {1, 2, 3}) results.push_back(register_rigid(sessions, {}, Device::open("cpu", threads)));
    for (const auto& r : results) {
        EXPECT_EQ(r.mean.data, results[0].mean.data);
        for (const std::size_t s : {0u, 1u}) {
            EXPECT_EQ(r.sessions[s].to_common, results[0].sessions[s].to_common);
            EXPECT_EQ(r.sessions[s].rotation_error_deg, results[0].sessions[s].rotation_error_deg);
            EXPECT_EQ(r.sessions[s].residual_mm, results[0].sessions[s].residual_mm);
        }
    }
}
