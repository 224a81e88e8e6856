// Measurement errors from replicates whose moments can be counted by hand.
#include "arcuate/connectome/replicates.hpp"

#include "arcuate/core/error.hpp"

#include <gmock/gmock.h>

#include <cmath>

namespace arcuate::connectome {
namespace {

/// Two nodes, a metric with its sampling error and one without; `values` and `errors` of the edges 1-1, 1-2, 2-1, 2-2.
Connectome two_nodes(const std::vector<double>& values, const std::vector<double>& errors) {
    Connectome c;
    c.nodes = {{.label = 3, .name = "a", .centre = {}}, {.label = 7, .name = "b", .centre = {}}};
    c.metrics.push_back({"mean_fa", "", "FA.", values});
    c.metrics.push_back({"mean_fa_sampling_se", "", "Its error.", errors, "mean_fa", "sampling"});
    c.metrics.push_back({"max_fa", "", "FA.", values});
    return c;
}

TEST(Replicates, VarianceBetweenThemLessWhatSamplingExplains) {
    Replicates replicates;
    replicates.add(two_nodes({1, 1, 1, NAN}, {0.5, 3, 3, NAN}));
    replicates.add(two_nodes({2, 2, 2, NAN}, {0.5, 3, 3, NAN}));
    replicates.add(two_nodes({6, 6, 6, 5}, {1, 3, 3, 1}));
    EXPECT_EQ(replicates.count(), 3);
    auto c = two_nodes({2, 3, 3, 4}, {0.5, 2, 2, 1});
    replicates.add_errors(c);
    ASSERT_EQ(c.metrics.size(), 4u) << "none of a metric that has no sampling error";
    const auto& error = c.metrics[2];
    EXPECT_EQ(error.name, "mean_fa_measurement_se");
    EXPECT_EQ(error.error_of, "mean_fa");
    EXPECT_EQ(error.error, "measurement");
    EXPECT_EQ(c.metrics[3].name, "max_fa");
    EXPECT_NEAR(error.matrix[0], std::sqrt((4.0 + 1 + 9) / 2 - (0.25 + 0.25 + 1) / 3), 1e-12);
    EXPECT_EQ(error.matrix[1], 0) << "all of it can be sampling";
    EXPECT_TRUE(std::isnan(error.matrix[3])) << "one replicate does not tell";
    EXPECT_EQ(c.metric("mean_fa").matrix[1], 3) << "the values are those of the measurement";
}

TEST(Replicates, OfTheSameStreamlinesAllThatVariesIsMeasurement) {
    for (const auto& [kind, suffix, error] : {std::tuple{ReplicateKind::same_streamlines, "_measurement_se", "measurement"}, {ReplicateKind::change, "_change_measurement_se", "measurement of change"}}) {
        Replicates replicates(kind);
        for (const double x : {1.0, 2.0, 6.0}) {
            auto c = two_nodes({x, x, x, NAN}, {0.5, 3, 3, NAN});
            std::erase_if(c.metrics, [](const auto& m) { return !m.error.empty(); });
            replicates.add(c);
        }
        auto c = two_nodes({2, 3, 3, 4}, {0.5, 2, 2, 1});
        replicates.add_errors(c);
        ASSERT_EQ(c.metrics.size(), 5u) << "one of every metric";
        EXPECT_EQ(c.metrics[1].error, "sampling");
        for (const auto& [place, of] : {std::pair{2, "mean_fa"}, {4, "max_fa"}}) {
            const auto& metric = c.metrics[static_cast<std::size_t>(place)];
            EXPECT_EQ(metric.name, std::string(of) + suffix);
            EXPECT_EQ(metric.error_of, of);
            EXPECT_EQ(metric.error, error);
            EXPECT_NEAR(metric.matrix[1], std::sqrt((4.0 + 1 + 9) / 2), 1e-12);
            EXPECT_TRUE(std::isnan(metric.matrix[3]));
        }
    }
}

TEST(Replicates, RefusesWhatIsNotAlike) {
    Replicates replicates;
    replicates.add(two_nodes({1, 1, 1, 1}, {0, 0, 0, 0}));
    auto other = two_nodes({1, 1, 1, 1}, {0, 0, 0, 0});
    other.nodes[1].label = 8;
    EXPECT_THROW(replicates.add(other), InputError);
    EXPECT_THROW(replicates.add_errors(other), InputError);
    auto without = two_nodes({1, 1, 1, 1}, {0, 0, 0, 0});
    without.metrics.pop_back();
    without.metrics.pop_back();
    EXPECT_THROW(replicates.add(without), InputError);
    EXPECT_EQ(replicates.count(), 1);
}

}  // namespace
}  // namespace arcuate::connectome
