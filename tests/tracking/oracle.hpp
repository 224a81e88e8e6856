// Streamlines of a tracker against those of an oracle in double precision that uses the same random numbers: vertex by vertex, end by end.
//
// Single precision rounds a coordinate of at most 32 mm by 1e-6 mm at every step. Over the hundred steps of these streamlines that is 2e-4
// mm if every error has one sign, and 6e-6 mm halfway if they have not. A decision falls the other way where it hangs on the last digits:
// with some 20 candidates per direction, each accepted by a comparison that is good to 1e-6, that is one in 50000 directions, of which
// Runge-Kutta has five per step: one streamline in a hundred, and two may part.
#pragma once

#include "devices.hpp"
#include "reference/streamline.hpp"
#include "tracking/chunks.hpp"
#include "tracking/fields.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <sstream>

namespace arcuate::test {

inline constexpr double same_mm = 2e-4, median_mm = 6e-6, same_share = 0.98;

/// A run that keeps every vertex, and streamlines of every length, from `count` points in the middle of the field.
struct OracleCase {
    tracking::TrackInput input;
    tracking::TrackOptions o;  ///< resolved

    OracleCase(const ScalarImage& field, int count, tracking::TrackOptions options, const TensorModel* model = nullptr)
        : input{.field = field, .tensor = model} {
        input.seeds.push_back({.kind = tracking::Seeds::Kind::points, .name = "points"});
        // In the ball of 10 mm, each coordinate a multiple of 2^-6 mm, which single precision has exactly.
        auto& points = input.seeds.front().points;
        for (std::uint32_t draw = 0; static_cast<int>(points.size()) < count; ++draw) {
            const auto r = kernels::Philox{17, 0, kernels::Purpose::noise, 0}(draw);
            Vec3d p;
            for (std::size_t k = 0; k < 3; ++k) p[k] = std::round(64 * 10 * (2 * reference::uniform(r.v[k]) - 1)) / 64;
            if (reference::length(p) < 10) points.push_back(p);
        }
        options.seed = 3;
        options.min_length = 0;
        options.max_length = 40.003;  // no multiple of a step: whether there is one vertex more does not hang on the last digit
        options.downsample = 1;
        options.seed_trials = 100;
        if (options.seed_cutoff < 0) options.seed_cutoff = 0.4;  // where the crossing fades, seeds fail
        o = tracking::resolve(options, input);
    }
    double max_angle() const { return o.angle * M_PI / 180; }
    double cos_max_angle() const { return std::cos(max_angle()); }

    /// `cos_of_ends`: of Runge-Kutta 4's angle between both ends of a step.
    template <class Directions>
    reference::FirstOrder<Directions> first_order(const Directions& directions, double cos_of_ends = 0) const {
        return {directions, o.step, o.rk4, cos_of_ends};
    }

    template <class Algorithm>
    std::vector<reference::Streamline> streamlines(const Algorithm& oracle) const {
        const auto& points = input.seeds.front().points;
        std::vector<reference::Streamline> out(points.size());
        parallel_for(
            Device::open("cpu"), static_cast<std::int64_t>(points.size()),
            [&](std::int64_t i) {
                const auto id = static_cast<std::size_t>(i);
                out[id] = reference::streamline(oracle, points[id], o.seed, id, o.max_length);
            },
            1);
        return out;
    }
};

/// The oracle's vertices as the tracker gives them: from the end of the first half to the seed and on along the second. One half alone:
/// from the seed.
inline std::vector<Vec3d> in_order(const reference::Streamline& s, const Vec3d& seed) {
    std::vector<Vec3d> out = s.half[0];
    out.insert(out.begin(), seed);
    if (s.stop[1] == tracking::Stop::not_tracked) return out;
    std::reverse(out.begin(), out.end());
    out.insert(out.end(), s.half[1].begin(), s.half[1].end());
    return out;
}

struct Agreement {
    std::int64_t same =
        0;               ///< streamlines whose ends have the same reasons, and no vertex of which is farther than same_mm from the oracle's
    double largest = 0;  ///< distance of vertices among those [mm]
    std::vector<double> distances = {};  ///< of all vertices of streamlines that have as many on both sides [mm]
};

inline Agreement compare(const OracleCase& run, const std::vector<reference::Streamline>& oracle, const Device& device) {
    const auto& points = run.input.seeds.front().points;
    tracking::ChunkQueue queue(run.input, run.o, std::span(&device, 1), {0, 0, run.o.seeds});
    Agreement out;
    std::size_t id = 0;
    while (id < points.size()) {
        const tracking::Chunk chunk = queue.next({});
        std::size_t accepted = 0;
        for (const auto& record : chunk.records) {
            const reference::Streamline& expected = oracle[id];
            const auto wanted = in_order(expected, points[id++]);
            std::vector<float> found;
            if (record.outcome == kernels::SeedEnd::accepted) {
                found.assign(chunk.positions.begin() + static_cast<std::ptrdiff_t>(3 * chunk.offsets[accepted]),
                             chunk.positions.begin() + static_cast<std::ptrdiff_t>(3 * chunk.offsets[accepted + 1]));
                ++accepted;
            }
            bool same = (record.outcome != kernels::SeedEnd::invalid_seed) == expected.started;
            for (int half = 0; half < 2; ++half)
                same = same && (record.stop[half] == kernels::HalfEnd::not_tracked
                                    ? tracking::Stop::not_tracked
                                    : static_cast<tracking::Stop>(record.stop[half])) == expected.stop[half];
            if (found.size() == 3 * wanted.size()) {
                double farthest = 0;
                for (std::size_t v = 0; v < wanted.size(); ++v) {
                    out.distances.push_back(
                        std::hypot(wanted[v][0] - found[3 * v], wanted[v][1] - found[3 * v + 1], wanted[v][2] - found[3 * v + 2]));
                    farthest = std::max(farthest, out.distances.back());
                }
                same = same && farthest < same_mm;
                if (same) out.largest = std::max(out.largest, farthest);
            } else {
                same = same && found.empty() && wanted.size() == 1;  // no step from the seed
            }
            out.same += same;
        }
        queue.report(static_cast<std::int64_t>(id), 0);
    }
    return out;
}

/// On every device; of each reason in `ends` there must be three halves, so that it was looked at.
template <class Algorithm>
void expect_agreement(const OracleCase& run, const Algorithm& algorithm, std::initializer_list<tracking::Stop> ends) {
    const auto oracle = run.streamlines(algorithm);
    std::array<int, static_cast<std::size_t>(tracking::Stop::count)> stopped{};
    for (const auto& s : oracle)
        for (const auto why : s.stop) ++stopped[static_cast<std::size_t>(why)];
    for (const auto why : ends)
        EXPECT_GE(stopped[static_cast<std::size_t>(why)], 3) << tracking::stop_reasons[static_cast<std::size_t>(why)].name;
    for (const Device& device : devices()) {
        auto a = compare(run, oracle, device);
        ASSERT_GT(a.distances.size(), 15 * oracle.size()) << device.name();
        const auto middle = a.distances.begin() + static_cast<std::ptrdiff_t>(a.distances.size() / 2);
        std::nth_element(a.distances.begin(), middle, a.distances.end());
        std::ostringstream account;
        account << device.name() << ": " << a.same << " of " << oracle.size() << " streamlines agree, the farthest of their vertices by "
                << a.largest << " mm; median " << *middle << " mm";
        EXPECT_GE(static_cast<double>(a.same), same_share * static_cast<double>(oracle.size())) << account.str();
        EXPECT_LT(*middle, median_mm) << account.str();
        std::cout << account.str() << "\n";
    }
}

}  // namespace arcuate::test
