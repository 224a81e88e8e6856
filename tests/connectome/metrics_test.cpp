// What edges are given: every metric by hand and against double precision, several parcellations at once, and the warnings.
#include "arcuate/connectome/build.hpp"
#include "arcuate/connectome/quality.hpp"

#include "connectome/scene.hpp"
#include "devices.hpp"
#include "reference/connectome.hpp"

#include <gmock/gmock.h>

#include <cstring>
#include <map>

namespace arcuate::connectome {
namespace {

using testing::HasSubstr;

class EdgeMetrics : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(EdgeMetrics);

/// x along the row of regions.
ScalarMap ramp() {
    ScalarMap map{"x", "mm", ScalarImage({{10, 1, 1}, {}}, 1)};
    for (int x = 0; x < 10; ++x) map.image.at(x) = static_cast<float>(x);
    return map;
}

TEST_P(EdgeMetrics, ByHand) {
    auto parcellation = row_of_regions();
    parcellation.nodes[2].voxels = 3;  // region 3: volumes 1 and 3, 2 / (1 + 3) = 0.5
    Tractogram t;
    t.append(std::array<float, 9>{0, 0, 0, 1, 0, 0, 4, 0, 0});              // 1-3: 4 mm, values 0 1 4
    t.append(std::array<float, 12>{4, 0, 0, 1, 0, 0, 3, 0, 0, 0, 0, 0});    // 3-1: 8 mm, values 4 1 3 0
    ConnectomeBuilder builder(parcellation, {ramp()}, {.search_mm = 0.6, .metrics = metric_names({ramp()}, true, false), .weights = {1, 3}}, device());
    builder.append(t.view());
    const Connectome c = builder.connectome();
    const std::map<std::string, double> expected{
        {"count", 2}, {"weight", 4},
        {"mean_length", 7}, {"sum_length", 28}, {"min_length", 4}, {"max_length", 8},
        {"inverse_length", 0.625}, {"mean_inverse_length", 0.15625}, {"min_inverse_length", 0.125}, {"max_inverse_length", 0.25},
        {"inverse_volume", 2}, {"mean_inverse_volume", 0.5}, {"min_inverse_volume", 0.5}, {"max_inverse_volume", 0.5},
        {"density", 0.3125}, {"mean_density", 0.078125}, {"min_density", 0.0625}, {"max_density", 0.125},
        // Means along: (0.5 x 0 + 2 x 1 + 1.5 x 4) / 4 = 2 and (1.5 x 4 + 2.5 x 1 + 2.5 x 3 + 1.5 x 0) / 8 = 2.
        {"mean_x", 2}, {"sum_mean_x", 8}, {"min_mean_x", 2}, {"max_mean_x", 2},
        {"median_x", 1.75}, {"sum_median_x", 7}, {"min_median_x", 1}, {"max_median_x", 2},
        {"min_x", 0}, {"sum_min_x", 0}, {"min_min_x", 0}, {"max_min_x", 0},
        {"max_x", 4}, {"sum_max_x", 16}, {"min_max_x", 4}, {"max_max_x", 4},
        // Of 4 with weight 1 and 8 with weight 3, mean 7: (1 x 9 + 3 x 1) / (4 - 10 / 4) = 8; of others as far apart in their own units.
        {"sd_length", std::sqrt(8.0)}, {"sd_inverse_length", std::sqrt(8.0) / 32}, {"sd_inverse_volume", 0}, {"sd_density", std::sqrt(8.0) / 64},
        {"sd_mean_x", 0}, {"sd_median_x", std::sqrt(8.0) / 4}, {"sd_min_x", 0}, {"sd_max_x", 0}};
    ASSERT_EQ(c.metrics.size(), expected.size());
    for (const auto& metric : c.metrics) {
        // A deviation is the root of a difference, of which rounding leaves 1e-15 of the squares.
        EXPECT_NEAR(metric.matrix[2], expected.at(metric.name), metric.name.starts_with("sd_") ? 1e-6 : 1e-12) << metric.name;
        EXPECT_EQ(metric.matrix[2], metric.matrix[6]);
        const bool is_sum = metric.name == "count" || metric.name == "weight" || metric.name == "inverse_length" || metric.name == "inverse_volume" || metric.name == "density" ||
                            metric.name.starts_with("sum_");
        EXPECT_TRUE(is_sum ? metric.matrix[0] == 0 : std::isnan(metric.matrix[0])) << metric.name << " of no streamline";
    }
    EXPECT_EQ(c.metric("density").unit, "1/(mm voxel)");
    EXPECT_EQ(c.metric("median_x").unit, "mm");
}

TEST_P(EdgeMetrics, OfValuesThatStreamlinesBring) {
    auto parcellation = row_of_regions();
    parcellation.nodes[2].voxels = 3;  // 2 / (1 + 3) = 0.5
    Tractogram t;
    t.append(std::array<float, 6>{0, 0, 0, 4, 0, 0});              // 1-3: 4 mm
    t.append(std::array<float, 9>{4, 0, 0, 2, 0, 0, 0, 0, 0});     // 3-1: 4 mm
    t.append(std::array<float, 9>{0, 0, 0, 6, 0, 0, 4, 0, 0});     // 1-3: 8 mm
    t.append(std::array<float, 6>{4, 0, 0, 0, 0, 0});              // 1-3, without a value
    const std::vector<StreamlineValues> values{{"v", {10, -2, 6, NAN}}, {"u", {1, 1, 1, 1}}};
    const std::vector<std::string> names{"mean_v", "sum_v", "min_v", "max_v", "sd_v", "mean_v_length", "v_inverse_length", "v_inverse_volume", "v_density", "max_v_density", "mean_u", "u_density", "density"};
    ConnectomeBuilder builder(parcellation, {}, {.search_mm = 0.6, .metrics = names, .chunk = 3, .weights = {1, 2, 3, 4}, .values = values}, device());
    builder.append(t.view());
    const auto c = builder.connectome();
    const std::map<std::string, double> expected{
        {"mean_v", (10 - 4 + 18) / 6.0}, {"sum_v", 24}, {"min_v", -2}, {"max_v", 10}, {"sd_v", std::sqrt((36 + 2 * 36 + 3 * 4) / (6 - 14 / 6.0))}, {"mean_v_length", (40 - 16 + 144) / 6.0},
        {"v_inverse_length", 10 / 4.0 - 4 / 4.0 + 18 / 8.0}, {"v_inverse_volume", 12}, {"v_density", (10 / 4.0 - 4 / 4.0 + 18 / 8.0) / 2}, {"max_v_density", 10 / 8.0},
        {"mean_u", 1}, {"u_density", (1 / 4.0 + 2 / 4.0 + 3 / 8.0 + 4 / 4.0) / 2}, {"density", (1 / 4.0 + 2 / 4.0 + 3 / 8.0 + 4 / 4.0) / 2}};
    EXPECT_EQ(c.metric("count").matrix[2], 4);
    for (const auto& [name, value] : expected) EXPECT_NEAR(c.metric(name).matrix[2], value, 1e-9) << name;
    EXPECT_EQ(metric_names({}, false, true, 0, values), (std::vector<std::string>{"count", "mean_length", "inverse_length", "inverse_volume", "density", "mean_v", "mean_u"}));
    EXPECT_THROW(builder.append(t.view()), InputError) << "more streamlines than values";
    EXPECT_THROW(ConnectomeBuilder(parcellation, {}, {.values = {{"v", {INFINITY}}}}, device()), InputError);
    EXPECT_THROW(ConnectomeBuilder(parcellation, {}, {.values = {{"v", {1}}, {"v", {1}}}}, device()), InputError);
    EXPECT_THROW(ConnectomeBuilder(parcellation, {}, {.values = {{"length", {1}}}}, device()), InputError);
}

// Maps on one grid are looked up together: each has the values that it has alone, to the last bit, with what is not finite in one of them.
TEST_P(EdgeMetrics, OfMapsOnOneGridAreThoseOfEachAlone) {
    const Scene scene(200);
    std::vector<ScalarMap> maps;
    for (int m = 0; m < 6; ++m) {
        maps.push_back({std::string(1, static_cast<char>('a' + m)), "", scene.maps[0].image});
        for (std::int64_t v = 0; v < maps.back().image.grid.voxels(); ++v) {
            const auto r = kernels::Philox{50 + static_cast<std::uint64_t>(m), static_cast<std::uint64_t>(v), kernels::Purpose::seed, 0}(0);
            maps.back().image.at(v) = kernels::uniform(r.v[0]) < 0.02f ? NAN : kernels::uniform(r.v[1]) - 0.5f;
        }
    }
    for (const bool precise : {false, true}) {
        const auto build = [&](const std::vector<ScalarMap>& of) {
            ConnectomeBuilder builder(scene.parcellation, of, {.metrics = metric_names(of, false, true), .precise = precise}, device());
            builder.append(scene.tractogram.view());
            return builder.connectome();
        };
        const auto together = build(maps);
        for (const auto& map : maps)
            for (const auto& metric : build({map}).metrics)
                EXPECT_EQ(std::memcmp(metric.matrix.data(), together.metric(metric.name).matrix.data(), metric.matrix.size() * sizeof(double)), 0) << metric.name;
    }
}

TEST_P(EdgeMetrics, PreciseByHand) {
    Tractogram t;
    t.append(std::array<float, 6>{0, 0, 0, 4, 0, 0});        // half a millimetre of 0 and of 4, one of 1, 2 and 3 each
    t.append(std::array<float, 6>{4, 0, 0, 9.25f, 0, 0});    // 0.5 of 4, one of 5 to 8 each, 0.75 of 9: half of 5.25 is in voxel 7
    ConnectomeBuilder builder(row_of_regions(), {ramp()}, {.search_mm = 0.6, .metrics = {"mean_x", "median_x", "min_x", "max_x"}, .precise = true}, device());
    builder.append(t.view());
    const Connectome c = builder.connectome();
    const auto value = [&](const char* name, std::size_t at) { return c.metric(name).matrix[at]; };
    EXPECT_NEAR(value("mean_x", 2), 2, 1e-6);
    EXPECT_NEAR(value("median_x", 2), 2, 1e-9);
    EXPECT_NEAR(value("min_x", 2), 0, 1e-9);
    EXPECT_NEAR(value("max_x", 2), 4, 1e-9);
    EXPECT_NEAR(value("mean_x", 5), (0.5 * 4 + 5 + 6 + 7 + 8 + 0.75 * 9) / 5.25, 1e-6);
    EXPECT_NEAR(value("median_x", 5), 7, 1e-9);
    EXPECT_NEAR(value("max_x", 5), 9, 1e-9);
}

TEST_P(EdgeMetrics, AgreeWithTheOracle) {
    const Scene scene(597);
    const auto view = scene.tractogram.view();
    std::map<std::int32_t, std::size_t> row;
    for (const auto& node : scene.parcellation.nodes) row.emplace(node.label, row.size());
    const std::size_t n = row.size();
    for (const bool precise : {false, true}) {
        // [statistic][map][edge]
        std::vector<std::vector<double>> sums(8, std::vector<double>(n * n)), counts = sums;
        for (std::int64_t s = 0; s < view.size(); ++s) {
            const auto line = view.streamline(s);
            const auto a = reference::nearest_label(scene.parcellation.labels, reference::vertex(line, 0), 4);
            const auto b = reference::nearest_label(scene.parcellation.labels, reference::vertex(line, line.size() / 3 - 1), 4);
            if (a == 0 || b == 0) continue;
            for (std::size_t m = 0; m < 2; ++m) {
                const auto values = precise ? reference::in_voxels(line, scene.maps[m].image) : reference::at_vertices(line, scene.maps[m].image);
                if (values.empty()) continue;
                double sum = 0, weight = 0, low = INFINITY, high = -INFINITY;
                for (const auto& v : values) {
                    sum += v.weight * v.value;
                    weight += v.weight;
                    low = std::min(low, v.value);
                    high = std::max(high, v.value);
                }
                const double of_line[] = {sum / weight, precise ? reference::weighted_median(values) : reference::median(values), low, high};
                for (std::size_t k = 0; k < 4; ++k)
                    for (const std::size_t e : std::set{row[a] * n + row[b], row[b] * n + row[a]}) {
                        sums[4 * m + k][e] += of_line[k];
                        counts[4 * m + k][e] += 1;
                    }
            }
        }
        ConnectomeBuilder builder(scene.parcellation, scene.maps, {.metrics = metric_names(scene.maps, false, true), .precise = precise}, device());
        builder.append(view);
        const Connectome c = builder.connectome();
        const char* names[] = {"mean_a", "median_a", "min_a", "max_a", "mean_b", "median_b", "min_b", "max_b"};
        for (std::size_t k = 0; k < 8; ++k) {
            int defined = 0;
            // Single precision of values up to 1 (a) and 3e-3 (b); a voxel's length is that of single precision positions, up to 20 mm from the origin.
            const double scale = k < 4 ? 1 : 3e-3, tolerance = scale * (precise && k % 4 == 0 ? 1e-4 : 1e-6);
            for (std::size_t e = 0; e < n * n; ++e) {
                const double value = c.metric(names[k]).matrix[e];
                if (counts[k][e] == 0)
                    ASSERT_TRUE(std::isnan(value)) << names[k];
                else
                    EXPECT_NEAR(value, sums[k][e] / counts[k][e], tolerance) << names[k] << (precise ? " precise" : "");
                defined += counts[k][e] > 0;
            }
            EXPECT_GT(defined, 100);
        }
    }
}

TEST_P(EdgeMetrics, VolumesOfAllVoxels) {
    auto parcellation = row_of_regions();
    for (std::size_t i = 0; i < 3; ++i) parcellation.nodes[i].voxels = static_cast<double>(1 + i);  // regions 1, 2, 3
    Tractogram t;
    t.append(std::array<float, 9>{0, 0, 0, 4, 0, 0, 9, 0, 0});
    ConnectomeBuilder builder(parcellation, {}, {.assignment = Assignment::all_voxels, .metrics = {"inverse_volume", "density"}}, device());
    builder.append(t.view());
    const auto c = builder.connectome();
    for (const double value : c.metric("inverse_volume").matrix) EXPECT_NEAR(value, 3.0 / 6, 1e-12);  // 3 / (1 + 2 + 3)
    for (const double value : c.metric("density").matrix) EXPECT_NEAR(value, 3.0 / 6 / 9, 1e-12);
}

TEST_P(EdgeMetrics, SmallWeightsKeepTheirDigitsBesideLargeOnes) {
    // A thousand streamlines of weight 1e-3 beside one of 1e3: the sums of either edge to 1e-8 of themselves.
    Tractogram t;
    std::vector<float> weights;
    for (int i = 0; i < 1000; ++i) {
        t.append(std::array<float, 6>{0, 0, 0, 4, 0, 0});
        weights.push_back(1e-3f);
    }
    t.append(std::array<float, 6>{0, 0, 0, 9, 0, 0});
    weights.push_back(1e3f);
    ConnectomeBuilder builder(row_of_regions(), {}, {.search_mm = 0.6, .metrics = {"weight", "density", "mean_length"}, .weights = weights}, device());
    builder.append(t.view());
    const auto c = builder.connectome();
    const double w = static_cast<double>(1e-3f);
    EXPECT_NEAR(c.metric("weight").matrix[2] / (1000 * w), 1, 1e-8);
    EXPECT_NEAR(c.metric("density").matrix[2] / (1000 * w / 4), 1, 1e-8);
    EXPECT_NEAR(c.metric("mean_length").matrix[2], 4, 1e-8);
    EXPECT_EQ(c.metric("weight").matrix[1], 1e3);
}

TEST_P(EdgeMetrics, SeveralParcellationsAreThoseOfEachAlone) {
    const Scene scene(200);
    std::vector<Parcellation> two{scene.parcellation, row_of_regions()};
    const ConnectomeOptions options{.metrics = metric_names(scene.maps, false, true), .keep_assignments = true};
    ConnectomeBuilder both(two, scene.maps, options, device());
    both.append(scene.tractogram.view());
    for (std::size_t p = 0; p < 2; ++p) {
        ConnectomeBuilder alone(two[p], scene.maps, options, device());
        alone.append(scene.tractogram.view());
        EXPECT_EQ(both.assignments(p).labels, alone.assignments().labels);
        const auto a = both.connectome(p), b = alone.connectome();
        for (std::size_t m = 0; m < a.metrics.size(); ++m)
            for (std::size_t e = 0; e < a.metrics[m].matrix.size(); ++e)
                ASSERT_TRUE(a.metrics[m].matrix[e] == b.metrics[m].matrix[e] || (std::isnan(a.metrics[m].matrix[e]) && std::isnan(b.metrics[m].matrix[e])));
    }
}

TEST_P(EdgeMetrics, TheDiagonalAndTheUnassignedAreShownAsAsked) {
    Tractogram t;
    t.append(std::array<float, 6>{0, 0, 0, 4, 0, 0});  // 1-3
    t.append(std::array<float, 6>{0, 0, 0, 0, 0, 0});  // 1-1
    t.append(std::array<float, 6>{0, 0, 0, 2, 0, 0});  // 1-none
    ConnectomeBuilder builder(row_of_regions(), {}, {.search_mm = 0.6, .zero_diagonal = true}, device());
    builder.append(t.view());
    const auto c = builder.connectome(0, true);
    EXPECT_EQ(c.nodes[0].label, 0);
    EXPECT_EQ(c.metric("count").matrix, (std::vector<double>{0, 1, 0, 0,  //
                                                             1, 0, 0, 1,  //
                                                             0, 0, 0, 0,  //
                                                             0, 1, 0, 0}));
    EXPECT_EQ(c.assigned, 2);
    EXPECT_EQ(c.half_assigned, 1);
}

TEST(ConnectomeQuality, WarnsAndRefuses) {
    const auto build = [](const Tractogram& t) {
        auto parcellation = row_of_regions();
        parcellation.nodes.push_back({.label = 7, .name = "missing"});
        ConnectomeBuilder builder(parcellation, {}, {.search_mm = 0.6}, Device::open("cpu", 1));
        builder.append(t.view());
        return builder.connectome();
    };
    const auto refusal = [&](const Tractogram& t) -> std::string {
        try {
            check_quality(build(t), "t.tck", "p.nii");
        } catch (const InputError& error) {
            return error.what();
        }
        return "";
    };
    Tractogram t;
    EXPECT_THAT(refusal(t), HasSubstr("t.tck holds no streamline"));
    t.append(std::array<float, 6>{50, 0, 0, 60, 0, 0});
    t.append(std::array<float, 6>{50, 0, 0, 70, 0, 0});
    EXPECT_THAT(refusal(t), HasSubstr("p.nii does not overlap the streamlines of t.tck"));
    t.append(std::array<float, 6>{0, 0, 0, 4, 0, 0});
    const auto quality = check_quality(build(t), "t.tck", "p.nii");
    EXPECT_EQ(quality.edges, 1);
    EXPECT_THAT(quality.warnings, testing::ElementsAre(HasSubstr("only 1 of 3 streamlines"), HasSubstr("without a voxel in p.nii: missing"), HasSubstr("that no streamline connects: 2")));
}

}  // namespace
}  // namespace arcuate::connectome
