// How sure one can be of every edge, given the noise of the measurement: from connectomes of replicates of it.
#pragma once

#include "arcuate/core/connectome.hpp"

#include <string>
#include <vector>

namespace arcuate::connectome {

/// After the name of a metric, that of its measurement error.
inline constexpr const char* measurement_error_suffix = "_measurement_se";

/// Running moments of every metric that has a sampling error; no replicate is kept.
///
/// The measurement error is the standard deviation between replicates that their finite numbers of streamlines do not explain: the root of (variance between
/// replicates - mean of their squared sampling errors), zero where that is negative. Both are unbiased, so the variance is, before it is cut off. The replicates
/// must have been tracked with random numbers of their own. Where the sampling error is the larger one, little is known of the measurement's; sampling^2 +
/// measurement^2, the variance of both, is known as well as the variance of as many values.
class Replicates {
  public:
    /// One with sampling errors. Throws InputError where its nodes or metrics are not those of the first.
    void add(const Connectome& replicate);
    std::int64_t count() const { return count_; }
    /// After every metric's sampling error, its measurement error: NaN where fewer than half of the replicates, or fewer than two, have the metric and its
    /// sampling error. Throws InputError where the connectome's nodes or metrics are not those of the replicates.
    void add_errors(Connectome& connectome) const;

  private:
    struct Moments {
        std::string metric;
        std::vector<double> n, mean, squares, sampling;  ///< per edge: replicates that have it, sum of squared deviations, sum of squared sampling errors
    };
    void require_same(const Connectome& connectome) const;

    std::vector<std::int32_t> labels_;
    std::vector<Moments> metrics_;
    std::int64_t count_ = 0;
};

}  // namespace arcuate::connectome
