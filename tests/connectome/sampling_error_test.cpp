// Sampling errors: by hand, against the definition in double precision, and against what repeated drawing shows.
#include "arcuate/connectome/build.hpp"
#include "arcuate/connectome/precision.hpp"
#include "arcuate/core/error.hpp"

#include "connectome/scene.hpp"
#include "devices.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>

namespace arcuate::connectome {
namespace {

using testing::HasSubstr;

class SamplingErrors : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(SamplingErrors);

std::string error_of(const std::string& metric) { return metric + sampling_error_suffix; }

TEST_P(SamplingErrors, ByHand) {
    Tractogram t;
    t.append(std::array<float, 6>{0, 0, 0, 4, 0, 0});             // 1-3, 4 mm
    t.append(std::array<float, 9>{4, 0, 0, 2, 0, 0, 0, 0, 0});    // 3-1, 4 mm
    t.append(std::array<float, 9>{0, 0, 0, 7, 0, 0, 4, 0, 0});    // 1-3, 10 mm
    t.append(std::array<float, 6>{4, 0, 0, 9, 0, 0});             // 3-2
    t.append(std::array<float, 6>{0, 50, 0, 2, 50, 0});           // none
    const std::vector<std::string> metrics{"mean_length", "sum_length", "max_length"};
    ConnectomeBuilder plain(row_of_regions(), {}, {.search_mm = 0.6, .metrics = metrics, .errors = true}, device());
    plain.append(t.view());
    const Connectome c = plain.connectome();
    ASSERT_EQ(c.metrics.size(), 7u) << "an extreme has no standard error";
    EXPECT_EQ(c.metric("count_sampling_se").error_of, "count");
    EXPECT_EQ(c.metric("count_sampling_se").error, "sampling");
    EXPECT_EQ(c.metric("mean_length_sampling_se").unit, "mm");
    EXPECT_TRUE(c.metric("mean_length").error.empty());
    const std::size_t edge = 2, alone = 5, none = 1;  // 1-3, 2-3, 1-2 of three regions
    EXPECT_NEAR(c.metric("count_sampling_se").matrix[edge], std::sqrt(5.0 / 4 * 3 * (1 - 3.0 / 5)), 1e-12);          // binomial
    EXPECT_NEAR(c.metric("mean_length_sampling_se").matrix[edge], std::sqrt((4.0 + 4 + 16) / 2 / 3), 1e-9);          // s / sqrt(n)
    EXPECT_NEAR(c.metric("sum_length_sampling_se").matrix[edge], std::sqrt(5.0 / 4 * (132 - 18.0 * 18 / 5)), 1e-9);  // of 4, 4, 10, 0, 0
    EXPECT_TRUE(std::isnan(c.metric("mean_length_sampling_se").matrix[alone])) << "one streamline does not tell";
    EXPECT_NEAR(c.metric("count_sampling_se").matrix[alone], 1, 1e-12);
    EXPECT_EQ(c.metric("count_sampling_se").matrix[none], 0);
    EXPECT_TRUE(std::isnan(c.metric("mean_length_sampling_se").matrix[none]));

    ConnectomeBuilder weighted(row_of_regions(), {}, {.search_mm = 0.6, .metrics = {"weight", "mean_length"}, .errors = true, .weights = {1, 0.5f, 2, 1, 1}}, device());
    weighted.append(t.view());
    const Connectome w = weighted.connectome();
    EXPECT_NEAR(w.metric("weight_sampling_se").matrix[edge], std::sqrt(5.0 / 4 * (1 + 0.25 + 4 - 3.5 * 3.5 / 5)), 1e-9);
    const double mean = (4 + 2 + 20) / 3.5;
    EXPECT_NEAR(w.metric("mean_length_sampling_se").matrix[edge], std::sqrt((1.25 * (4 - mean) * (4 - mean) + 4 * (10 - mean) * (10 - mean)) / (3.5 * 3.5 - 5.25)), 1e-9);
}

// Each streamline alone in a builder gives its terms, and the definitions do the rest.
TEST_P(SamplingErrors, AreWhatTheirDefinitionsGive) {
    const Scene scene(300);
    std::vector<float> weights;
    for (int s = 0; s < 300; ++s) weights.push_back(0.1f * static_cast<float>(1 + s % 23));
    ConnectomeOptions options{.metrics = metric_names(scene.maps, true, false), .errors = true, .weights = weights};
    ConnectomeBuilder builder(scene.parcellation, scene.maps, options, device());
    builder.append(scene.tractogram.view());
    const Connectome all = builder.connectome();
    std::vector<Connectome> each;
    options.errors = false;
    for (std::int64_t s = 0; s < 300; ++s) {
        Tractogram alone;
        alone.append(scene.tractogram.view().streamline(s));
        options.weights = {1.0f};
        ConnectomeBuilder one(scene.parcellation, scene.maps, options, Device::open("cpu", 1));
        one.append(alone.view());
        each.push_back(one.connectome());
    }
    int compared = 0;
    for (std::size_t m = 0; m < each.front().metrics.size(); ++m) {
        const std::string name = each.front().metrics[m].name;
        const bool is_mean = name.starts_with("mean_") || name.starts_with("median_") || name == "min_a" || name == "min_b" || name == "max_a" || name == "max_b";
        const bool is_extreme = !is_mean && (name.starts_with("min_") || name.starts_with("max_") || name.starts_with("sd_"));
        const auto found = std::find_if(all.metrics.begin(), all.metrics.end(), [&](const auto& metric) { return metric.name == error_of(name); });
        ASSERT_EQ(found == all.metrics.end(), is_extreme) << name;
        if (is_extreme) continue;
        for (std::size_t e = 0; e < found->matrix.size(); ++e) {
            double w = 0, ww = 0, sum = 0, squares = 0;
            for (std::size_t s = 0; s < 300; ++s) {
                const double x = each[s].metrics[m].matrix[e], weight = name == "count" ? 1.0 : static_cast<double>(weights[s]);
                if (each[s].metric("count").matrix[e] == 0 || std::isnan(x)) continue;
                w += weight;
                ww += weight * weight;
                sum += weight * x;
                squares += weight * weight * x * x;
            }
            double expected = std::sqrt(300.0 / 299 * (squares - sum * sum / 300));
            if (is_mean) {
                double spread = 0;
                for (std::size_t s = 0; s < 300; ++s)
                    if (const double x = each[s].metrics[m].matrix[e]; each[s].metric("count").matrix[e] > 0 && !std::isnan(x)) spread += std::pow(static_cast<double>(weights[s]) * (x - sum / w), 2);
                expected = std::sqrt(spread / (w * w - ww));
            }
            const double got = found->matrix[e];
            if (std::isnan(expected) || (is_mean && w * w - ww < 1e-9)) {
                ASSERT_TRUE(std::isnan(got)) << name;
                continue;
            }
            // Where streamlines of an edge agree, the difference of sums cancels: a part in 10^7 of the value is all that is left.
            ASSERT_NEAR(got, expected, 1e-9 * expected + 1e-7 * std::fabs(is_mean ? sum / w : sum)) << name << " of edge " << e;
            compared += expected > 0;
        }
    }
    EXPECT_GT(compared, 1000);
}

// Streamlines are drawn from a known distribution, again and again: the errors are the spread of the results, and the intervals hold the truth.
TEST(SamplingErrorsOfDraws, AreTheSpreadAndTheirIntervalsHoldTheTruth) {
    constexpr int runs = 1000, streamlines = 400;
    // Edges 1-3, 1-2 and 3-2 with their shares; the others end nowhere. A streamline makes a detour of 0 to 3 mm there and back, of mean 1.5.
    constexpr double shares[] = {0.5, 0.2, 0.08};
    constexpr float from[] = {0, 0, 4}, to[] = {4, 9, 9};
    constexpr std::size_t edge[] = {2, 1, 5};
    const auto device = Device::open("cpu", 2);
    const auto parcellation = row_of_regions();
    struct Statistics {
        double sum = 0, squares = 0, variance = 0;
        int held = 0;
    };
    std::map<std::string, std::array<Statistics, 3>> statistics;
    for (int run = 0; run < runs; ++run) {
        Tractogram t;
        for (std::uint64_t s = 0; s < streamlines; ++s) {
            const auto r = kernels::Philox{static_cast<std::uint64_t>(run), s, kernels::Purpose::seed, 0}(0);
            const double u = static_cast<double>(kernels::uniform(r.v[0]));
            const std::size_t e = u < shares[0] ? 0 : (u < shares[0] + shares[1] ? 1 : (u < shares[0] + shares[1] + shares[2] ? 2 : 3));
            const float detour = 1.5f * kernels::uniform(r.v[1]);
            if (e < 3) t.append(std::array<float, 12>{from[e], 0, 0, from[e], detour, 0, from[e], 0, 0, to[e], 0, 0});
            else t.append(std::array<float, 6>{0, 50, 0, 1, 50, 0});
        }
        ConnectomeBuilder builder(parcellation, {}, {.search_mm = 0.6, .metrics = {"mean_length", "sum_length"}, .errors = true}, device);
        builder.append(t.view());
        const Connectome c = builder.connectome();
        for (const std::string name : {"count", "mean_length", "sum_length"})
            for (std::size_t e = 0; e < 3; ++e) {
                const double value = c.metric(name).matrix[edge[e]], error = c.metric(error_of(name)).matrix[edge[e]];
                const double length = static_cast<double>(to[e] - from[e]) + 1.5, count = streamlines * shares[e];
                const double truth = name == "count" ? count : (name == "mean_length" ? length : count * length);
                auto& s = statistics[name][e];
                s.sum += value;
                s.squares += value * value;
                s.variance += error * error;
                s.held += std::fabs(value - truth) <= 1.96 * error;
            }
    }
    for (const auto& [name, of] : statistics)
        for (const auto& s : of) {
            const double spread = (s.squares - s.sum * s.sum / runs) / (runs - 1);
            // The variance of 1000 values that are nearly normal is sure to sqrt(2 / 1000) = 4.5%, five times that is 22%; coverage to sqrt(0.95 x 0.05 / 1000) = 0.7%,
            // and the normal interval of some 32 draws itself holds 1% less than 95%.
            EXPECT_NEAR(s.variance / runs / spread, 1, 0.22) << name;
            EXPECT_NEAR(s.held / double(runs), 0.945, 0.035) << name;
        }
}

TEST(Precision, CountsEdgesBelowTheTarget) {
    Connectome c;
    for (const std::int32_t label : {3, 7, 9}) c.nodes.emplace_back().label = label;
    c.metrics.push_back({"count", "", "", {0, 400, 25, 400, 9, 0, 25, 0, 0}});
    c.metrics.push_back({"count_sampling_se", "", "", {0, 20, 5, 20, 3, 0, 5, 0, 0}});
    const auto of = [&](double cv, const std::vector<EdgeRows>& chosen = {}) { return precision_of(c, "count", cv, chosen); };
    EXPECT_EQ(of(0.051).edges, 3) << "7-7, 3-7 and 3-9 have streamlines";
    EXPECT_EQ(of(0.051).sure, 1);
    EXPECT_EQ(of(0.05).sure, 0) << "below, not at";
    EXPECT_EQ(of(0.21).sure, 2);
    EXPECT_DOUBLE_EQ(of(0.4).share(), 1);
    const auto chosen = edges_named({"7-3", "9-7"}, c.nodes);
    EXPECT_EQ(chosen, (std::vector<EdgeRows>{{1, 0}, {2, 1}}));
    EXPECT_EQ(of(0.9, chosen).edges, 2);
    EXPECT_EQ(of(0.9, chosen).sure, 1) << "an edge without streamlines is not sure";
    EXPECT_THROW(precision_of(c, "speed", 0.1), InputError);
    const auto refusal = [&](const std::string& edge) {
        try {
            edges_named({edge}, c.nodes);
        } catch (const InputError& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    for (const char* edge : {"", "-", "7", "7-", "-7", "3-7-9", "3,7", "a-b", "3- 7"}) EXPECT_THAT(refusal(edge), HasSubstr("is no edge")) << edge;
    EXPECT_THAT(refusal("3-8"), HasSubstr("has the label 8"));
}

}  // namespace
}  // namespace arcuate::connectome
