#include "arcuate/connectome/replicates.hpp"

#include "arcuate/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace arcuate::connectome {

namespace {

std::vector<std::int32_t> labels_of(const Connectome& connectome) {
    std::vector<std::int32_t> out;
    for (const auto& node : connectome.nodes) out.push_back(node.label);
    return out;
}

bool is_sampling_error(const EdgeMetric& metric) { return metric.error == "sampling"; }

}  // namespace

void Replicates::require_same(const Connectome& connectome) const {
    std::size_t found = 0;
    for (const auto& metric : connectome.metrics)
        if (is_sampling_error(metric)) found += found < metrics_.size() && metrics_[found].metric == metric.error_of;
    if (found != metrics_.size() || labels_of(connectome) != labels_)
        throw InputError("two replicates of a connectome have other nodes or metrics (they must come from one parcellation and the same options); make them alike");
}

void Replicates::add(const Connectome& replicate) {
    if (count_ == 0) {
        labels_ = labels_of(replicate);
        const std::size_t edges = labels_.size() * labels_.size();
        for (const auto& metric : replicate.metrics)
            if (is_sampling_error(metric))
                metrics_.push_back({metric.error_of, std::vector<double>(edges), std::vector<double>(edges), std::vector<double>(edges), std::vector<double>(edges)});
    }
    require_same(replicate);
    ++count_;
    for (auto& m : metrics_) {
        const auto& values = replicate.metric(m.metric).matrix;
        const auto error = std::find_if(replicate.metrics.begin(), replicate.metrics.end(), [&](const auto& e) { return is_sampling_error(e) && e.error_of == m.metric; });
        for (std::size_t i = 0; i < values.size(); ++i) {
            const double se = error->matrix[i];
            if (!std::isfinite(values[i]) || !std::isfinite(se)) continue;
            m.n[i] += 1;
            const double before = values[i] - m.mean[i];  // Welford 1962, Technometrics 4:419
            m.mean[i] += before / m.n[i];
            m.squares[i] += before * (values[i] - m.mean[i]);
            m.sampling[i] += se * se;
        }
    }
}

void Replicates::add_errors(Connectome& connectome) const {
    require_same(connectome);
    std::vector<EdgeMetric> out;
    std::size_t next = 0;
    for (auto& metric : connectome.metrics) {
        const bool goes_here = is_sampling_error(metric);
        out.push_back(std::move(metric));
        if (!goes_here) continue;
        const Moments& m = metrics_[next++];
        EdgeMetric error{m.metric + measurement_error_suffix, out.back().unit,
                         fmt::format("Standard error of {} that follows from the noise of the measurement: standard deviation of {} replicates without their sampling error.", m.metric, count_),
                         std::vector<double>(m.n.size(), std::numeric_limits<double>::quiet_NaN()), m.metric, "measurement"};
        for (std::size_t i = 0; i < m.n.size(); ++i)
            if (m.n[i] >= 2 && 2 * m.n[i] >= static_cast<double>(count_)) error.matrix[i] = std::sqrt(std::max(0.0, m.squares[i] / (m.n[i] - 1) - m.sampling[i] / m.n[i]));
        out.push_back(std::move(error));
    }
    connectome.metrics = std::move(out);
}

}  // namespace arcuate::connectome
