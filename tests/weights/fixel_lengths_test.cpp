// How far streamlines go in fixels: by hand, against cutting every segment at every face, and against looking at every direction.
#include "scene.hpp"

#include "backend/buffer.hpp"
#include "devices.hpp"
#include "reference/fixels.hpp"

#include <cmath>

namespace arcuate::weights {
namespace {

class FixelLengthsOf : public test::OnEachDevice {
  protected:
    std::vector<double> density(const Fixels& fixels, const Tractogram& t) {
        FixelLengths lengths(fixels, device(), 7);
        lengths.append(t.view());
        EXPECT_EQ(lengths.streamlines(), t.size());
        return lengths.track_density();
    }
};
ARCUATE_ON_EACH_DEVICE(FixelLengthsOf);

TEST_P(FixelLengthsOf, ByHand) {
    // Voxels of 2 mm with centres at x = 0, 2, 4 and y = 0, 2.
    const Fixels fixels = one_fixel_each({{3, 2, 1}, {{{{2, 0, 0}, {0, 2, 0}, {0, 0, 2}}}, {0, 0, 0}}});
    const auto expect = [&](const std::vector<std::vector<float>>& lines, const std::vector<double>& mm) {
        Tractogram t;
        for (const auto& line : lines) t.append(line);
        const auto found = density(fixels, t);
        for (std::size_t f = 0; f < mm.size(); ++f) EXPECT_NEAR(found[f], mm[f], 1e-3) << f;  // lengths are multiples of 0.2 um
    };
    expect({{0, 0, 0, 4, 0, 0}}, {1, 2, 1, 0, 0, 0});                                   // one long segment
    expect({{4, 0, 0, 3.5f, 0, 0, 0, 0, 0}}, {1, 2, 1, 0, 0, 0});                       // back, in two
    expect({{0, 0, 0, 2, 0, 0, 0, 0, 0}}, {2, 2, 0, 0, 0, 0});                          // there and back: the same fixel twice
    expect({{0.5f, 0, 0, 2.5f, 2, 0}}, {0.5 * std::sqrt(2.0), 0.5 * std::sqrt(2.0), 0, 0, std::sqrt(2.0), 0});  // through the corner of three voxels
    expect({{-9, 2, 0, 9, 2, 0}}, {0, 0, 0, 2, 2, 2});                                  // from outside to outside
    expect({{0, 0, 0, 1, 0, 0, NAN, 0, 0, 3, 0, 0, 4, 0, 0}}, {1, 0, 1, 0, 0, 0});       // nothing where a vertex is missing
    expect({{}, {1, 0, 0}, {0, 0, 0, 1e30f, 0, 0}}, {0, 0, 0, 0, 0, 0});
}

TEST_P(FixelLengthsOf, AgreeWithTheOracle) {
    const Fixels fixels = one_fixel_each(oblique_grid());
    const Tractogram t = random_walks(fixels.grid, 597);
    std::vector<double> expected(static_cast<std::size_t>(fixels.size()), 0);
    for (std::int64_t s = 0; s < t.size(); ++s)
        for (const auto& [voxel, mm] : reference::voxel_lengths(t.view().streamline(s), fixels.grid)) expected[static_cast<std::size_t>(voxel)] += mm;
    const auto found = density(fixels, t);
    double total = 0;
    for (std::size_t f = 0; f < expected.size(); ++f) {
        EXPECT_NEAR(found[f], expected[f], 2e-3);  // a hundred streamlines, each 4 um at most from single precision and half a quantum of 0.2 um
        total += expected[f];
    }
    EXPECT_GT(total, 5000);
}

TEST_P(FixelLengthsOf, FindTheNearestDirection) {
    // One voxel of 40 mm whose 15 fixels take the directions in turn.
    Fixels fixels = one_fixel_each({{1, 1, 1}, {{{{40, 0, 0}, {0, 40, 0}, {0, 0, 40}}}, {0, 0, 0}}});
    fixels.first = {0, 15};
    fixels.fibre_density.assign(15, 1);
    fixels.lookup_row = {0};
    fixels.lookup.assign(fixels.row_bytes(), 0);
    const auto& directions = fixels.net.directions;
    for (std::size_t d = 0; d < directions.size(); ++d) fixels.lookup[d / 2] = static_cast<std::uint8_t>(fixels.lookup[d / 2] | d % 15 << (4 * (d % 2)));
    Tractogram t;
    std::vector<double> expected(15, 0);
    for (std::uint64_t i = 0; i < 3000; ++i) {
        const auto r = kernels::Philox{7, i, kernels::Purpose::seed, 0}(0);
        float u[3];
        kernels::uniform_direction(r.v[0], r.v[1], u[0], u[1], u[2]);
        double best = -1, next = -1;
        std::size_t nearest = 0;
        for (std::size_t d = 0; d < directions.size(); ++d) {
            const double cosine = std::fabs(directions[d][0] * u[0] + directions[d][1] * u[1] + directions[d][2] * u[2]);
            if (cosine > best) next = best, best = cosine, nearest = d;
            else next = std::max(next, cosine);
        }
        if (best - next < 1e-6) continue;  // single precision may choose either
        t.append(std::array<float, 6>{-5 * u[0], -5 * u[1], -5 * u[2], 5 * u[0], 5 * u[1], 5 * u[2]});
        expected[nearest % 15] += 10;
    }
    EXPECT_GT(t.size(), 2900);
    const auto found = density(fixels, t);
    for (std::size_t f = 0; f < 15; ++f) EXPECT_NEAR(found[f], expected[f], 1.0);  // one streamline more or less would be 10
}

TEST(FixelLengthsBytes, AreTheSameForAnyThreadsChunksBatchesOrderAndDevice) {
    const Fixels fixels = one_fixel_each(oblique_grid());
    const Tractogram t = random_walks(fixels.grid, 211);
    const auto build = [&](const Device& device, std::int64_t chunk, bool in_pieces, bool there_already = false) {
        FixelLengths lengths(fixels, device, chunk);
        const Buffer<float> there(device, t.positions);  // where a tracker would have left them
        TractogramView all = t.view();
        if (there_already) {
            all.positions = {};
            all.on_device = there.data();
        }
        if (in_pieces)  // the last first; views need not begin at vertex 0
            for (const auto& [first, size] : {std::pair<std::size_t, std::size_t>{97, 114}, {0, 97}}) {
                auto some = all;
                some.offsets = all.offsets.subspan(first, size + 1);
                lengths.append(some);
            }
        else
            lengths.append(all);
        EXPECT_TRUE(lengths.reads_on()->is_same(device));
        device.synchronize();  // before the vertices go
        return std::pair{lengths.track_density(), lengths.pairs()};
    };
    const auto expected = build(Device::open("cpu", 1), 1000, false);
    const auto check = [&](const Device& device) {
        for (const std::int64_t chunk : {1, 64, 1000})
            for (const bool in_pieces : {false, true})
                for (const bool there_already : {false, true}) EXPECT_EQ(build(device, chunk, in_pieces, there_already), expected);
    };
    for (const int threads : {1, 2, 3}) check(Device::open("cpu", threads));
    if (const auto cuda = test::open_for_test("cuda"); cuda.device)
        check(*cuda.device);
    else
        GTEST_LOG_(INFO) << "not on CUDA: " << cuda.reason;
}

TEST(FixelLengthsMemory, IsNoMoreThanAllowedAndChangesNoSum) {
    const auto device = Device::open("cpu", 1);
    const Fixels fixels = one_fixel_each(oblique_grid());
    const Tractogram t = random_walks(fixels.grid, 211);
    FixelLengths all(fixels, device, 10);
    all.append(t.view());
    EXPECT_EQ(all.kept(), 211);
    EXPECT_EQ(all.bytes(), 4 * (all.pairs() + 211 + 22)) << "a word per pair, one per streamline, one per chunk";
    for (const std::int64_t memory : {std::int64_t{0}, std::int64_t{1}, all.bytes() / 3, all.bytes() - 1, all.bytes()}) {
        FixelLengths some(fixels, device, 10, memory);
        some.append(t.view());
        EXPECT_EQ(some.streamlines(), 211);
        EXPECT_EQ(some.pairs(), all.pairs());
        EXPECT_LE(some.bytes(), memory);
        EXPECT_EQ(some.kept() == 211, memory == all.bytes());
        EXPECT_EQ(some.kept() == 0, memory < 2);
        EXPECT_EQ(some.track_density(), all.track_density());
    }
}

}  // namespace
}  // namespace arcuate::weights
