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

/// Null where the metric has none.
const EdgeMetric* sampling_error_of(const Connectome& connectome, const std::string& metric) {
    const auto found = std::find_if(connectome.metrics.begin(), connectome.metrics.end(), [&](const auto& m) { return m.error == "sampling" && m.error_of == metric; });
    return found == connectome.metrics.end() ? nullptr : &*found;
}

/// After the name of a metric that of its error; the kind of error; and what it is.
struct Words {
    const char *suffix, *error, *description;
};
Words words_of(ReplicateKind kind) {
    switch (kind) {
        case ReplicateKind::tracked_anew: return {"_measurement_se", "measurement", "Standard error of {} that follows from the noise of the measurement: standard deviation of {} replicates without their sampling error."};
        case ReplicateKind::same_streamlines: return {"_measurement_se", "measurement", "Standard error of {} that follows from the noise of the measurement, given the streamlines: standard deviation of {} replicates."};
        case ReplicateKind::change: break;
    }
    return {"_change_measurement_se", "measurement of change", "Standard error of the change of {} since the first session that follows from the noise of both measurements, given the streamlines: standard deviation of {} replicates."};
}

}  // namespace

std::vector<std::string> Replicates::metrics_of(const Connectome& connectome) const {
    std::vector<std::string> out;
    for (const auto& metric : connectome.metrics)
        if (metric.error.empty() && (kind_ != ReplicateKind::tracked_anew || sampling_error_of(connectome, metric.name))) out.push_back(metric.name);
    return out;
}

void Replicates::require_same(const Connectome& connectome) const {
    const auto names = metrics_of(connectome);
    if (!std::equal(names.begin(), names.end(), metrics_.begin(), metrics_.end(), [](const auto& name, const auto& m) { return name == m.metric; }) || labels_of(connectome) != labels_)
        throw InputError("two replicates of a connectome have other nodes or metrics (they must come from one parcellation and the same options); make them alike");
}

void Replicates::add(const Connectome& replicate) {
    if (count_ == 0) {
        labels_ = labels_of(replicate);
        const std::vector<double> zeros(labels_.size() * labels_.size());
        for (const auto& name : metrics_of(replicate)) metrics_.push_back({name, zeros, zeros, zeros, kind_ == ReplicateKind::tracked_anew ? zeros : std::vector<double>{}});
    }
    require_same(replicate);
    ++count_;
    for (auto& m : metrics_) {
        const auto& values = replicate.metric(m.metric).matrix;
        const EdgeMetric* const sampling = m.sampling.empty() ? nullptr : sampling_error_of(replicate, m.metric);
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (!std::isfinite(values[i]) || (sampling && !std::isfinite(sampling->matrix[i]))) continue;
            m.n[i] += 1;
            const double before = values[i] - m.mean[i];  // Welford 1962, Technometrics 4:419
            m.mean[i] += before / m.n[i];
            m.squares[i] += before * (values[i] - m.mean[i]);
            if (sampling) m.sampling[i] += sampling->matrix[i] * sampling->matrix[i];
        }
    }
}

void Replicates::add_errors(Connectome& connectome) const {
    require_same(connectome);
    const Words words = words_of(kind_);
    for (const Moments& m : metrics_) {
        auto last = std::find_if(connectome.metrics.begin(), connectome.metrics.end(), [&](const auto& metric) { return metric.name == m.metric; });
        EdgeMetric error{m.metric + words.suffix, last->unit, fmt::format(fmt::runtime(words.description), m.metric, count_), std::vector<double>(m.n.size(), std::numeric_limits<double>::quiet_NaN()),
                         m.metric, words.error};
        for (std::size_t i = 0; i < m.n.size(); ++i) {
            const double sampling = m.sampling.empty() ? 0 : m.sampling[i] / m.n[i];
            if (m.n[i] >= 2 && 2 * m.n[i] >= static_cast<double>(count_)) error.matrix[i] = std::sqrt(std::max(0.0, m.squares[i] / (m.n[i] - 1) - sampling));
        }
        while (std::next(last) != connectome.metrics.end() && std::next(last)->error_of == m.metric) ++last;
        connectome.metrics.insert(std::next(last), std::move(error));
    }
}

}  // namespace arcuate::connectome
