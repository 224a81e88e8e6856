// Directions of the diffusion tensor (Tensor_Det: Basser et al. 2000, Magn Reson Med 44:625; Tensor_Prob: Jones 2008, IEEE Trans Med
// Imaging 27:1268) in double precision: the signal interpolated, its logarithm fitted by QR. Signals are far above the smallest one that a
// logarithm is taken of.
#pragma once

#include "reference/field.hpp"
#include "reference/streamline.hpp"
#include "reference/tensor.hpp"

namespace arcuate::reference {

class TensorDirections {
  public:
    /// `wild`: the signal of a voxel is what its own tensor says plus or minus the rest.
    TensorDirections(const ScalarImage& signal, const GradientTable& table, bool wild, double cutoff, double seed_cutoff,
                     double cos_max_angle, const Vec3d& sense)
        : signal_(signal),
          image_(signal),
          table_(table),
          cutoff_(cutoff),
          seed_cutoff_(seed_cutoff),
          cos_max_angle_(cos_max_angle),
          sense_(sense) {
        std::uint32_t rows = 0;
        for (std::int64_t v = 0; v < image_.grid.voxels(); ++v) {
            std::vector<double> s(static_cast<std::size_t>(image_.volumes));
            bool any = false;
            for (std::int64_t j = 0; j < image_.volumes; ++j) any |= (s[static_cast<std::size_t>(j)] = image_.at(v, j)) != 0;
            row_.push_back(any ? ++rows : 0);
            predicted_.push_back(any && wild ? prediction(s) : s);
        }
    }

    /// The tensor's axis in the sense that is asked for.
    std::optional<Vec3d> start(const Vec3d& seed, const Philox& random) const {
        if (!signal_.has_data(seed)) return {};
        const Tensor t = fit(seed, random);
        if (t.fa < seed_cutoff_) return {};
        return along(t, sense_);
    }
    std::optional<Stop> next(const Vec3d& position, const Vec3d& from, const Philox& random, std::uint32_t, Vec3d& to) const {
        if (!signal_.has_data(position)) return Stop::exit_image;
        const Tensor t = fit(position, random);
        to = along(t, from);
        if (t.fa < cutoff_) return Stop::model;
        if (dot(from, to) < cos_max_angle_) return Stop::high_curvature;
        return {};
    }

  private:
    std::vector<double> prediction(const std::vector<double>& s) const {
        const Tensor t = fit_tensor(table_, s, -1);
        std::vector<double> out;
        for (std::size_t j = 0; j < s.size(); ++j) {
            const Eigen::Vector3d g(table_.directions[j][0], table_.directions[j][1], table_.directions[j][2]);
            out.push_back(t.s0 * std::exp(-table_.b_values[j] * g.dot(t.d * g)));
        }
        return out;
    }
    static Vec3d along(const Tensor& t, const Vec3d& sense) {
        const Vec3d d{t.v1[0], t.v1[1], t.v1[2]};
        return dot(d, sense) < 0 ? -d : d;
    }

    /// One sign per streamline, voxel and volume, whatever the half and the step: volume j's is bit j of the 128 of each draw.
    Tensor fit(const Vec3d& position, const Philox& random) const {
        std::vector<double> s(static_cast<std::size_t>(image_.volumes));
        signal_.around(position, [&](std::int64_t voxel, double weight) {
            const auto v = static_cast<std::size_t>(voxel);
            for (std::uint32_t j = 0; row_[v] > 0 && j < s.size(); ++j) {
                const auto signs = Philox{random.seed, random.item, Purpose::bootstrap, row_[v]}(j / 128);
                const double rest = image_.at(voxel, j) - predicted_[v][j];
                s[j] += weight * (predicted_[v][j] + (signs.v[j % 128 / 32] >> (j % 32) & 1 ? -rest : rest));
            }
        });
        return fit_tensor(table_, s, -1);
    }

    Field signal_;
    const ScalarImage& image_;
    const GradientTable& table_;
    double cutoff_, seed_cutoff_, cos_max_angle_;
    Vec3d sense_;
    std::vector<std::uint32_t> row_;              ///< of each voxel with data, from 1
    std::vector<std::vector<double>> predicted_;  ///< of each voxel; its signal itself where nothing is resampled
};

}  // namespace arcuate::reference
