// Soft parcellations: by hand, beside labels, and against expected values in double precision.
#include "arcuate/connectome/build.hpp"
#include "arcuate/connectome/quality.hpp"
#include "arcuate/core/error.hpp"

#include "connectome/scene.hpp"
#include "devices.hpp"
#include "reference/connectome.hpp"

#include <gmock/gmock.h>

#include <cstring>
#include <utility>

namespace arcuate::connectome {
namespace {

using testing::HasSubstr;

class SoftParcellations : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(SoftParcellations);

bool same_bytes(const std::vector<double>& a, const std::vector<double>& b) { return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0; }

/// Ten voxels of 1 mm along x: at 0 three quarters of region 1; at 4 a quarter of region 1 and three quarters of region 2; at 9 region 3.
Parcellation row_of_shares() {
    return make_soft_parcellation({{10, 1, 1}, {}}, 3, std::vector<VoxelShare>{{0, 1, 0.75f}, {4, 1, 0.25f}, {4, 2, 0.75f}, {9, 3, 1}}, "shares");
}

TEST_P(SoftParcellations, ByHand) {
    Tractogram t;
    t.append(std::array<float, 6>{0, 0, 0, 4, 0, 0});  // 4 mm: 1-1 3/16, 1-2 9/16, none-1 1/16, none-2 3/16
    t.append(std::array<float, 6>{9, 0, 0, 4, 0, 0});  // 5 mm: 3-1 1/4, 3-2 3/4
    t.append(std::array<float, 6>{4, 0, 0, 4, 0, 0});  // 0 mm: 1-1 1/16, 1-2 twice 3/16, 2-2 9/16
    t.append(std::array<float, 6>{0, 0, 0, 2, 0, 0});  // 2 mm: 1-none 3/4, none-none 1/4
    ConnectomeBuilder builder(row_of_shares(), {},
                              {.search_mm = 0.6, .metrics = {"weight", "mean_length", "inverse_volume", "sum_length", "max_length", "sd_length"}, .keep_assignments = true, .weights = {1, 2, 1, 1}}, device());
    builder.append(t.view());
    const auto c = builder.connectome(0, true);
    EXPECT_EQ(c.metric("count").matrix, (std::vector<double>{0.25, 0.8125, 0.1875, 0,       //
                                                             0.8125, 0.25, 0.9375, 0.25,    //
                                                             0.1875, 0.9375, 0.5625, 0.75,  //
                                                             0, 0.25, 0.75, 0}));
    EXPECT_EQ(c.metric("weight").matrix[1 * 4 + 3], 0.5);
    EXPECT_NEAR(c.metric("mean_length").matrix[1 * 4 + 2], (0.5625 * 4 + 0.375 * 0) / 0.9375, 1e-12);
    EXPECT_NEAR(c.metric("mean_length").matrix[1], (0.0625 * 4 + 0.75 * 2) / 0.8125, 1e-12);
    EXPECT_NEAR(c.metric("sum_length").matrix[2 * 4 + 3], 2 * 0.75 * 5, 1e-12);
    EXPECT_EQ(c.metric("max_length").matrix[1 * 4 + 1], 4) << "of all that may be in the edge";
    const double w[] = {0.5625, 0.375}, sum = 0.9375, mean = 0.5625 * 4 / sum;
    EXPECT_NEAR(c.metric("sd_length").matrix[1 * 4 + 2], std::sqrt((w[0] * (4 - mean) * (4 - mean) + w[1] * mean * mean) / (sum - (w[0] * w[0] + w[1] * w[1]) / sum)), 1e-9);
    // Sizes are sums of shares: 1, 0.75 and 1; what belongs to none 7.25.
    EXPECT_EQ(c.nodes[2].voxels, 0.75);
    EXPECT_NEAR(c.metric("inverse_volume").matrix[2 * 4 + 3], 2 * 0.75 * 2 / 1.75, 1e-12);
    EXPECT_NEAR(c.metric("inverse_volume").matrix[2 * 4 + 2], 0.5625 / 0.75, 1e-12);
    EXPECT_NEAR(c.metric("inverse_volume").matrix[2], 0.1875 * 2 / (7.25 + 0.75), 1e-12);
    EXPECT_EQ(builder.assignments().labels, (std::vector<std::int32_t>{1, 2, 3, 2, 2, 2, 1, 0})) << "the largest shares";
    EXPECT_EQ(c.streamlines, 4);
    EXPECT_EQ(c.assigned, 3);  // 2.75
    EXPECT_EQ(c.half_assigned, 1);
}

TEST_P(SoftParcellations, AreFoundAsLabelsAre) {
    // A tenth of a region is found as a whole one is; the nearest voxel counts, not the likelier one behind it.
    const auto faint = make_soft_parcellation({{10, 1, 1}, {}}, 2, std::vector<VoxelShare>{{0, 1, 1}, {6, 1, 0.125f}, {7, 2, 1}}, "shares");
    Tractogram t;
    t.append(std::array<float, 6>{0, 0, 0, 5, 0, 0});
    const auto count = [&](Assignment way, double search_mm) {
        ConnectomeBuilder builder(faint, {}, {.assignment = way, .search_mm = search_mm}, device());
        builder.append(t.view());
        return builder.connectome(0, true).metric("count").matrix;
    };
    const std::vector<double> near{0, 0.875, 0, 0.875, 0.125, 0, 0, 0, 0}, nothing{0, 1, 0, 1, 0, 0, 0, 0, 0};
    EXPECT_EQ(count(Assignment::radial_search, 3), near);
    EXPECT_EQ(count(Assignment::radial_search, 1), nothing) << "strictly closer";
    EXPECT_EQ(count(Assignment::forward_search, 3), near);
    EXPECT_EQ(count(Assignment::end_voxels, 0), nothing);
}

TEST_P(SoftParcellations, OneRegionPerVoxelIsALabel) {
    const Scene scene(597);
    const Parcellation soft = one_hot(scene.parcellation);
    std::vector<float> weights;
    for (int s = 0; s < 597; ++s) weights.push_back(0.1f * static_cast<float>(s % 23));
    for (const auto& way : assignment_names) {
        ConnectomeOptions options{.assignment = way.way, .search_mm = 5, .metrics = metric_names(scene.maps, true, false), .errors = true, .keep_assignments = true, .weights = weights};
        if (way.way == Assignment::all_voxels) {
            EXPECT_THROW(ConnectomeBuilder(soft, scene.maps, options, device()), InputError);
            continue;
        }
        for (const bool vector : {false, true}) {
            options.vector = vector;
            ConnectomeBuilder by_label(scene.parcellation, scene.maps, options, device()), by_share(soft, scene.maps, options, device());
            by_label.append(scene.tractogram.view());
            by_share.append(scene.tractogram.view());
            const auto a = by_label.connectome(0, true), b = by_share.connectome(0, true);
            ASSERT_EQ(a.metrics.size(), b.metrics.size());
            for (std::size_t m = 0; m < a.metrics.size(); ++m) EXPECT_TRUE(same_bytes(a.metrics[m].matrix, b.metrics[m].matrix)) << way.name << ", " << a.metrics[m].name;
            EXPECT_EQ(a.assigned, b.assigned);
            EXPECT_EQ(a.half_assigned, b.half_assigned);
            for (std::size_t k = 1; k < a.nodes.size(); ++k) {
                EXPECT_EQ(a.nodes[k].voxels, b.nodes[k].voxels);
                EXPECT_EQ(a.nodes[k].centre, b.nodes[k].centre);
            }
            for (std::size_t i = 0; i < by_label.assignments().labels.size(); ++i) {
                const auto number = by_share.assignments().labels[i];
                ASSERT_EQ(by_label.assignments().labels[i], number == 0 ? 0 : scene.parcellation.nodes[static_cast<std::size_t>(number) - 1].label);
            }
        }
    }
}

TEST_P(SoftParcellations, AgreeWithTheOracle) {
    const Scene scene(597);
    const Parcellation soft = in_parts(scene.parcellation);
    const auto view = scene.tractogram.view();
    std::vector<float> weights;
    for (int s = 0; s < 597; ++s) weights.push_back(0.1f * static_cast<float>(1 + s % 23));

    // Shares as doubles, column 0 for none; each voxel that has a region is a label of its own.
    const std::size_t n = 8;
    LabelImage numbers(soft.labels.grid, 1, 0);
    std::vector<double> shares(numbers.data.size() * n), volumes(n);
    for (std::size_t v = 0; v < numbers.data.size(); ++v) {
        shares[n * v] = 1;
        for (auto i = soft.offsets[v]; i < soft.offsets[v + 1]; ++i) {
            numbers.data[v] = static_cast<std::int32_t>(v) + 1;
            shares[n * v + static_cast<std::size_t>(soft.shares[i].label)] = static_cast<double>(soft.shares[i].share);
            shares[n * v] -= static_cast<double>(soft.shares[i].share);
        }
        for (std::size_t k = 0; k < n; ++k) volumes[k] += shares[n * v + k];
    }
    struct Edge {
        double count = 0, counts = 0, weight = 0, weights = 0, length = 0, lengths = 0, mixed = 0, spread = 0, density = 0, shortest = INFINITY;
    };
    std::vector<Edge> edges(n * n);
    for (std::int64_t s = 0; s < view.size(); ++s) {
        const auto line = view.streamline(s);
        const auto shares_at = [&](std::size_t at) {
            const auto voxel = reference::nearest_label(numbers, reference::vertex(line, at), 4);
            std::vector<double> out(n);
            out[0] = 1;
            for (std::size_t k = 0; voxel > 0 && k < n; ++k) out[k] = shares[n * (static_cast<std::size_t>(voxel) - 1) + k];
            return out;
        };
        const auto p = shares_at(0), q = shares_at(line.size() / 3 - 1);
        const double x = reference::streamline_length(line);
        for (std::size_t a = 0; a < n; ++a)
            for (std::size_t b = 0; b < n; ++b) {
                const double share = a == b ? p[a] * q[a] : p[a] * q[b] + p[b] * q[a], w = share * static_cast<double>(weights[static_cast<std::size_t>(s)]);
                if (!(share > 1e-6)) continue;  // what rounding leaves of 1
                auto& edge = edges[a * n + b];
                edge.count += share;
                edge.counts += share * share;
                edge.weight += w;
                edge.weights += w * w;
                edge.length += w * x;
                edge.lengths += w * x * x;
                edge.mixed += w * w * x;
                edge.spread += w * w * x * x;
                edge.density += w / x * 2 / (volumes[a] + volumes[b]);
                edge.shortest = std::min(edge.shortest, x);
            }
    }
    ConnectomeBuilder builder(soft, scene.maps, {.metrics = {"weight", "mean_length", "sd_length", "min_length", "density"}, .errors = true, .chunk = 100, .weights = weights}, device());
    builder.append(view);
    const auto c = builder.connectome(0, true);
    const double all = 597;
    double total = 0;
    for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = 0; b < n; ++b) {
            const auto& edge = edges[a * n + b];
            const auto value = [&](const char* name) { return c.metric(name).matrix[a * n + b]; };
            if (a <= b) total += value("count");
            ASSERT_GT(edge.count, 0.1) << "every edge is met";
            EXPECT_NEAR(value("count"), edge.count, 1e-6 * edge.count);
            EXPECT_NEAR(value("count_sampling_se"), std::sqrt(all / (all - 1) * (edge.counts - edge.count * edge.count / all)), 1e-5 * std::sqrt(edge.counts));
            EXPECT_NEAR(value("weight"), edge.weight, 1e-6 * edge.weight);
            EXPECT_NEAR(value("weight_sampling_se"), std::sqrt(all / (all - 1) * (edge.weights - edge.weight * edge.weight / all)), 1e-5 * std::sqrt(edge.weights));
            const double mean = edge.length / edge.weight;
            EXPECT_NEAR(value("mean_length"), mean, 1e-6 * mean);
            EXPECT_NEAR(value("sd_length"), std::sqrt((edge.lengths - edge.weight * mean * mean) / (edge.weight - edge.weights / edge.weight)), 1e-5 * mean);
            EXPECT_NEAR(value("mean_length_sampling_se"), std::sqrt((edge.spread - 2 * mean * edge.mixed + mean * mean * edge.weights) / (edge.weight * edge.weight - edge.weights)), 1e-5 * mean);
            EXPECT_NEAR(value("min_length"), edge.shortest, 1e-5);
            EXPECT_NEAR(value("density"), edge.density, 1e-6 * edge.density);
        }
    EXPECT_NEAR(total, all, 1e-5) << "a streamline is shared out wholly";
}

TEST(SoftParcellationBytes, AreTheSameForAnyThreadsChunksAndOrder) {
    const Scene scene(597);
    const Parcellation soft = in_parts(scene.parcellation);
    const auto view = scene.tractogram.view();
    Tractogram turned;  // the last first, and each from its other end
    for (std::int64_t s = view.size() - 1; s >= 0; --s) {
        const auto line = view.streamline(s);
        std::vector<float> back;
        for (std::size_t v = line.size() / 3; v-- > 0;) back.insert(back.end(), line.begin() + static_cast<std::ptrdiff_t>(3 * v), line.begin() + static_cast<std::ptrdiff_t>(3 * v + 3));
        turned.append(back);
    }
    const auto build = [&](const Tractogram& t, const Device& device, std::int64_t chunk) {
        // Lengths of a streamline turned round add up in another order.
        ConnectomeBuilder builder(soft, {}, {.metrics = {"inverse_volume", "sd_inverse_volume"}, .errors = true, .chunk = chunk}, device);
        builder.append(t.view());
        return builder.connectome(0, true);
    };
    const auto expected = build(scene.tractogram, Device::open("cpu", 1), 1 << 16);
    const auto check = [&](const Device& device) {
        for (const Tractogram* t : {&std::as_const(scene.tractogram), &std::as_const(turned)})
            for (const std::int64_t chunk : {1, 64, 597}) {
                const auto c = build(*t, device, chunk);
                for (std::size_t m = 0; m < c.metrics.size(); ++m) EXPECT_TRUE(same_bytes(c.metrics[m].matrix, expected.metrics[m].matrix)) << c.metrics[m].name << " on " << device.name() << ", chunk " << chunk;
            }
    };
    for (const int threads : {1, 2, 3}) check(Device::open("cpu", threads));
    if (const auto cuda = test::open_for_test("cuda"); cuda.device)
        check(*cuda.device);
    else
        GTEST_LOG_(INFO) << "not on CUDA: " << cuda.reason;
}

TEST(SoftParcellationQuality, NamesRegionsWithoutAShare) {
    const auto soft = make_soft_parcellation({{10, 1, 1}, {}}, 4, std::vector<VoxelShare>{{0, 1, 1}, {4, 2, 0.5f}, {9, 3, 1}}, "shares");
    Tractogram t;
    t.append(std::array<float, 6>{0, 0, 0, 4, 0, 0});
    ConnectomeBuilder builder(soft, {}, {.search_mm = 0.6}, Device::open("cpu", 1));
    builder.append(t.view());
    const auto quality = check_quality(builder.connectome(), "t.tck", "p.nii");
    EXPECT_EQ(quality.edges, 1);
    EXPECT_THAT(quality.warnings, testing::ElementsAre(HasSubstr("without a voxel in p.nii: 4"), HasSubstr("that no streamline connects: 3")));
}

}  // namespace
}  // namespace arcuate::connectome
