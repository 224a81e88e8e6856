// The kernel's pieces against double precision and against what they are by definition.
#include "kernels/ifod2.hpp"

#include "reference/ifod2.hpp"
#include "tracking/field.hpp"
#include "tracking/fields.hpp"

#include <gtest/gtest.h>

#include <algorithm>

using namespace arcuate;
using namespace arcuate::kernels;

namespace {

/// A field of random, positive-ish FODs on an oblique, anisotropic grid.
ScalarImage random_field() {
    Grid grid;
    grid.size = {7, 6, 5};
    grid.voxel_to_world.linear = {{{1.9, 0.3, 0.0}, {-0.3, 2.2, 0.1}, {0.0, -0.1, 2.5}}};
    grid.voxel_to_world.offset = {-5, 3, 11};
    ScalarImage fod(grid, 45);
    for (std::int64_t v = 0; v < grid.voxels(); ++v)
        for (std::int64_t j = 0; j < 45; ++j) {
            const auto r = Philox{7, static_cast<std::uint64_t>(v), Purpose::noise, 0}(static_cast<std::uint32_t>(j));
            fod.at(v, j) = j == 0 ? 2.0f : 0.25f * (uniform(r.v[0]) - 0.5f);
        }
    return fod;
}

Ifod2Params params() {
    Ifod2Params p{};
    p.step = 1.1f;
    p.max_angle = pi / 4;
    p.one_minus_cos_max = 1 - 0.70710678f;
    p.cutoff = 0.1f;
    p.seed_cutoff = 0.1f;
    p.power = 0.25f;
    p.samples = 3;
    p.seed_trials = 1000;
    p.rejection.trials = 1000;
    return p;
}

Vec3 random_direction(std::uint64_t item) {
    const auto r = Philox{11, item, Purpose::noise, 1}(0);
    Vec3 d;
    uniform_direction(r.v[0], r.v[1], d.x, d.y, d.z);
    return normalized(d);
}

}  // namespace

TEST(Ifod2Kernel, AmplitudeAndArcProbabilityMatchTheOracle) {
    const auto fod = random_field();
    const Device cpu = Device::open("cpu", 1);
    const tracking::FodOnDevice<8> on_device(fod, cpu);
    const Ifod2<8> ifod2{on_device.view(), params(), {}};
    const reference::Ifod2 oracle{reference::Field(fod), 1.1, M_PI / 4, 0.1, 0.1, 0.25, 3, 1000, {}, {}};
    int compared = 0;
    for (std::uint64_t i = 0; i < 500; ++i) {
        const auto r = Philox{5, i, Purpose::seed, 0}(0);
        const Vec3d voxel{1.5 + 3 * uniform(r.v[0]), 1.5 + 2 * uniform(r.v[1]), 1.5 + 1 * uniform(r.v[2])};
        const Vec3d p = transform_point(fod.grid.voxel_to_world, voxel);
        const Vec3 pf{static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2])};
        const Vec3 d = random_direction(i);
        Cell cell;
        ASSERT_TRUE(ifod2.field.locate(pf, cell));
        const double expected = reference::amplitude(*oracle.fod.at(p), {d.x, d.y, d.z});
        const float f = ifod2.field.amplitude(cell, d);
        EXPECT_NEAR(f, expected, 2e-6 * 3);  // coefficients sum to ~3; a few float roundings

        const Ifod2State state{pf, d, 0.5f * log(f)};
        const ArcShape shape{0.01f + 0.7f * uniform(r.v[3]), 0.6f, 0.8f};
        const Arc arc(state.position, frame_around(d), shape, 1.1f);
        float half_log_end;
        const float probability = ifod2.arc_probability(state, arc, half_log_end);
        const double wanted = oracle.probability({p, {d.x, d.y, d.z}}, {shape.angle, std::atan2(0.8, 0.6)});
        EXPECT_NEAR(probability, wanted, 3e-6 * wanted);
        compared += wanted > 0;
    }
    EXPECT_GT(compared, 400);
}

// A device evaluates arc by arc, a processor eight at once.
TEST(Ifod2Kernel, EightArcsHaveTheProbabilitiesOfOneEach) {
    auto fod = random_field();
    for (std::int64_t v = 0; v < fod.grid.voxels(); v += 5) fod.at(v, 0) = v % 2 ? -1.0f : 0.0f;  // amplitudes below the cutoff, too
    const tracking::FodOnDevice<8> on_device(fod, Device::open("cpu", 1));
    const Ifod2<8> ifod2{on_device.view(), params(), {}};
    int positive = 0, zero = 0, outside = 0;
    for (std::uint64_t i = 0; i < 500; ++i) {
        const auto r = Philox{6, i, Purpose::seed, 0}(0);
        const Vec3d p = transform_point(fod.grid.voxel_to_world, {7.0 * uniform(r.v[0]) - 0.5, 6.0 * uniform(r.v[1]) - 0.5, 5.0 * uniform(r.v[2]) - 0.5});
        const Vec3 d = random_direction(i + 1000);
        const Ifod2State state{{static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2])}, d, -0.3f};
        const Frame frame = frame_around(d);
        const Random4x8 draws = eight_draws({6, i, Purpose::forward_half, 1}, 0);
        const int wanted = 1 + static_cast<int>(i % 8);
        float together[8] = {7, 7, 7, 7, 7, 7, 7, 7}, ends[8];
        ifod2.arc_probabilities<Float8>(state, ArcOf<Float8>(state.position, frame, cone_direction(draws, ifod2.params.one_minus_cos_max), 1.1f), wanted, together, ends);
        for (int k = 0; k < 8; ++k) {
            if (k >= wanted) {
                EXPECT_EQ(together[k], 7);
                continue;
            }
            const Random4 draw{{draws.v[0][k], draws.v[1][k], draws.v[2][k], draws.v[3][k]}};
            float end;
            const float alone = ifod2.arc_probability(state, Arc(state.position, frame, cone_direction(draw, ifod2.params.one_minus_cos_max), 1.1f), end);
            EXPECT_EQ(bits_of(together[k]), bits_of(alone));
            EXPECT_TRUE(!(alone > 0) || bits_of(ends[k]) == bits_of(end));
            ++(alone > 0 ? positive : alone < 0 ? outside : zero);
        }
    }
    EXPECT_GT(positive, 500);
    EXPECT_GT(zero, 50);
    EXPECT_GT(outside, 50);
}

TEST(Ifod2Kernel, ArcKeepsItsLengthTangentsAndRadius) {
    const Ifod2State start{{1, 2, 3}, normalized(Vec3{1, -2, 0.5f}), 0};
    for (const float angle : {0.0f, 1e-7f, 1e-3f, 0.3f, 0.78f}) {
        const Arc arc(start.position, frame_around(start.direction), ArcShape{angle, 0.6f, 0.8f}, 2.0f);
        Vec3 x, t, before = start.position;
        arc.sample(1.0f, x, t);
        EXPECT_NEAR(length(t), 1, 3e-7);
        EXPECT_NEAR(dot(t, start.direction), std::cos(angle), 3e-7);
        double polyline = 0;
        for (int i = 1; i <= 100; ++i) {
            arc.sample(static_cast<float>(i) / 100.0f, x, t);
            polyline += static_cast<double>(length(x - before));
            before = x;
        }
        EXPECT_NEAR(polyline, 2.0, 3e-5);  // a hundred chords of an arc of at most 0.78 rad: 1 - (0.0078)^2/24
    }
}

// Uniform over the cap: 1 - cos(angle) is uniform in [0, 1 - cos 45], azimuth is uniform.
// N = 20000: mean of a uniform has sigma 1/sqrt(12 N) = 0.002; mean of a cosine 1/sqrt(2 N) = 0.005; bounds 5 sigma.
TEST(Ifod2Kernel, CandidatesAreUniformOverTheCap) {
    const int n = 20000;
    double mean = 0, cosine = 0, sine = 0, largest = 0;
    for (std::uint32_t i = 0; i < n; ++i) {
        const ArcShape shape = cone_direction(Philox{3, 9, Purpose::forward_half, 4}(i), params().one_minus_cos_max);
        mean += (1 - std::cos(double(shape.angle))) / (1 - std::sqrt(0.5)) / n;
        largest = std::max(largest, double(shape.angle));
        cosine += shape.cos_azimuth / n;
        sine += shape.sin_azimuth / n;
    }
    EXPECT_NEAR(mean, 0.5, 5 * 0.00204);
    EXPECT_NEAR(cosine, 0, 5 * 0.005);
    EXPECT_NEAR(sine, 0, 5 * 0.005);
    EXPECT_LE(largest, pi / 4 + 1e-6);
    EXPECT_GT(largest, 0.999 * pi / 4);
}

// Rejection sampling draws arcs in proportion to their probability: compare the histogram of accepted elevations with the exact
// density p(angle) sin(angle) by quadrature. N = 20000 per bin count n: sigma sqrt(n); bound 5 sigma.
TEST(Ifod2Kernel, AcceptedArcsFollowTheirProbability) {
    const auto fod = test::lobes(test::box(9, 9, 9), [](const Vec3d&) { return Vec3d{0, 0, 1}; });
    const Device cpu = Device::open("cpu", 1);
    const tracking::FodOnDevice<8> on_device(fod, cpu);
    Ifod2Params p = params();
    p.cutoff = 1e-3f;
    p.rejection.calibration_count = 1;  // the straight arc has the largest probability in this field
    const ArcShape straight_ahead{0, 1, 0};
    p.calibration = &straight_ahead;
    p.rejection.ratio = 1;
    const Ifod2<8> ifod2{on_device.view(), p, {}};
    const Ifod2State start{{8, 8, 8}, {0, 0, 1}, 0.5f * log(1.0f)};

    const int bins = 8, n = 20000;
    std::vector<double> density(bins), found(bins);
    double total = 0;
    for (int i = 0; i < 8000; ++i) {
        const float angle = (static_cast<float>(i) + 0.5f) / 8000 * p.max_angle;
        float h;
        const double q = ifod2.arc_probability(start, Arc(start.position, frame_around(start.direction), ArcShape{angle, 1, 0}, p.step), h) * std::sin(double(angle));
        density[static_cast<std::size_t>(i * bins / 8000)] += q;
        total += q;
    }
    for (std::uint32_t i = 0; i < n; ++i) {
        Ifod2State state = start;
        Vec3 vertices[max_arc_samples];
        StepCounts counts;
        ASSERT_EQ(ifod2.step(state, Philox{1, i, Purpose::forward_half, 0}, vertices, counts), StepEnd::none);
        ASSERT_EQ(counts.truncated, 0);
        const double angle = std::acos(std::min(1.0f, state.direction.z));
        ++found[std::min<std::size_t>(bins - 1, static_cast<std::size_t>(angle / p.max_angle * bins))];
    }
    for (std::size_t b = 0; b < bins; ++b) {
        const double expected = n * density[b] / total;
        EXPECT_NEAR(found[b], expected, 5 * std::sqrt(expected) + 1) << "bin " << b;
    }
}
