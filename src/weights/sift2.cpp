#include "arcuate/weights/sift2.hpp"

#include "arcuate/core/error.hpp"
#include "backend/launch.hpp"
#include "kernels/sift2.hpp"
#include "weights/fixel_lengths.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace arcuate::weights {

namespace {

using kernels::AdjustCoefficients;
using kernels::Sift2Fixel;

/// The fixels' side of the fit: everything that a pass over the streamlines leaves to be done.
class FixelFit {
  public:
    FixelFit(const Fixels& fixels, const FixelLengths& lengths, const Sift2Options& options, Sift2Result& result)
        : fibre_density_(fixels.fibre_density), quantum_(static_cast<double>(lengths.impl().code.quantum_mm)), weight_(result.fixel_weight) {
        const auto n = fibre_density_.size();
        const auto units = lengths.impl().units.to_host();
        weight_.assign(n, 1.0f);
        if (!options.voxel_weights.empty())
            for (std::size_t v = 0; v + 1 < fixels.first.size(); ++v)
                for (auto f = fixels.first[v]; f < fixels.first[v + 1]; ++f) weight_[f] = options.voxel_weights[v];
        double fibres = 0, tracks = 0, squares = 0;
        for (std::size_t f = 0; f < n; ++f) {
            const double fd = fibre_density_[f];
            if (fd < options.fd_thresh || (options.remove_untracked && units[f] == 0)) weight_[f] = 0;
            if (units[f] == 0) ++result.untracked;
            const double w = weight_[f];
            fibres += w * fd;
            squares += w * fd * fd;
            tracks += w * static_cast<double>(units[f]) * quantum_;
            units_.push_back(static_cast<double>(units[f]));
        }
        if (!(tracks > 0))
            throw InputError("no streamline passes through a fixel (the tracks and the FOD image do not overlap); check that both are in the same world frame");
        mu_ = result.mu = fibres / tracks;
        scale_ = squares / static_cast<double>(lengths.streamlines());
        for (std::size_t f = 0; f < n; ++f) {
            const bool tracked = units[f] > 0 && weight_[f] > 0;
            const bool too_few = mu_ * units_[f] * quantum_ < options.min_td_frac * static_cast<double>(fibre_density_[f]);
            result.excluded += tracked && too_few;
            fitted_.push_back(tracked && !too_few);
        }
        densities_.resize(n);
        for (std::size_t f = 0; f < n; ++f) densities_[f] = units_[f] * quantum_;
        state_.resize(n);
        means_.assign(n, 0);
    }

    /// What regularisation is multiplied by, to be of the size of the data term.
    double scale() const { return scale_; }

    /// Takes the sums of AdjustCoefficients.
    void take(const std::vector<std::int64_t>& sums) {
        for (std::size_t f = 0; f < state_.size(); ++f) {
            densities_[f] = static_cast<double>(sums[2 * f]) * (quantum_ / AdjustCoefficients::scale);
            means_[f] = units_[f] > 0 ? static_cast<double>(sums[2 * f + 1]) / (AdjustCoefficients::scale * units_[f]) : 0.0;
        }
    }

    /// What the streamlines' next step needs.
    const std::vector<Sift2Fixel>& state() {
        for (std::size_t f = 0; f < state_.size(); ++f) {
            const double w = fitted_[f] ? weight_[f] : 0.0f, mean = means_[f];
            state_[f] = {static_cast<float>(w * mu_ * mu_ * densities_[f] * quantum_), static_cast<float>(w * mu_ * static_cast<double>(fibre_density_[f]) * quantum_),
                         static_cast<float>(w), static_cast<float>(mean), kernels::exp(static_cast<float>(mean))};
        }
        return state_;
    }

    double cost() const {
        double sum = 0;
        for (std::size_t f = 0; f < state_.size(); ++f) {
            const double difference = mu_ * densities_[f] - static_cast<double>(fibre_density_[f]);
            sum += static_cast<double>(weight_[f]) * difference * difference;
        }
        return sum;
    }
    const std::vector<double>& densities() const { return densities_; }

  private:
    const std::vector<float>& fibre_density_;
    double quantum_;
    std::vector<float>& weight_;
    std::vector<std::uint8_t> fitted_;  ///< whether streamlines look at it; the cost counts it anyway
    double mu_ = 0, scale_ = 0;
    std::vector<double> units_;      ///< of the streamlines as they are
    std::vector<double> densities_;  ///< of the weighted streamlines [mm]
    std::vector<double> means_;
    std::vector<Sift2Fixel> state_;
};

Sift2Iteration::Spread spread(const std::vector<float>& values, const std::vector<float>& alive, std::int64_t count) {
    Sift2Iteration::Spread out;
    if (count == 0) return out;
    double sum = 0, sum_abs = 0, squares = 0;
    bool any = false;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!std::isfinite(alive[i])) continue;
        const double v = values[i];
        sum += v;
        sum_abs += std::fabs(v);
        squares += v * v;
        out.min = any ? std::min(out.min, v) : v;
        out.max = any ? std::max(out.max, v) : v;
        any = true;
    }
    const auto n = static_cast<double>(count);
    out.mean = sum / n;
    out.mean_abs = sum_abs / n;
    out.variance = std::max(0.0, squares / n - out.mean * out.mean);
    return out;
}

/// The streamlines' part of an iteration's row.
void describe(Sift2Iteration& row, const std::vector<float>& coefficients, const std::vector<float>& before) {
    std::vector<float> step(coefficients.size());
    for (std::size_t i = 0; i < step.size(); ++i) {
        step[i] = coefficients[i] - before[i];
        const double c = coefficients[i];
        if (!std::isfinite(c)) continue;
        ++row.streamlines;
        row.coefficient_norm += c * c;
    }
    row.step = spread(step, coefficients, row.streamlines);
    row.coefficient = spread(coefficients, coefficients, row.streamlines);
}

}  // namespace

std::vector<float> Sift2Result::weights() const {
    std::vector<float> out;
    out.reserve(coefficients.size());
    for (const float f : coefficients) out.push_back(kernels::exp(f));
    return out;
}

Sift2Result sift2(const Fixels& fixels, const FixelLengths& lengths, const Sift2Options& options, const Device& device, Progress& progress) {
    const auto& s = lengths.impl();
    if (s.streamlines == 0) throw InputError("there are no streamlines to weight; give a tractogram that holds some");
    Sift2Result out;
    FixelFit fit(fixels, lengths, options, out);
    const auto n = static_cast<std::size_t>(s.streamlines), n_fixels = static_cast<std::size_t>(fixels.size());
    constexpr double widest = 15;  // e^15 of one streamline and the lengths of 10^7 others fit into the sums
    const kernels::Sift2Limits limits{static_cast<float>(std::max(options.min_coeff, -widest)), static_cast<float>(std::min(options.max_coeff, widest)),
                                      static_cast<float>(options.max_coeff_step), static_cast<float>(options.reg_tikhonov * fit.scale()),
                                      static_cast<float>(options.reg_tv * fit.scale())};
    auto before = Buffer<float>::zeros(device, n);
    Buffer<float> after(device, n), variation(device, n);
    std::vector<float> now(n, 0.0f), next(n), penalty(n);
    Buffer<Sift2Fixel> state(device, n_fixels);

    out.iterations.emplace_back();
    out.iterations[0].cost_data = fit.cost();
    describe(out.iterations[0], now, now);
    progress.begin("weighting streamlines", options.max_iters, "iterations");
    out.track_density = fit.densities();
    for (int iteration = 1;; ++iteration) {
        state.upload(fit.state());
        auto sums = Buffer<std::int64_t>::zeros(device, 2 * n_fixels);
        for (const auto& chunk : s.chunks)
            launch(device, chunk.size,
                   AdjustCoefficients{chunk.packed.data(), chunk.words.data(), s.code, state.data(), limits, before.data() + chunk.first, after.data() + chunk.first,
                                      variation.data() + chunk.first, sums.data()},
                   256);
        // The pass tells the regularisation of the coefficients that it began with. So it is known now whether they were the last.
        auto& row = out.iterations.back();
        variation.download(penalty);
        double sum = 0;
        for (const float p : penalty) sum += static_cast<double>(p);
        row.cost_tv = options.reg_tv * fit.scale() * sum;
        row.cost_tikhonov = options.reg_tikhonov * fit.scale() * row.coefficient_norm;
        const int done = iteration - 1;
        if (options.max_iters > 0 && done >= options.max_iters) break;
        if (done >= std::max(1, options.min_iters)) {
            const double fallen = out.iterations[static_cast<std::size_t>(done) - 1].cost() - row.cost();
            if (fallen < options.min_cf_decrease * out.iterations[0].cost()) break;
        }
        after.download(next);
        fit.take(sums.to_host());
        out.iterations.emplace_back();
        out.iterations.back().cost_data = fit.cost();
        describe(out.iterations.back(), next, now);
        std::swap(now, next);
        std::swap(before, after);
        out.track_density = fit.densities();
        progress.at(iteration);
    }
    progress.end();
    out.coefficients = std::move(now);
    return out;
}

}  // namespace arcuate::weights
