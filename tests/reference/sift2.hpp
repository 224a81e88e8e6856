// The cost of SIFT2 and its slope, from the model's equations, in double.
#pragma once

#include <cmath>
#include <map>
#include <vector>

namespace arcuate::reference {

struct Sift2Model {
    std::vector<std::map<std::int64_t, double>> lengths;  ///< (streamlines) fixel -> mm
    std::vector<double> fibre_density;
    double reg_tikhonov, reg_tv;

    double mu() const {
        double fibres = 0, tracks = 0;
        for (const double fd : fibre_density) fibres += fd;
        for (const auto& line : lengths)
            for (const auto& [f, mm] : line) tracks += mm;
        return fibres / tracks;
    }
    double scale() const {
        double sum = 0;
        for (const double fd : fibre_density) sum += fd * fd;
        return sum / static_cast<double>(lengths.size());
    }

    struct Cost {
        double data = 0, tikhonov = 0, tv = 0;
        std::vector<double> slope;  ///< by each coefficient, the fixels' means held
    };
    Cost cost(const std::vector<float>& coefficients) const {
        std::vector<double> target = fibre_density;
        for (double& t : target) t /= mu();
        return cost_towards(target, std::vector<float>(coefficients.size(), 0.0f), coefficients);
    }
    /// Of changes from `base`, where a session's fibre densities are larger by `difference` than the model's.
    Cost cost_of_change(const std::vector<float>& base, const std::vector<float>& change, const std::vector<double>& difference) const {
        std::vector<double> target(fibre_density.size());
        for (std::size_t s = 0; s < lengths.size(); ++s)
            for (const auto& [f, mm] : lengths[s]) target[static_cast<std::size_t>(f)] += mm * std::exp(double(base[s]));
        for (std::size_t f = 0; f < target.size(); ++f) target[f] += difference[f] / mu();
        return cost_towards(target, base, change);
    }

  private:
    /// target: track densities to come to. Streamlines weigh e^(base + coefficient); coefficients are what is regularised.
    Cost cost_towards(const std::vector<double>& target, const std::vector<float>& base, const std::vector<float>& coefficients) const {
        const std::size_t n = target.size();
        std::vector<double> td(n), mean(n), total(n);
        for (std::size_t s = 0; s < lengths.size(); ++s)
            for (const auto& [f, mm] : lengths[s]) {
                td[static_cast<std::size_t>(f)] += mm * std::exp(double(base[s]) + double(coefficients[s]));
                mean[static_cast<std::size_t>(f)] += mm * double(coefficients[s]);
                total[static_cast<std::size_t>(f)] += mm;
            }
        const double m = mu(), a = scale();
        Cost out;
        for (std::size_t f = 0; f < n; ++f) {
            if (total[f] > 0) mean[f] /= total[f];
            out.data += std::pow(m * (td[f] - target[f]), 2);
        }
        for (std::size_t s = 0; s < lengths.size(); ++s) {
            const double c = double(coefficients[s]), factor = std::exp(c), w = std::exp(double(base[s])) * factor;
            double whole = 0, tv = 0, tv_slope = 0, slope = 2 * reg_tikhonov * a * c;
            for (const auto& [f, mm] : lengths[s]) {
                const auto u = static_cast<std::size_t>(f);
                whole += mm;
                slope += 2 * m * mm * w * m * (td[u] - target[u]);
                const double e = std::exp(mean[u]);
                tv += mm * (c < mean[u] ? std::pow(c - mean[u], 2) : std::pow(factor - e, 2));
                tv_slope += mm * (c < mean[u] ? 2 * (c - mean[u]) : 2 * (factor - e) * factor);
            }
            out.tikhonov += reg_tikhonov * a * c * c;
            if (whole > 0) {
                out.tv += reg_tv * a * tv / whole;
                slope += reg_tv * a * tv_slope / whole;
            }
            out.slope.push_back(slope);
        }
        return out;
    }
};

}  // namespace arcuate::reference
