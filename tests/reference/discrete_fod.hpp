// The next direction drawn from a fixed set in proportion to the FOD (Garyfallidis et al. 2014, Front Neuroinform 8:8) in double precision.
#pragma once

#include "reference/field.hpp"
#include "reference/streamline.hpp"

#include <algorithm>
#include <numeric>

namespace arcuate::reference {

class DiscreteDirections {
  public:
    /// `set`: unit, one of each opposite pair.
    DiscreteDirections(const ScalarImage& fod, std::vector<Vec3d> set, double cutoff, double seed_cutoff, double relative_cutoff,
                       double cos_max_angle)
        : fod_(fod),
          set_(std::move(set)),
          cutoff_(cutoff),
          seed_cutoff_(seed_cutoff),
          relative_cutoff_(relative_cutoff),
          cos_max_angle_(cos_max_angle) {
        for (const Vec3d& d : set_) basis_.push_back(spherical_harmonics(lmax_of_count(fod.volumes), d[0], d[1], d[2]));
    }

    /// The highest of the set; the top bit of draw 1 turns it round.
    std::optional<Vec3d> start(const Vec3d& seed, const Philox& random) const {
        const auto series = fod_.at(seed);
        if (!series) return {};
        const auto f = amplitudes(*series);
        const auto highest = std::max_element(f.begin(), f.end());
        if (!(*highest > seed_cutoff_)) return {};
        const Vec3d& d = set_[static_cast<std::size_t>(highest - f.begin())];
        return random(1).v[0] >> 31 ? -d : d;
    }

    /// Both signs of a direction count; those too far from the last, or lower than a share of the highest, are not drawn.
    std::optional<Stop> next(const Vec3d& position, const Vec3d& from, const Philox& random, std::uint32_t draw, Vec3d& to) const {
        const auto series = fod_.at(position);
        if (!series) return Stop::exit_image;
        const auto f = amplitudes(*series);
        const double highest = *std::max_element(f.begin(), f.end());
        if (!(highest >= cutoff_ && highest > 0)) return Stop::model;
        std::vector<std::pair<double, Vec3d>> urn;  // cumulated amplitude
        double total = 0;
        for (std::size_t i = 0; i < set_.size(); ++i) {
            const Vec3d d = dot(set_[i], from) < 0 ? -set_[i] : set_[i];
            if (f[i] >= relative_cutoff_ * highest && dot(d, from) >= cos_max_angle_) urn.emplace_back(total += f[i], d);
        }
        if (urn.empty()) return Stop::model;
        const double drawn = uniform(random(draw).v[0]) * total;
        to = std::find_if(urn.begin(), urn.end() - 1, [&](const auto& ball) { return ball.first > drawn; })->second;
        return {};
    }

  private:
    std::vector<double> amplitudes(const Series& series) const {
        std::vector<double> out;
        for (const Series& y : basis_) out.push_back(std::inner_product(y.begin(), y.end(), series.begin(), 0.0));
        return out;
    }

    Field fod_;
    std::vector<Vec3d> set_;
    std::vector<Series> basis_;
    double cutoff_, seed_cutoff_, relative_cutoff_, cos_max_angle_;
};

}  // namespace arcuate::reference
