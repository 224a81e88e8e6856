// How sure one can be of every edge, given the noise of the measurement: from connectomes of replicates of it.
#pragma once

#include "arcuate/core/connectome.hpp"

#include <string>
#include <vector>

namespace arcuate::connectome {

/// What replicates are of, and so what their spread says.
///   tracked_anew      Each was tracked with random numbers of its own. The measurement error is the standard deviation between them that their finite numbers of
///                     streamlines do not explain: the root of (variance between replicates - mean of their squared sampling errors), zero where that is
///                     negative. Both are unbiased, so the variance is, before it is cut off. Where the sampling error is the larger one, little is known of the
///                     measurement's; sampling^2 + measurement^2, the variance of both, is known as well as the variance of as many values. Of metrics that have a
///                     sampling error.
///   same_streamlines  All are edges of the same streamlines: the standard deviation between them is the measurement error, given the streamlines. Of every metric.
///   change            Differences of two connectomes of the same streamlines: the measurement error of their change.
enum class ReplicateKind { tracked_anew, same_streamlines, change };

/// Running moments of every metric; no replicate is kept.
class Replicates {
  public:
    explicit Replicates(ReplicateKind kind = ReplicateKind::tracked_anew) : kind_(kind) {}

    /// Throws InputError where its nodes or metrics are not those of the first.
    void add(const Connectome& replicate);
    std::int64_t count() const { return count_; }
    /// After every metric and its errors, its measurement error, <metric>_measurement_se, or that of its change, <metric>_change_measurement_se: NaN where fewer than half of the
    /// replicates, or fewer than two, have the metric (and its sampling error, of tracked_anew). Throws InputError where the connectome's nodes or metrics are not those of the replicates.
    void add_errors(Connectome& connectome) const;

  private:
    struct Moments {
        std::string metric;
        std::vector<double> n, mean, squares, sampling;  ///< per edge: replicates that have it, sum of squared deviations, sum of squared sampling errors
    };
    /// The metrics whose moments are kept.
    std::vector<std::string> metrics_of(const Connectome& connectome) const;
    void require_same(const Connectome& connectome) const;

    ReplicateKind kind_;
    std::vector<std::int32_t> labels_;
    std::vector<Moments> metrics_;
    std::int64_t count_ = 0;
};

}  // namespace arcuate::connectome
