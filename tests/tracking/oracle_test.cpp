// Every algorithm but those on tensors: whole streamlines through a crossing against double precision, with the same random numbers.
#include "tracking/oracle.hpp"
#include "arcuate/core/directions.hpp"
#include "reference/discrete_fod.hpp"
#include "reference/fact.hpp"
#include "reference/ifod1.hpp"
#include "reference/ifod2.hpp"
#include "reference/null_distribution.hpp"
#include "reference/ptt.hpp"
#include "reference/sd_stream.hpp"
#include "tracking/fod_params.hpp"

using namespace arcuate;
using test::OracleCase;
using tracking::Algorithm;
using tracking::Stop;

namespace {

const ScalarImage& crossing() {
    static const ScalarImage fod = test::crossing_lobes();
    return fod;
}

float voxel_mm() { return static_cast<float>(mean_voxel_size(crossing().grid)); }
std::uint32_t seed_trials(const OracleCase& c) { return static_cast<std::uint32_t>(c.o.seed_trials); }

/// In the order in which shares are counted.
std::vector<Vec3d> discrete_set() {
    std::vector<Vec3d> out;
    for (const auto& d : repelled_pairs(192)) {
        out.push_back(d);
        out.push_back({d[0], d[1], -d[2]});
    }
    return out;
}

/// The fixed candidates are given: calibrate_test has them against the definition.
reference::Rejection rejection(const OracleCase& c, const tracking::Calibration& calibration) {
    return {calibration.ratio, static_cast<std::uint32_t>(c.o.trials)};
}
std::vector<reference::Turn> turns(const tracking::Calibration& calibration) {
    std::vector<reference::Turn> out;
    for (const auto& arc : calibration.arcs) out.push_back({arc.angle, std::atan2(double{arc.sin_azimuth}, double{arc.cos_azimuth})});
    return out;
}

void expect_ptt(const tracking::TrackOptions& options, std::initializer_list<Stop> ends) {
    const OracleCase c(crossing(), 200, options);
    const auto calibration = tracking::calibrate_curves(tracking::ptt_params(c.o), 8, voxel_mm());
    std::vector<reference::Ptt::Curvatures> curves;
    for (const auto& turn : turns(calibration))
        curves.push_back({turn.angle / c.o.probe * std::cos(turn.azimuth), turn.angle / c.o.probe * std::sin(turn.azimuth)});
    const double max_curvature = 2 * std::sin(c.max_angle() / 2) / c.o.step;
    test::expect_agreement(c,
                           reference::Ptt{reference::Field(crossing()), c.o.step, max_curvature, c.o.cutoff, c.o.seed_cutoff, c.o.power,
                                          c.o.probe, c.o.samples - 1, seed_trials(c), rejection(c, calibration), curves},
                           ends);
}

}  // namespace

TEST(TrackingOracle, Ptt) {
    expect_ptt({.algorithm = Algorithm::ptt, .step = 0.5, .angle = 20, .probe = 0.7}, {Stop::calibrator, Stop::length_exceeded});
}
// A step longer than its probe leaves the image without warning; few trials give up.
TEST(TrackingOracle, PttWithAShortProbeAndFewTrials) {
    expect_ptt({.algorithm = Algorithm::ptt, .step = 0.6, .angle = 30, .power = 3, .samples = 3, .trials = 25, .probe = 0.3},
               {Stop::exit_image, Stop::model, Stop::calibrator});
}

TEST(TrackingOracle, Prob) {
    for (const bool rk4 : {false, true}) {
        const OracleCase c(crossing(), 200, {.algorithm = Algorithm::prob, .step = 0.5, .rk4 = rk4});
        test::expect_agreement(c,
                               c.first_order(reference::DiscreteDirections(crossing(), discrete_set(), c.o.cutoff,
                                                                           c.o.seed_cutoff, 0.1, c.cos_max_angle())),
                               {Stop::exit_image, Stop::model, Stop::length_exceeded});
    }
}

TEST(TrackingOracle, Ifod1) {
    for (const bool rk4 : {false, true}) {
        const OracleCase c(crossing(), rk4 ? 100 : 200, {.algorithm = Algorithm::ifod1, .step = 0.5, .power = rk4 ? 2.0 : 1.0, .rk4 = rk4});
        const auto calibration = tracking::calibrate_directions(tracking::ifod2_params(c.o), 8);
        test::expect_agreement(
            c,
            c.first_order(reference::Ifod1Directions{reference::Field(crossing()), c.max_angle(), c.o.cutoff, c.o.seed_cutoff, c.o.power,
                                                     seed_trials(c), rejection(c, calibration), turns(calibration)}),
            {Stop::exit_image, Stop::model, Stop::length_exceeded});
    }
}

TEST(TrackingOracle, Ifod2) {
    const OracleCase c(crossing(), 200, {.algorithm = Algorithm::ifod2});
    const auto calibration = tracking::calibrate(tracking::ifod2_params(c.o), 8, voxel_mm());
    test::expect_agreement(c,
                           reference::Ifod2{reference::Field(crossing()), c.o.step, c.max_angle(), c.o.cutoff, c.o.seed_cutoff, c.o.power,
                                            c.o.samples - 1, seed_trials(c), rejection(c, calibration), turns(calibration)},
                           {Stop::exit_image, Stop::calibrator, Stop::length_exceeded});
}

TEST(TrackingOracle, Sd) {
    for (const bool rk4 : {false, true}) {
        const OracleCase c(crossing(), 100, {.algorithm = Algorithm::sd, .step = 0.5, .angle = rk4 ? 1.5 : 1.2, .rk4 = rk4});
        test::expect_agreement(c,
                               c.first_order(reference::SdDirections{reference::Field(crossing()), c.o.cutoff, c.o.seed_cutoff,
                                                                     rk4 ? -1 : c.cos_max_angle(), seed_trials(c)},
                                             c.cos_max_angle()),
                               {Stop::exit_image, Stop::model, Stop::high_curvature});
    }
}

TEST(TrackingOracle, Fact) {
    ScalarImage peaks(crossing().grid, 6);
    test::for_each_crossing(peaks.grid, [&](std::int64_t v, const test::Crossing& c) {
        for (std::size_t k = 0; k < 3; ++k) {
            peaks.at(v, static_cast<std::int64_t>(k)) = static_cast<float>(c.size * c.turning[k]);
            peaks.at(v, static_cast<std::int64_t>(k + 3)) = static_cast<float>(-c.size * c.share * c.straight[k]);
        }
    });
    const OracleCase c(peaks, 200, {.algorithm = Algorithm::fact, .step = 0.5, .angle = 5});
    test::expect_agreement(
        c,
        c.first_order(reference::FactDirections{reference::Field(peaks), c.o.cutoff, c.o.seed_cutoff, c.cos_max_angle(), seed_trials(c)}),
        {Stop::exit_image, Stop::model, Stop::high_curvature, Stop::length_exceeded});
}

TEST(TrackingOracle, NullDistributions) {
    for (const bool rk4 : {false, true}) {
        const OracleCase one(crossing(), 200, {.algorithm = Algorithm::nulldist1, .step = 0.5, .rk4 = rk4});
        test::expect_agreement(one, one.first_order(reference::NullDirections{reference::Field(crossing()), one.max_angle()}),
                               {Stop::exit_image, Stop::length_exceeded});
    }
    const OracleCase two(crossing(), 200, {.algorithm = Algorithm::nulldist2});
    test::expect_agreement(two,
                           reference::NullDistribution2{{reference::Field(crossing()), two.max_angle()}, two.o.step, two.o.samples - 1},
                           {Stop::exit_image, Stop::length_exceeded});
}
