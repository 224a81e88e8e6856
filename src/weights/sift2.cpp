#include "arcuate/weights/sift2.hpp"

#include "arcuate/core/error.hpp"
#include "backend/launch.hpp"
#include "kernels/sift2.hpp"
#include "weights/fixel_lengths.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <utility>

namespace arcuate::weights {

namespace {

using kernels::AdjustCoefficients;
using kernels::WeightedLengths;
using kernels::Sift2Fixel;

/// The fixels' side of the fit: everything that a pass over the streamlines leaves to be done.
class FixelFit {
  public:
    FixelFit(const Fixels& fixels, const FixelLengths& lengths, const Sift2Options& options)
        : target_(fixels.fibre_density.begin(), fixels.fibre_density.end()), quantum_(static_cast<double>(lengths.impl().code.quantum_mm)) {
        const auto n = target_.size();
        const auto units = lengths.impl().units.to_host();
        weight_.assign(n, 1.0f);
        if (!options.voxel_weights.empty())
            for (std::size_t v = 0; v + 1 < fixels.first.size(); ++v)
                for (auto f = fixels.first[v]; f < fixels.first[v + 1]; ++f) weight_[f] = options.voxel_weights[v];
        double fibres = 0, tracks = 0, squares = 0;
        for (std::size_t f = 0; f < n; ++f) {
            const double fd = target_[f];
            if (fd < options.fd_thresh || (options.remove_untracked && units[f] == 0)) weight_[f] = 0;
            if (units[f] == 0) ++untracked_;
            const double w = weight_[f];
            fibres += w * fd;
            squares += w * fd * fd;
            tracks += w * static_cast<double>(units[f]) * quantum_;
            units_.push_back(static_cast<double>(units[f]));
        }
        if (!(tracks > 0))
            throw InputError("no streamline passes through a fixel (the tracks and the FOD image do not overlap); check that both are in the same world frame");
        mu_ = fibres / tracks;
        scale_ = squares / static_cast<double>(lengths.streamlines());
        for (std::size_t f = 0; f < n; ++f) {
            const bool tracked = units[f] > 0 && weight_[f] > 0;
            const bool too_few = !options.linear && mu_ * units_[f] * quantum_ < options.min_td_frac * target_[f];
            excluded_ += tracked && too_few;
            fitted_.push_back(tracked && !too_few);
        }
        densities_.resize(n);
        for (std::size_t f = 0; f < n; ++f) densities_[f] = units_[f] * quantum_;
        state_.resize(n);
        means_.assign(n, 0);
    }

    /// The same streamlines and fixels, other fibre densities: which take part, mu and the scale stay.
    FixelFit towards(std::vector<double> fibre_density) const {
        FixelFit out = *this;
        out.target_ = std::move(fibre_density);
        out.means_.assign(means_.size(), 0);
        return out;
    }

    double mu() const { return mu_; }
    /// What does not change in the course of the fit.
    Sift2Result begin_result() const {
        Sift2Result out;
        out.mu = mu_;
        out.fixel_weight = weight_;
        out.untracked = untracked_;
        out.excluded = excluded_;
        return out;
    }

    /// What regularisation is multiplied by, to be of the size of the data term.
    double scale() const { return scale_; }

    /// Takes the sums of AdjustCoefficients.
    void take(const std::vector<std::int64_t>& sums) {
        for (std::size_t f = 0; f < state_.size(); ++f) {
            densities_[f] = static_cast<double>(sums[2 * f]) * (quantum_ / WeightedLengths::scale);
            means_[f] = units_[f] > 0 ? static_cast<double>(sums[2 * f + 1]) / (WeightedLengths::scale * units_[f]) : 0.0;
        }
    }

    /// What the streamlines' next step needs.
    const std::vector<Sift2Fixel>& state() {
        for (std::size_t f = 0; f < state_.size(); ++f) {
            const double w = fitted_[f] ? weight_[f] : 0.0f, mean = means_[f];
            state_[f] = {static_cast<float>(w * mu_ * mu_ * densities_[f] * quantum_), static_cast<float>(w * mu_ * target_[f] * quantum_),
                         static_cast<float>(w), static_cast<float>(mean), kernels::exp(static_cast<float>(mean))};
        }
        return state_;
    }

    double cost() const {
        double sum = 0;
        for (std::size_t f = 0; f < state_.size(); ++f) {
            const double difference = mu_ * densities_[f] - target_[f];
            sum += static_cast<double>(weight_[f]) * difference * difference;
        }
        return sum;
    }
    const std::vector<double>& densities() const { return densities_; }

  private:
    std::vector<double> target_;     ///< fibre densities
    double quantum_;
    std::vector<float> weight_;
    std::vector<std::uint8_t> fitted_;  ///< whether streamlines look at it; the cost counts it anyway
    double mu_ = 0, scale_ = 0;
    std::int64_t untracked_ = 0, excluded_ = 0;
    std::vector<double> units_;      ///< of the streamlines as they are
    std::vector<double> densities_;  ///< of the weighted streamlines [mm]
    std::vector<double> means_;
    std::vector<Sift2Fixel> state_;
};

/// Over values that come one by one, always in the same order.
class SpreadOf {
  public:
    void add(double v) {
        sum_ += v;
        sum_abs_ += std::fabs(v);
        squares_ += v * v;
        out_.min = count_ == 0 ? v : std::min(out_.min, v);
        out_.max = count_ == 0 ? v : std::max(out_.max, v);
        ++count_;
    }
    std::int64_t count() const { return count_; }
    double squares() const { return squares_; }
    Sift2Iteration::Spread result() const {
        auto out = out_;
        if (count_ == 0) return out;
        const auto n = static_cast<double>(count_);
        out.mean = sum_ / n;
        out.mean_abs = sum_abs_ / n;
        out.variance = std::max(0.0, squares_ / n - out.mean * out.mean);
        return out;
    }

  private:
    std::int64_t count_ = 0;
    double sum_ = 0, sum_abs_ = 0, squares_ = 0;
    Sift2Iteration::Spread out_;
};

/// The streamlines' side of the fit: their coefficients, and what a pass over them does. On the device are those of a chunk at a time.
class StreamlineFit {
  public:
    /// base: coefficients that stay, and to which these are added; may be empty.
    StreamlineFit(const FixelLengths& lengths, const StreamlineSource& again, const Device& device, std::vector<float> coefficients, std::span<const float> base = {})
        : lengths_(lengths.impl()), again_(again), device_(device), base_(base), before_(std::move(coefficients)), minimum_(before_), after_(before_.size()) {}

    std::vector<float> take_coefficients() { return std::move(before_); }

    struct Passed {
        double variation = 0;            ///< of the coefficients before the pass
        Sift2Iteration row;              ///< of those after it
        std::vector<std::int64_t> sums;  ///< of those after it
    };
    Passed adjust(const std::vector<Sift2Fixel>& fixels, const kernels::Sift2Limits& limits) {
        return pass(fixels, [&](const Chunk& chunk, const WeightedLengths& here, const Sift2Fixel* state, float* after) {
            const auto n = static_cast<std::size_t>(chunk.size), first = static_cast<std::size_t>(chunk.first);
            const Buffer<float> before(device_, std::span<const float>(before_).subspan(first, n)), base(device_, base_.empty() ? base_ : base_.subspan(first, n));
            Buffer<float> minimum(device_, std::span<const float>(minimum_).subspan(first, n)), variation(device_, n);
            launch(device_, chunk.size, AdjustCoefficients{here, state, limits, base_.empty() ? nullptr : base.data(), before.data(), minimum.data(), after, variation.data()}, 256);
            minimum.download(std::span(minimum_).subspan(first, n));
            return variation.to_host();
        });
    }
    Passed estimate(const std::vector<Sift2Fixel>& fixels, const kernels::Sift2Limits& limits) {
        return pass(fixels, [&](const Chunk& chunk, const WeightedLengths& here, const Sift2Fixel* state, float* after) {
            launch(device_, chunk.size, kernels::LinearCoefficients{here, state, limits, after}, 256);
            return std::vector<float>{};
        });
    }
    /// Takes the coefficients of the last pass.
    void accept() { std::swap(before_, after_); }

  private:
    using Chunk = FixelLengths::Impl::Chunk;

    /// launch_on: of a chunk, into coefficients after the pass; returns each streamline's variation before it.
    template <class Launch>
    Passed pass(const std::vector<Sift2Fixel>& fixels, const Launch& launch_on) {
        const Buffer<Sift2Fixel> state(device_, fixels);
        auto sums = Buffer<std::int64_t>::zeros(device_, 2 * fixels.size());
        Passed out;
        SpreadOf steps, coefficients;
        lengths_.for_each(again_, [&](const Chunk& chunk) {
            const auto first = static_cast<std::size_t>(chunk.first), n = static_cast<std::size_t>(chunk.size);
            Buffer<float> after(device_, n);
            const auto variation = launch_on(chunk, WeightedLengths{chunk.packed.data(), chunk.words.data(), lengths_.code, sums.data()}, state.data(), after.data());
            for (const float v : variation) out.variation += static_cast<double>(v);
            after.download(std::span(after_).subspan(first, n));
            for (std::size_t i = first; i < first + n; ++i) {
                if (!std::isfinite(after_[i])) continue;
                steps.add(static_cast<double>(after_[i] - before_[i]));
                coefficients.add(static_cast<double>(after_[i]));
            }
        });
        out.row.streamlines = coefficients.count();
        out.row.coefficient_norm = coefficients.squares();
        out.row.step = steps.result();
        out.row.coefficient = coefficients.result();
        out.sums = sums.to_host();
        return out;
    }

    const FixelLengths::Impl& lengths_;
    const StreamlineSource& again_;
    Device device_;
    std::span<const float> base_;
    std::vector<float> before_, minimum_, after_;
};

/// After how many iterations how much of the last change is added to the next (Nesterov 1983).
float momentum(int done) { return static_cast<float>(done) / static_cast<float>(done + 3); }

/// Until the cost falls no more.
Sift2Result minimise(FixelFit& fit, StreamlineFit& streamlines, std::int64_t n_streamlines, const Sift2Options& o, Progress& progress, const std::string& what) {
    Sift2Result out = fit.begin_result();
    constexpr double widest = 15;  // e^15 of one streamline and the lengths of 10^7 others fit into the sums
    kernels::Sift2Limits limits{static_cast<float>(std::max(o.min_coeff, -widest)), static_cast<float>(std::min(o.max_coeff, widest)), static_cast<float>(o.max_coeff_step),
                                static_cast<float>(o.reg_tikhonov * fit.scale()), static_cast<float>(o.reg_tv * fit.scale()), 0};
    out.iterations.emplace_back();
    out.iterations[0].streamlines = n_streamlines;
    const double least_fall = o.min_cf_decrease * (out.iterations[0].cost_data = fit.cost());
    const auto take = [&](const StreamlineFit::Passed& passed) {
        streamlines.accept();
        fit.take(passed.sums);
        auto row = passed.row;
        row.cost_data = fit.cost();
        return row;
    };
    progress.begin(what, o.linear ? 1 : o.max_iters, "iterations");
    if (!o.coefficients.empty()) {
        auto at_rest = limits;
        at_rest.max_step = 0;
        out.iterations[0] = take(streamlines.adjust(fit.state(), at_rest));
    }
    for (int done = 0;; ++done) {
        limits.momentum = momentum(done);
        const auto passed = o.linear && done == 0 ? streamlines.estimate(fit.state(), limits) : streamlines.adjust(fit.state(), limits);
        // A pass tells the regularisation of the coefficients that it began with. So it is known here whether they were the last.
        auto& row = out.iterations.back();
        row.cost_tv = o.reg_tv * fit.scale() * passed.variation;
        row.cost_tikhonov = o.reg_tikhonov * fit.scale() * row.coefficient_norm;
        if (o.linear ? done == 1 : o.max_iters > 0 && done >= o.max_iters) break;
        if (done >= std::max(1, o.min_iters) && out.iterations[static_cast<std::size_t>(done) - 1].cost() - row.cost() < least_fall) break;
        out.iterations.push_back(take(passed));
        progress.at(done + 1);
    }
    progress.end();
    out.track_density = fit.densities();
    out.coefficients = streamlines.take_coefficients();
    return out;
}

/// How many there are; checks that there is a coefficient for each.
std::size_t count_streamlines(const FixelLengths& lengths, const Sift2Options& o) {
    const auto n = static_cast<std::size_t>(lengths.streamlines());
    if (n == 0) throw InputError("there are no streamlines to weight; give a tractogram that holds some");
    if (!o.coefficients.empty() && o.coefficients.size() != n)
        throw InputError(fmt::format("there are {} coefficients to begin with and {} streamlines (they belong to another tractogram); give one for each", o.coefficients.size(), n));
    return n;
}

Sift2Result fit_absolute(FixelFit& fit, const FixelLengths& lengths, const Sift2Options& o, const Device& device, Progress& progress, const StreamlineSource& again, const std::string& what) {
    const auto n = count_streamlines(lengths, o);
    StreamlineFit streamlines(lengths, again, device, o.coefficients.empty() ? std::vector<float>(n, 0.0f) : o.coefficients);
    return minimise(fit, streamlines, lengths.streamlines(), o, progress, what);
}

/// The session's change from the mean's fit.
Sift2Result fit_change(const FixelFit& mean_fit, const Sift2Result& mean, const Fixels& fixels, std::span<const float> fibre_density, const FixelLengths& lengths,
                       const SessionOptions& o, const Device& device, Progress& progress, const StreamlineSource& again, const std::string& what) {
    std::vector<double> target;
    for (std::size_t f = 0; f < fibre_density.size(); ++f)
        target.push_back(mean.mu * mean.track_density[f] + static_cast<double>(fibre_density[f]) - static_cast<double>(fixels.fibre_density[f]));
    FixelFit fit = mean_fit.towards(std::move(target));
    auto change = o.sift2;
    change.reg_tikhonov = o.reg_change;
    change.reg_tv = o.reg_change_tv;
    change.coefficients.clear();
    change.min_coeff = -std::numeric_limits<double>::infinity();
    change.max_coeff = 3;  // of more than twenty times, what is not of the mean's trajectories cannot tell
    StreamlineFit streamlines(lengths, again, device, std::vector<float>(mean.coefficients.size(), 0.0f), mean.coefficients);
    auto out = minimise(fit, streamlines, lengths.streamlines(), change, progress, what);
    for (std::size_t i = 0; i < out.coefficients.size(); ++i) out.coefficients[i] += mean.coefficients[i];
    return out;
}

}  // namespace

std::vector<float> Sift2Result::weights() const {
    std::vector<float> out;
    out.reserve(coefficients.size());
    for (const float f : coefficients) out.push_back(kernels::exp(f));
    return out;
}

Sift2Result sift2(const Fixels& fixels, const FixelLengths& lengths, const Sift2Options& o, const Device& device, Progress& progress, const StreamlineSource& again) {
    count_streamlines(lengths, o);
    FixelFit fit(fixels, lengths, o);
    return fit_absolute(fit, lengths, o, device, progress, again, "weighting streamlines");
}

SessionResult sift2_of_sessions(const Fixels& fixels, std::span<const std::vector<float>> fibre_density, const FixelLengths& lengths, const SessionOptions& o, const Device& device,
                                Progress& progress, const StreamlineSource& again) {
    for (const auto& session : fibre_density)
        if (session.size() != fixels.fibre_density.size())
            throw InputError(fmt::format("a session has the fibre densities of {} fixels, and there are {}; measure them in these fixels", session.size(), fixels.fibre_density.size()));
    count_streamlines(lengths, o.sift2);
    SessionResult out;
    FixelFit fit(fixels, lengths, o.sift2);
    const FixelFit untouched = fit;
    out.mean = fit_absolute(fit, lengths, o.sift2, device, progress, again, "weighting streamlines, sessions' mean");
    auto from_nothing = o.sift2;
    from_nothing.coefficients.clear();
    for (std::size_t s = 0; s < fibre_density.size(); ++s) {
        const std::string what = fmt::format("weighting streamlines, session {} of {}", s + 1, fibre_density.size());
        if (o.weights == SessionWeights::joint) {
            out.sessions.push_back(fit_change(fit, out.mean, fixels, fibre_density[s], lengths, o, device, progress, again, what));
        } else {
            FixelFit own = untouched.towards({fibre_density[s].begin(), fibre_density[s].end()});
            out.sessions.push_back(fit_absolute(own, lengths, from_nothing, device, progress, again, what));
        }
    }
    return out;
}

}  // namespace arcuate::weights
