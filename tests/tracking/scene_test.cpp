// Seeds, regions and tissues: where streamlines start, what they must and must not touch, and where they may end.
#include "arcuate/core/error.hpp"
#include "arcuate/tracking/track.hpp"
#include "devices.hpp"
#include "tracking/fields.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

using namespace arcuate;
using namespace arcuate::tracking;
using test::slab;

namespace {

class Scene : public test::OnEachDevice {
  protected:
    ScalarImage field = test::lobes(test::box(30, 8, 8), [](const Vec3d&) { return Vec3d{1, 0, 0}; });  // x from -1 to 59 mm, y and z from -1 to 15
    TrackInput input = test::whole(field);
    TrackOptions options{.algorithm = Algorithm::sd, .select = 40};

    Tractogram run(TrackSummary* summary = nullptr) {
        test::Collect sink;
        if (device().is_cuda()) options.chunk = 64;  // of its own accord it takes thousands
        const auto s = track(input, options, device(), sink);
        if (summary) *summary = s;
        return std::move(sink.all);
    }
    static Region ball(double x, double y, double z, double radius) { return Sphere{{x, y, z}, radius}; }
    static bool touches(std::span<const float> line, double x, double y, double z, double radius) {
        for (std::size_t v = 0; v < line.size(); v += 3)
            if (std::hypot(line[v] - x, line[v + 1] - y, line[v + 2] - z) <= radius) return true;
        return false;
    }
};
ARCUATE_ON_EACH_DEVICE(Scene);

/// Just inside the cortex of slab(10, 50), or where the image ends: anatomy lets streamlines leave that way.
bool ends_well(const float* p) {
    const bool cortex = std::fabs(p[0] - 9.5f) < 2 || std::fabs(p[0] - 50.5f) < 2;
    return cortex || p[1] < 1 || p[2] < 1 || p[2] > 13;
}

}  // namespace

TEST_P(Scene, StreamlinesVisitIncludesAndAvoidExcludes) {
    input.regions.include = {ball(20, 7, 7, 4)};
    input.regions.exclude = {ball(40, 7, 7, 2)};
    TrackSummary s;
    const auto tracks = run(&s);
    ASSERT_EQ(tracks.size(), 40);
    for (std::int64_t i = 0; i < tracks.size(); ++i) {
        EXPECT_TRUE(touches(tracks.view().streamline(i), 20, 7, 7, 4));
        EXPECT_FALSE(touches(tracks.view().streamline(i), 40, 7, 7, 2));
    }
    EXPECT_GT(s.outcome[std::size_t(Outcome::missed_include)], 0);
    EXPECT_GT(s.outcome[std::size_t(Outcome::enter_exclude)], 0);
}

TEST_P(Scene, OrderedIncludesAreEnteredInTheirOrder) {
    input.seeds = {{.kind = Seeds::Kind::sphere, .name = "a ball", .sphere = {{3, 7, 7}, 1}}};
    options.unidirectional = true;
    options.direction = Vec3d{1, 0, 0};
    options.select = 0;
    options.seeds = 20;
    input.regions.include_ordered = {ball(20, 7, 7, 4), ball(40, 7, 7, 4)};
    EXPECT_EQ(run().size(), 20);
    std::swap(input.regions.include_ordered[0], input.regions.include_ordered[1]);
    EXPECT_EQ(run().size(), 0);
    options.unidirectional = false;
    EXPECT_THROW(run(), InputError);
}

TEST_P(Scene, StopAtIncludeEndsInTheRegion) {
    input.seeds = {{.kind = Seeds::Kind::sphere, .name = "a ball", .sphere = {{3, 7, 7}, 1}}};
    options.unidirectional = true;
    options.direction = Vec3d{1, 0, 0};
    input.regions.include = {ball(30, 7, 7, 5)};
    input.regions.stop_at_include = true;
    TrackSummary s;
    const auto tracks = run(&s);
    for (std::int64_t i = 0; i < tracks.size(); ++i) {
        const auto line = tracks.view().streamline(i);
        EXPECT_LE(std::hypot(line[line.size() - 3] - 30, line[line.size() - 2] - 7, line[line.size() - 1] - 7), 5);
    }
    EXPECT_EQ(s.stop[std::size_t(Stop::traverse_all_include)], 40);
}

TEST_P(Scene, FiniteSeedsAreUsedOnceEach) {
    Mask voxel(field.grid, 1, 0);
    voxel.at(field.grid.index(10, 3, 4)) = 1;
    voxel.at(field.grid.index(12, 3, 4)) = 1;
    auto grid = seeds_in(voxel, "two voxels");
    grid.kind = Seeds::Kind::grid_per_voxel;
    grid.per_voxel = 3;
    Seeds points{.kind = Seeds::Kind::points, .name = "points", .points = {{20, 6, 6}, {21, 6, 6}}};
    input.seeds = {grid, points};
    options.select = -1;
    options.unidirectional = true;
    TrackSummary s;
    const auto tracks = run(&s);
    EXPECT_EQ(s.seeds, 2 * 27 + 2);
    ASSERT_EQ(tracks.size(), 56);
    // A third of a voxel of 2 mm apart, the first at the corner cell's centre; z runs fastest.
    const auto first = tracks.view().streamline(0), second = tracks.view().streamline(1), last = tracks.view().streamline(55);
    EXPECT_NEAR(first[0], 20 - 2.0 / 3, 1e-5);
    EXPECT_NEAR(first[2], 8 - 2.0 / 3, 1e-5);
    EXPECT_NEAR(second[2], 8, 1e-5);
    EXPECT_EQ(last[0], 21);
}

// Two voxels of weights 1 and 3. N = 4000, sigma = sqrt(N 3/16) = 27.4, bound 5 sigma.
TEST_P(Scene, WeightedSeedsFollowTheWeights) {
    Seeds s{.kind = Seeds::Kind::weighted, .name = "weights", .image = ScalarImage(field.grid, 1)};
    s.image.at(field.grid.index(8, 3, 4)) = 1;
    s.image.at(field.grid.index(20, 3, 4)) = 3;
    input.seeds = {s};
    options.select = 0;
    options.seeds = 4000;
    options.min_length = 0;
    options.unidirectional = true;
    const auto tracks = run();
    ASSERT_EQ(tracks.size(), 4000);
    int heavy = 0;
    for (std::int64_t i = 0; i < tracks.size(); ++i) heavy += tracks.view().streamline(i)[0] > 30;
    EXPECT_NEAR(heavy, 3000, 5 * 27.4);
}

// Uniform in a ball of 2 mm: half of its volume lies within 2 / 2^(1/3) mm. N = 4000, sigma = sqrt(N) / 2 = 31.6, bound 5 sigma. And position and first
// direction share no random number: their cosine has mean 0 and variance 1/3; bound 5 / sqrt(3 N).
TEST_P(Scene, BallSeedsAreUniformAndKnowNothingOfTheirDirection) {
    field = ScalarImage(test::box(30, 8, 8), 45);
    for (std::int64_t v = 0; v < field.grid.voxels(); ++v) field.at(v, 0) = 1;  // no direction is better than another
    input.seeds = {{.kind = Seeds::Kind::sphere, .name = "a ball", .sphere = {{30, 7, 7}, 2}}};
    options = {.algorithm = Algorithm::ifod1, .select = 0, .seeds = 4000, .step = 0.1, .min_length = 0, .max_length = 0.3, .unidirectional = true};
    const auto tracks = run();
    ASSERT_EQ(tracks.size(), 4000);
    int inner = 0;
    double cosines = 0;
    for (std::int64_t i = 0; i < tracks.size(); ++i) {
        const auto line = tracks.view().streamline(i);
        const double p[3] = {line[0] - 30.0, line[1] - 7.0, line[2] - 7.0}, d[3] = {line[3] - double(line[0]), line[4] - double(line[1]), line[5] - double(line[2])};
        const double from_centre = std::hypot(p[0], p[1], p[2]);
        ASSERT_LE(from_centre, 2.00001);
        inner += from_centre < 2 / std::cbrt(2.0);
        cosines += (p[0] * d[0] + p[1] * d[1] + p[2] * d[2]) / (from_centre * std::hypot(d[0], d[1], d[2]));
    }
    EXPECT_NEAR(inner, 2000, 5 * 31.6);
    EXPECT_NEAR(cosines / 4000, 0, 5 / std::sqrt(12000.0));
}

TEST_P(Scene, TissueDecidesWhereStreamlinesEnd) {
    input.anatomy = {slab(10, 50), false, false};
    for (const Algorithm algorithm : {Algorithm::sd, Algorithm::ifod2, Algorithm::ifod1, Algorithm::ptt}) {
        options.algorithm = algorithm;
        options.step = algorithm == Algorithm::ptt ? 0.2 : 0;  // its own is shorter, and takes its time
        TrackSummary s;
        const auto tracks = run(&s);
        ASSERT_EQ(tracks.size(), 40) << row_of(algorithm).name;
        for (std::int64_t i = 0; i < tracks.size(); ++i) {
            const auto line = tracks.view().streamline(i);
            EXPECT_TRUE(ends_well(&line[0]) && ends_well(&line[line.size() - 3])) << row_of(algorithm).name;
            for (std::size_t v = 1; v < line.size(); v += 3) EXPECT_LT(line[v], 11.51f) << "no vertex in CSF";
        }
        EXPECT_GT(s.stop[std::size_t(Stop::enter_cgm)], 0);
    }
}

TEST_P(Scene, CroppedStreamlinesEndOnTheInterface) {
    input.anatomy = {slab(10, 50), false, true};
    const auto tracks = run();
    for (std::int64_t i = 0; i < tracks.size(); ++i) {
        const auto line = tracks.view().streamline(i);
        // Fractions change linearly between the voxel centres at 9 and 10, 50 and 51: the interface is half way, 0.01 of difference is 0.005 mm.
        for (const float x : {line[0], line[line.size() - 3]}) EXPECT_TRUE(std::fabs(x - 9.5f) < 0.011f || std::fabs(x - 50.5f) < 0.011f) << x;
    }
}

TEST_P(Scene, StreamlinesEndInsideSubcorticalGrey) {
    input.anatomy = {slab(10, 58, 30, 36), false, false};
    Mask left(field.grid, 1, 0);
    for (std::int64_t z = 0; z < 8; ++z)
        for (std::int64_t y = 0; y < 5; ++y) left.at(field.grid.index(9, y, z)) = 1;
    input.seeds = {seeds_in(left)};
    TrackSummary s;
    const auto tracks = run(&s);
    ASSERT_EQ(tracks.size(), 40);
    for (std::int64_t i = 0; i < tracks.size(); ++i) {
        const auto line = tracks.view().streamline(i);
        const float far_end = std::max(line[0], line[line.size() - 3]);
        EXPECT_GT(far_end, 29);
        EXPECT_LT(far_end, 37) << "not beyond the sub-cortical grey matter";
    }
    EXPECT_GT(s.stop[std::size_t(Stop::exit_sgm)], 0);
}

TEST_P(Scene, InterfaceSeedsLieOnTheInterface) {
    input.anatomy = {slab(10, 50), false, false};
    auto s = seeds_in(full_mask(field.grid));
    s.kind = Seeds::Kind::interface;
    input.seeds = {s};
    options.unidirectional = true;
    const auto tracks = run();
    ASSERT_EQ(tracks.size(), 40);
    for (std::int64_t i = 0; i < tracks.size(); ++i) {
        const float x = tracks.view().streamline(i)[0];
        EXPECT_TRUE(std::fabs(x - 9.5f) < 0.011f || std::fabs(x - 50.5f) < 0.011f) << x;
    }
}

// Random walks among tissue end badly more often than not: backtracking keeps more seeds, and what it keeps obeys the same rules.
TEST_P(Scene, BacktrackingKeepsMoreAndBreaksNoRule) {
    input.anatomy = {slab(10, 50), false, false};
    options.algorithm = Algorithm::ifod2;
    options.cutoff = 0.3;
    options.select = 0;
    options.seeds = 400;
    TrackSummary without, with;
    run(&without);
    input.anatomy->backtrack = true;
    const auto tracks = run(&with);
    EXPECT_GT(without.outcome[std::size_t(Outcome::poor_termination)], 0);
    EXPECT_GT(with.accepted, without.accepted);
    for (std::int64_t i = 0; i < tracks.size(); ++i) {
        const auto line = tracks.view().streamline(i);
        EXPECT_TRUE(ends_well(&line[0]) && ends_well(&line[line.size() - 3]));
    }
    options.algorithm = Algorithm::sd;
    EXPECT_THROW(run(), InputError) << "a deterministic algorithm goes the same way again";
}

// Parallel transport's steps are a twentieth of iFOD2's; going back step by step, a bad end would cost four hundred times as many of them, not twenty.
TEST_P(Scene, BacktrackingGoesBackAsFarWhateverTheStep) {
    input.anatomy = {slab(10, 50), false, false};
    std::fill(field.data.begin(), field.data.end(), 0.0f);
    for (std::int64_t v = 0; v < field.grid.voxels(); ++v) field.at(v, 0) = 1;  // no direction is better than another
    options.algorithm = Algorithm::ptt;
    options.select = 0;
    options.seeds = 60;
    TrackSummary without, with;
    run(&without);
    input.anatomy->backtrack = true;
    run(&with);
    EXPECT_GT(without.outcome[std::size_t(Outcome::poor_termination)], 10);
    EXPECT_GT(with.accepted, without.accepted);
    EXPECT_LT(with.steps, 30 * without.steps);
}

// Walks from a thin nucleus that are cut back into it start over: a streamline that stays inside connects nothing, and one that leaves once more may.
TEST_P(Scene, BacktrackingIntoTheSeedsNucleusForgetsThatItWasLeft) {
    input.anatomy = {slab(10, 50, 28, 33), true, false};
    auto nucleus = input.anatomy->tissues;
    Mask inside(nucleus.grid, 1, 0);
    for (std::int64_t v = 0; v < nucleus.grid.voxels(); ++v) inside.at(v) = nucleus.at(v, 1) > 0;
    input.seeds = {seeds_in(inside)};
    options.algorithm = Algorithm::ifod2;
    options.cutoff = 0.3;
    options.select = 0;
    options.seeds = 2000;
    options.min_length = 1;
    TrackSummary s;
    const auto tracks = run(&s);
    ASSERT_GT(tracks.size(), 1000);
    for (std::int64_t i = 0; i < tracks.size(); ++i) {
        const auto line = tracks.view().streamline(i);
        float least = line[0], most = line[0];
        for (std::size_t v = 0; v < line.size(); v += 3) least = std::min(least, line[v]), most = std::max(most, line[v]);
        EXPECT_TRUE(least < 27.51f || most > 33.49f) << "x from " << least << " to " << most;  // half way between voxels
    }
    EXPECT_GT(s.outcome[std::size_t(Outcome::wm_requirement)], 0);
}

// A lesion at whose far side the FOD ceases: the second half of a seed there cannot set off, and may end where it is although the first has gone to the cortex.
TEST_P(Scene, AHalfThatCannotLeaveALesionEndsInIt) {
    auto tissues = slab(10, 50);
    for (std::int64_t v = 0; v < tissues.grid.voxels(); ++v)
        if (const auto x = v % 62 - 1; x >= 15 && x <= 22) std::swap(tissues.at(v, 2), tissues.at(v, 4));
    input.anatomy = {tissues, false, false};
    for (std::int64_t v = 0; v < field.grid.voxels(); ++v)
        if (v % 30 <= 9)  // up to 18 mm
            for (std::int64_t c = 0; c < 45; ++c) field.at(v, c) *= 0.03f;
    input.seeds = {{.kind = Seeds::Kind::sphere, .name = "a ball", .sphere = {{18.1, 5, 7}, 0.01}}};
    options = {.algorithm = Algorithm::ifod2, .select = 0, .seeds = 40, .direction = Vec3d{1, 0, 0}};
    TrackSummary s;
    run(&s);
    EXPECT_EQ(s.stop[std::size_t(Stop::calibrator)], 40);
    EXPECT_GT(s.accepted, 20);
}

// Trying again what became too long costs hundreds of attempts and saves none.
TEST_P(Scene, TooLongStreamlinesAreNotCutBack) {
    options.algorithm = Algorithm::ifod1;
    options.select = 0;
    options.seeds = 20;
    options.min_length = 0;
    options.max_length = 12;
    input.seeds = {{.kind = Seeds::Kind::sphere, .name = "a ball", .sphere = {{30, 4, 7}, 1}}};
    TrackSummary with, without;
    input.anatomy = {slab(10, 50), true, false};
    run(&with);
    input.anatomy->backtrack = false;
    run(&without);
    EXPECT_GT(with.outcome[std::size_t(Outcome::too_long)], 15);
    EXPECT_EQ(with, without);
}

TEST_P(Scene, WrongScenesAreRefusedWithASentence) {
    const auto refused = [&](const char* what) { EXPECT_THROW(run(), InputError) << what; };
    const auto plain = [&] {
        input.seeds = {seeds_in(full_mask(field.grid))};
        input.regions = {};
        input.anatomy.reset();
    };
    input.seeds = {{.kind = Seeds::Kind::points, .name = "points", .points = {{900, 0, 0}}}};
    refused("seeds outside the image");
    input.seeds = {{.kind = Seeds::Kind::points, .name = "points", .points = {{20, 6, 6}}}, seeds_in(full_mask(field.grid))};
    refused("finite and endless seeds together");
    auto on_interface = seeds_in(full_mask(field.grid));
    on_interface.kind = Seeds::Kind::interface;
    input.seeds = {on_interface};
    refused("interface without tissues");
    input.seeds = {};
    refused("no seeds");
    plain();
    input.regions.stop_at_include = true;
    refused("nothing to stop at");
    plain();
    input.anatomy = {ScalarImage(field.grid, 4), false, false};
    refused("four tissues");
    input.anatomy = {slab(10, 50), false, false};
    input.anatomy->tissues.at(100, 0) = 0.7f;
    input.anatomy->tissues.at(100, 2) = 0.7f;
    refused("tissues that do not add up");
    plain();
    input.regions.mask = {Region(Mask(field.grid, 1, 0))};
    refused("an empty mask");
}
