// Coherence: how far streamlines follow directions that an image gives, by hand and against double precision.
#include "arcuate/connectome/build.hpp"
#include "arcuate/core/error.hpp"

#include "connectome/scene.hpp"
#include "devices.hpp"
#include "reference/connectome.hpp"

#include <cstring>
#include <map>

namespace arcuate::connectome {
namespace {

class TractCoherence : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(TractCoherence);

/// Two directions a voxel: along the row at x = 0, 30 degrees off at x = 1 with one across before it, across alone at x = 2, none at x = 3, NaN at x = 4.
ScalarMap row_of_directions() {
    ScalarMap map{"coherence", "", ScalarImage({{10, 1, 1}, {}}, 6), true};
    map.image.at(0, 0) = 0.25f;  // lengths do not matter
    map.image.at(1, 1) = 3;
    map.image.at(1, 3) = -std::sqrt(3.0f);
    map.image.at(1, 5) = 1;
    map.image.at(2, 2) = -1;
    for (int k = 0; k < 6; ++k) map.image.at(4, k) = NAN;
    return map;
}

TEST_P(TractCoherence, ByHand) {
    Tractogram t;
    t.append(std::array<float, 6>{0, 0, 0, 4, 0, 0});  // 1-3: 0.5 mm of 1, 1 mm of cos 30, 1 mm of 0; the rest has no direction
    t.append(std::array<float, 6>{0.5f, 0, 0, 4, 0, 0});  // to 3, from a face: 1 mm of cos 30, 1 mm of 0
    const double c30 = std::sqrt(3.0) / 2, first = (0.5 + c30) / 2.5, second = c30 / 2;
    ConnectomeBuilder builder(row_of_regions(), {row_of_directions()}, {.search_mm = 0.6, .metrics = metric_names({row_of_directions()}, false, false)}, device());
    builder.append(t.view());
    const auto c = builder.connectome();
    const auto value = [&](const char* name) { return c.metric(name).matrix[2]; };
    EXPECT_EQ(c.metric("count").matrix[2], 2);
    EXPECT_NEAR(value("coherence"), (first + second) / 2, 1e-7);
    EXPECT_NEAR(value("sum_coherence"), first + second, 1e-7);
    EXPECT_NEAR(value("min_coherence"), second, 1e-7);
    EXPECT_NEAR(value("sd_coherence"), (first - second) / std::sqrt(2.0), 1e-7);
    const double spread = std::sqrt((0.5 + 0.75) / 2.5 - first * first);
    EXPECT_NEAR(value("max_coherence_spread"), std::max(spread, c30 / 2), 1e-7);
    EXPECT_NEAR(value("coherence_spread"), (spread + c30 / 2) / 2, 1e-7);
    EXPECT_EQ(metric_names({row_of_directions()}, false, true), (std::vector<std::string>{"count", "mean_length", "inverse_length", "inverse_volume", "density", "coherence", "coherence_spread"}));
}

TEST_P(TractCoherence, IsUndefinedWhereThereIsNoDirection) {
    Tractogram t;
    t.append(std::array<float, 6>{4, 0, 0, 9, 0, 0});
    ConnectomeBuilder builder(row_of_regions(), {row_of_directions()}, {.search_mm = 0.6}, device());
    builder.append(t.view());
    const auto c = builder.connectome();
    EXPECT_EQ(c.metric("count").matrix[5], 1);
    EXPECT_TRUE(std::isnan(c.metric("coherence").matrix[5]));
    EXPECT_TRUE(std::isnan(c.metric("coherence_spread").matrix[5]));
    EXPECT_THROW(ConnectomeBuilder(row_of_regions(), {{"peaks", "", ScalarImage({{10, 1, 1}, {}}, 4), true}}, {}, device()), InputError);
}

TEST_P(TractCoherence, AgreesWithTheOracle) {
    const Scene scene(597);
    ScalarMap map{"coherence", "", ScalarImage(scene.maps[0].image.grid, 6), true};
    for (std::int64_t v = 0; v < map.image.grid.voxels(); ++v) {
        const auto a = kernels::Philox{21, static_cast<std::uint64_t>(v), kernels::Purpose::seed, 0}(0), b = kernels::Philox{21, static_cast<std::uint64_t>(v), kernels::Purpose::seed, 1}(0);
        for (int k = 0; k < 3; ++k) {
            map.image.at(v, k) = a.v[3] % 5 ? kernels::uniform(a.v[k]) - 0.5f : 0;
            map.image.at(v, 3 + k) = b.v[3] % 2 ? kernels::uniform(b.v[k]) - 0.5f : NAN;
        }
    }
    const auto view = scene.tractogram.view();
    std::map<std::int32_t, std::size_t> row;
    for (const auto& node : scene.parcellation.nodes) row.emplace(node.label, row.size());
    const std::size_t n = row.size();
    std::vector<double> means(n * n), spreads(n * n), counts(n * n);
    for (std::int64_t s = 0; s < view.size(); ++s) {
        const auto line = view.streamline(s);
        const auto a = reference::nearest_label(scene.parcellation.labels, reference::vertex(line, 0), 4);
        const auto b = reference::nearest_label(scene.parcellation.labels, reference::vertex(line, line.size() / 3 - 1), 4);
        const auto along = reference::alignments(line, map.image);
        if (a == 0 || b == 0 || along.empty()) continue;
        double mm = 0, sum = 0, squares = 0;
        for (const auto& v : along) mm += v.weight, sum += v.weight * v.value;
        for (const auto& v : along) squares += v.weight * (v.value - sum / mm) * (v.value - sum / mm);
        for (const std::size_t e : std::set{row[a] * n + row[b], row[b] * n + row[a]}) {
            means[e] += sum / mm;
            spreads[e] += std::sqrt(squares / mm);
            counts[e] += 1;
        }
    }
    ConnectomeBuilder builder(scene.parcellation, {map}, {}, device());
    builder.append(view);
    const auto c = builder.connectome();
    int defined = 0;
    for (std::size_t e = 0; e < n * n; ++e) {
        if (counts[e] == 0) continue;
        // The length in a voxel, and where a streamline enters and leaves it, are of single precision, up to 20 mm from the origin.
        EXPECT_NEAR(c.metric("coherence").matrix[e], means[e] / counts[e], 1e-4);
        EXPECT_NEAR(c.metric("coherence_spread").matrix[e], spreads[e] / counts[e], 3e-4);
        ++defined;
    }
    EXPECT_GT(defined, 100);
}

TEST(TractCoherenceBytes, AreTheSameForAnyThreadsAndChunks) {
    const Scene scene(300);
    ScalarMap map{"coherence", "", ScalarImage(scene.maps[1].image.grid, 3), true};
    for (std::int64_t v = 0; v < map.image.grid.voxels(); ++v)
        for (int k = 0; k < 3; ++k) map.image.at(v, k) = static_cast<float>((v * 7 + k * 13) % 11) - 5;
    const auto build = [&](const Device& device, std::int64_t chunk) {
        ConnectomeBuilder builder(scene.parcellation, {map}, {.metrics = metric_names({map}, false, false), .errors = true, .chunk = chunk}, device);
        builder.append(scene.tractogram.view());
        return builder.connectome();
    };
    const auto expected = build(Device::open("cpu", 1), 1 << 16);
    const auto check = [&](const Device& device) {
        for (const std::int64_t chunk : {1, 64, 300}) {
            const auto c = build(device, chunk);
            for (std::size_t m = 0; m < c.metrics.size(); ++m)
                EXPECT_EQ(std::memcmp(c.metrics[m].matrix.data(), expected.metrics[m].matrix.data(), c.metrics[m].matrix.size() * sizeof(double)), 0) << c.metrics[m].name << " on " << device.name();
        }
    };
    for (const int threads : {1, 2, 3}) check(Device::open("cpu", threads));
    if (const auto cuda = test::open_for_test("cuda"); cuda.device)
        check(*cuda.device);
    else
        GTEST_LOG_(INFO) << "not on CUDA: " << cuda.reason;
}

}  // namespace
}  // namespace arcuate::connectome
