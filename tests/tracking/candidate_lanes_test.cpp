// A GPU's threads evaluate candidates together, a lane each, a processor eight at a time: here both on the processor, step by step, every bit.
#include "kernels/discrete_fod.hpp"
#include "kernels/ifod1.hpp"
#include "kernels/ifod2.hpp"
#include "kernels/ptt.hpp"

#include "tracking/field.hpp"
#include "tracking/fields.hpp"
#include "tracking/fod_params.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

using namespace arcuate;
using namespace arcuate::kernels;

namespace {

const ScalarImage& crossing() {
    static const ScalarImage fod = test::crossing_lobes();
    return fod;
}
const Device& cpu() {
    static const Device device = Device::open("cpu", 1);
    return device;
}
template <class Stored = float>
FodField<8, Stored> field() {
    static const tracking::FodOnDevice<8, Stored> fod(crossing(), cpu());
    return fod.view();
}
tracking::TrackOptions options(tracking::Algorithm algorithm, int trials) {
    tracking::TrackOptions o{.algorithm = algorithm, .select = 1};
    o.trials = trials;
    return tracking::resolve(o, test::whole(crossing()));
}
float voxel_mm() { return static_cast<float>(mean_voxel_size(crossing().grid)); }

/// What a step leaves behind.
template <class State>
struct Left {
    StepEnd end;
    State state;
    Vec3 vertices[max_step_vertices];
    StepCounts counts;

    friend bool operator==(const Left& a, const Left& b) {
        const bool same_counts = std::memcmp(&a.counts, &b.counts, sizeof a.counts) == 0;
        return a.end == b.end && same_counts && (a.end != StepEnd::none || (std::memcmp(&a.state, &b.state, sizeof a.state) == 0 && std::memcmp(a.vertices, b.vertices, sizeof a.vertices) == 0));
    }
};

/// A point in the field.
Vec3 somewhere(const Philox& random) {
    const auto r = random(0);
    return to_kernel(transform_point(crossing().grid.voxel_to_world, {17.0 * uniform(r.v[0]), 15.0 * uniform(r.v[1]), 11.0 * uniform(r.v[2])}));
}

/// From seeds in the field until it ends, both ways; how often each end came about.
template <class State, class Start, class One, class Eight>
std::array<int, 5> expect_same_steps(Start start, One one, Eight eight) {
    std::array<int, 5> ends{};
    for (std::uint64_t item = 0; item < 150; ++item) {
        const Philox of_seed{3, item, Purpose::seed, 0};
        State state{};
        if (!start(somewhere(of_seed), of_seed, state)) continue;
        for (std::uint32_t step = 0; step < 200; ++step) {
            const Philox random{3, item, Purpose::forward_half, step};
            Left<State> a{{}, state, {}, {}}, b{{}, state, {}, {}};
            a.end = one(a.state, random, a.vertices, a.counts);
            b.end = eight(b.state, random, b.vertices, b.counts);
            EXPECT_TRUE(a == b) << "streamline " << item << ", step " << step;
            ++ends[static_cast<std::size_t>(a.end)];
            if (a.end != StepEnd::none || !(a == b)) break;
            state = a.state;
        }
    }
    return ends;
}
template <class Tracker>
std::array<int, 5> expect_same_steps_of(const Tracker& tracker) {
    using State = typename Tracker::State;
    const auto start = [&](Vec3 seed, const Philox& random, State& state) { return tracker.start(seed, random, nullptr, state); };
    const auto eight = [&](auto&... to) { return tracker.step_by(EightAtOnce{}, to...); };
    expect_same_steps<State>(start, [&](auto&... to) { return tracker.step_by(Team<8>{}, to...); }, eight);
    return expect_same_steps<State>(start, [&](auto&... to) { return tracker.step_by(Team<32>{}, to...); }, eight);
}

/// Of trackers that look at one point per step.
template <int Lanes, class Directions>
std::array<int, 5> expect_same_steps_along(const Directions& directions, float step_mm) {
    using State = typename FirstOrder<Directions>::State;
    const auto by = [&](auto evaluators) {
        return [&directions, step_mm, evaluators](State& state, const Philox& random, Vec3*, StepCounts& counts) {
            Vec3 to{};
            const StepEnd end = directions.next_by(evaluators, state.position, state.direction, random, 0, to, counts);
            state = {fma(step_mm, to, state.position), to};
            return end;
        };
    };
    const auto start = [&](Vec3 seed, const Philox& random, State& state) {
        state.position = seed;
        return directions.start(seed, random, nullptr, state.direction);
    };
    return expect_same_steps<State>(start, by(Team<Lanes>{}), by(EightAtOnce{}));
}

int count(const std::array<int, 5>& ends, StepEnd end) { return ends[static_cast<std::size_t>(end)]; }

template <class Stored>
void expect_same_steps_of_ifod2() {
    for (const int trials : {1000, 13}) {
        auto params = tracking::ifod2_params(options(tracking::Algorithm::ifod2, trials));
        const auto arcs = tracking::use(tracking::calibrate(params, 8, voxel_mm()), params, cpu());
        const auto ends = expect_same_steps_of(Ifod2<8, Stored>{field<Stored>(), params, {}});
        EXPECT_GT(count(ends, StepEnd::none), 300);
        EXPECT_GT(count(ends, StepEnd::exit_image) + count(ends, StepEnd::calibrator), 20);
        EXPECT_TRUE(count(ends, StepEnd::model) > 5 || trials > 13);
    }
}

}  // namespace

TEST(CandidateLanes, OfIfod2) { expect_same_steps_of_ifod2<float>(); }
TEST(CandidateLanes, OfIfod2InHalfPrecision) { expect_same_steps_of_ifod2<std::uint16_t>(); }

TEST(CandidateLanes, OfParallelTransport) {
    for (const int trials : {1000, 13}) {
        auto o = options(tracking::Algorithm::ptt, trials);
        o.step = 0.5, o.angle = 20, o.probe = 0.7;
        auto params = tracking::ptt_params(o);
        const auto curves = tracking::use(tracking::calibrate_curves(params, 8, voxel_mm()), params, cpu());
        const auto ends = expect_same_steps_of(Ptt<8>{field(), params});
        EXPECT_GT(count(ends, StepEnd::none), 1000);
        EXPECT_GT(count(ends, StepEnd::exit_image) + count(ends, StepEnd::calibrator), 50);
    }
}

TEST(CandidateLanes, OfIfod1) {
    for (const int trials : {1000, 13}) {
        const auto o = options(tracking::Algorithm::ifod1, trials);
        const auto found = tracking::calibrate_directions(tracking::ifod2_params(o), 8);
        auto params = tracking::draw_params(o);
        tracking::calibrated(params.rejection, found);
        const auto fixed = tracking::directions_of(found);
        const Ifod1Directions<8> directions{field(), params, tracking::ifod2_params(o).one_minus_cos_max, fixed.data(), static_cast<int>(fixed.size() / 3)};
        expect_same_steps_along<32>(directions, params.step);
        const auto ends = expect_same_steps_along<8>(directions, params.step);
        EXPECT_GT(count(ends, StepEnd::none), 1000);
        EXPECT_GT(count(ends, StepEnd::exit_image) + count(ends, StepEnd::calibrator), 50);
    }
}

TEST(CandidateLanes, OfTheDiscretisedFod) {
    const auto planes = tracking::planes_of_directions();
    for (const float widest : {0.9f, 0.5f, 0.0f}) {
        const DiscreteDirections<8> directions{field(), {planes.data()}, 0.05f, 0.05f, 0.1f, widest};
        const auto ends = expect_same_steps_along<32>(directions, 0.5f);
        EXPECT_GT(count(ends, StepEnd::none), 1000);
        EXPECT_GT(count(ends, StepEnd::exit_image), 20);
        for (std::uint64_t item = 0; item < 150; ++item) {
            const Philox random{5, item, Purpose::seed, 0};
            const Vec3 seed = somewhere(random);
            Vec3 one{}, eight{};
            ASSERT_EQ(directions.start_by(Team<32>{}, seed, random, nullptr, one), directions.start_by(EightAtOnce{}, seed, random, nullptr, eight));
            EXPECT_EQ(std::memcmp(&one, &eight, sizeof one), 0);
        }
    }
}
