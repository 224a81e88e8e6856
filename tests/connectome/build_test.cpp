// Edges: counts, lengths and means by hand, against the oracle, and the same whatever the order, the chunks and the threads.
#include "arcuate/connectome/build.hpp"

#include "connectome/scene.hpp"
#include "devices.hpp"
#include "reference/connectome.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

namespace arcuate::connectome {
namespace {

/// Same bits, NaN included.
bool same_bytes(const std::vector<double>& a, const std::vector<double>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

class BuildConnectome : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(BuildConnectome);

TEST_P(BuildConnectome, ByHand) {
    // The map is x itself, unknown from x = 7 on.
    ScalarMap map{"x", "mm", ScalarImage({{10, 1, 1}, {}}, 1)};
    for (int x = 0; x < 10; ++x) map.image.at(x) = x < 7 ? static_cast<float>(x) : NAN;

    Tractogram t;
    t.append(std::array<float, 9>{0, 0, 0, 1, 0, 0, 4, 0, 0});    // 1-3: 4 mm; mean (0.5*0 + 2*1 + 1.5*4) / 4 = 2
    t.append(std::array<float, 6>{4, 0, 0, 0, 0, 0});             // 3-1: 4 mm; mean (2*4 + 2*0) / 4 = 2
    t.append(std::array<float, 9>{0, 0, 0, 6, 0, 0, 9, 0, 0});    // 1-2: 9 mm; the last vertex has no value: (3*0 + 4.5*6) / 7.5 = 3.6
    t.append(std::array<float, 6>{8, 0, 0, 9, 0, 0});             // 2-2: 1 mm; no value anywhere
    t.append(std::array<float, 6>{0, 0, 0, 2, 0, 0});             // 1-none
    t.append(std::array<float, 6>{0, 50, 0, 2, 50, 0});           // none-none
    t.append(std::array<float, 9>{0, 0, 0, NAN, 0, 0, 4, 0, 0});  // no streamline at all: none-none
    t.append(std::span<const float>{});                           // no vertex: none-none
    ConnectomeBuilder builder(row_of_regions(), {map}, {.search_mm = 1.5, .keep_assignments = true}, device());
    builder.append(t.view());
    const Connectome c = builder.connectome();

    EXPECT_EQ(builder.assignments().labels, (std::vector<std::int32_t>{1, 3, 3, 1, 1, 2, 2, 2, 1, 0, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(c.streamlines, 8);
    EXPECT_EQ(c.assigned, 4);
    EXPECT_EQ(c.metric("count").matrix, (std::vector<double>{0, 1, 2, 1, 1, 0, 2, 0, 0}));
    const auto& length = c.metric("mean_length").matrix;
    EXPECT_EQ(length[2], 4);
    EXPECT_EQ(length[6], 4);
    EXPECT_EQ(length[1], 9);
    EXPECT_EQ(length[4], 1);
    EXPECT_TRUE(std::isnan(length[0]));
    const auto& mean = c.metric("mean_x").matrix;
    EXPECT_NEAR(mean[2], 2, 4e-9);  // the scale is 2^28 per unit: a term is off by 1.9e-9 at most
    EXPECT_NEAR(mean[1], 3.6, 4e-9);
    EXPECT_TRUE(std::isnan(mean[4])) << "a mean over no streamline that has one";
    EXPECT_EQ(c.metric("mean_x").unit, "mm");
}

TEST_P(BuildConnectome, WeighsStreamlines) {
    Tractogram t;
    t.append(std::array<float, 6>{0, 0, 0, 4, 0, 0});           // 1-3, 4 mm
    t.append(std::array<float, 9>{0, 0, 0, 2, 1, 0, 4, 0, 0});  // 1-3, 2 sqrt 5 mm
    t.append(std::array<float, 6>{0, 0, 0, 9, 0, 0});           // 1-2, of no weight
    ConnectomeBuilder builder(row_of_regions(), {}, {.search_mm = 1.5, .chunk = 2, .weights = {0.25f, 0.75f, 0}}, device());
    builder.append(t.view());
    const Connectome c = builder.connectome();
    EXPECT_EQ(c.metric("weight").matrix, (std::vector<double>{0, 0, 1, 0, 0, 0, 1, 0, 0}));
    EXPECT_EQ(c.metric("count").matrix, (std::vector<double>{0, 1, 2, 1, 0, 0, 2, 0, 0}));
    EXPECT_NEAR(c.metric("mean_length").matrix[2], 0.25 * 4 + 0.75 * 2 * std::sqrt(5.0), 1e-6);
    EXPECT_TRUE(std::isnan(c.metric("mean_length").matrix[1]));
    EXPECT_THROW(builder.append(t.view()), InputError) << "more streamlines than weights";
    EXPECT_THROW(ConnectomeBuilder(row_of_regions(), {}, {.weights = {-1}}, device()), InputError);
}

TEST_P(BuildConnectome, AgreesWithTheOracle) {
    const Scene scene(597);
    ConnectomeBuilder builder(scene.parcellation, scene.maps, {.keep_assignments = true, .chunk = 100}, device());
    builder.append(scene.tractogram.view());
    const Connectome c = builder.connectome();

    std::map<std::int32_t, std::size_t> row;
    for (const auto& node : scene.parcellation.nodes) row.emplace(node.label, row.size());
    const std::size_t n = row.size();
    struct Edge {
        double count = 0, length = 0;
        std::array<double, 2> sum{}, has{};
    };
    std::vector<Edge> edges(n * n);
    std::vector<std::int32_t> ends;
    for (std::int64_t s = 0; s < scene.tractogram.size(); ++s) {
        const auto line = scene.tractogram.view().streamline(s);
        const auto a = reference::nearest_label(scene.parcellation.labels, reference::vertex(line, 0), 4);
        const auto b = reference::nearest_label(scene.parcellation.labels, reference::vertex(line, line.size() / 3 - 1), 4);
        ends.insert(ends.end(), {a, b});
        if (a == 0 || b == 0) continue;
        const std::size_t i = row[a], j = row[b];
        for (auto* edge : i == j ? std::vector{&edges[i * n + j]} : std::vector{&edges[i * n + j], &edges[j * n + i]}) {
            edge->count += 1;
            edge->length += reference::streamline_length(line);
            for (std::size_t m = 0; m < 2; ++m)
                if (const double mean = reference::mean_along(line, scene.maps[m].image); !std::isnan(mean)) {
                    edge->sum[m] += mean;
                    edge->has[m] += 1;
                }
        }
    }
    EXPECT_EQ(builder.assignments().labels, ends);
    EXPECT_GT(c.assigned, 100);
    EXPECT_LT(c.assigned, c.streamlines);
    for (std::size_t e = 0; e < n * n; ++e) {
        ASSERT_EQ(c.metric("count").matrix[e], edges[e].count);
        if (edges[e].count == 0) continue;
        // Single-precision vertices and interpolation: a part in 10^6 of 20 mm and of each map's range.
        EXPECT_NEAR(c.metric("mean_length").matrix[e], edges[e].length / edges[e].count, 2e-5);
        for (std::size_t m = 0; m < 2; ++m) {
            const double mean = c.metric(m == 0 ? "mean_a" : "mean_b").matrix[e];
            if (edges[e].has[m] == 0)
                EXPECT_TRUE(std::isnan(mean));
            else
                EXPECT_NEAR(mean, edges[e].sum[m] / edges[e].has[m], m == 0 ? 2e-6 : 6e-9);
        }
    }
}

TEST(BuildConnectomeBytes, AreTheSameForAnyThreadsChunksBatchesOrderAndDevice) {
    const Scene scene(597);
    std::vector<float> weights;
    for (int s = 0; s < 597; ++s) weights.push_back(0.1f * static_cast<float>(s % 23));
    for (const auto& way : assignment_names) {
        const bool precise = way.way == Assignment::end_voxels;  // once will do
        const auto build = [&](const Device& device, std::int64_t chunk, bool in_pieces) {
            ConnectomeOptions options{.assignment = way.way, .search_mm = 5, .metrics = metric_names(scene.maps, true, false), .precise = precise, .errors = true, .chunk = chunk, .weights = weights};
            const TractogramView all = scene.tractogram.view();
            if (in_pieces) {  // the last 500 first; views need not begin at vertex 0
                std::rotate(options.weights.begin(), options.weights.begin() + 97, options.weights.end());
                ConnectomeBuilder builder(scene.parcellation, scene.maps, options, device);
                for (const auto& [first, size] : {std::pair<std::size_t, std::size_t>{97, 500}, {0, 97}})
                    builder.append({all.positions, all.offsets.subspan(first, size + 1)});
                return builder.connectome();
            }
            ConnectomeBuilder builder(scene.parcellation, scene.maps, options, device);
            builder.append(all);
            return builder.connectome();
        };
        const Connectome expected = build(Device::open("cpu", 1), 1 << 16, false);
        EXPECT_GT(expected.metrics.size(), metric_names(scene.maps, true, false).size()) << "with errors";
        const auto check = [&](const Device& device) {
            for (const std::int64_t chunk : {1, 64, 597})
                for (const bool in_pieces : {false, true}) {
                    const Connectome c = build(device, chunk, in_pieces);
                    EXPECT_EQ(c.assigned, expected.assigned);
                    for (std::size_t m = 0; m < c.metrics.size(); ++m)
                        EXPECT_TRUE(same_bytes(c.metrics[m].matrix, expected.metrics[m].matrix)) << way.name << ", " << c.metrics[m].name << " on " << device.name() << ", chunk " << chunk;
                }
        };
        for (const int threads : {1, 2, 3}) check(Device::open("cpu", threads));
        if (const auto cuda = test::open_for_test("cuda"); cuda.device)
            check(*cuda.device);
        else
            GTEST_LOG_(INFO) << "not on CUDA: " << cuda.reason;
    }
}

TEST(BuildConnectomeInput, RefusesMapsItCannotUse) {
    const auto device = Device::open("cpu", 1);
    const Grid grid{{10, 1, 1}, {}};
    EXPECT_THROW(ConnectomeBuilder(row_of_regions(), {{"a", "", ScalarImage(grid, 2)}}, {}, device), InputError);
    EXPECT_THROW(ConnectomeBuilder(row_of_regions(), {{"a", "", ScalarImage(grid, 1)}, {"a", "", ScalarImage(grid, 1)}}, {}, device), InputError);
    EXPECT_THROW(ConnectomeBuilder(row_of_regions(), {{"length", "", ScalarImage(grid, 1)}}, {}, device), InputError);
    EXPECT_THROW(ConnectomeBuilder(row_of_regions(), {{"fa", "", ScalarImage(grid, 1)}}, {.metrics = {"mean_md"}}, device), InputError);
    EXPECT_THROW(ConnectomeBuilder(row_of_regions(), {}, {.metrics = {"weight"}}, device), InputError) << "without weights";
}

}  // namespace
}  // namespace arcuate::connectome
