// Tracking along the diffusion tensor's principal direction, fitted at every step to the interpolated signal (Tensor_Det: Basser et al. 2000, Magn Reson
// Med 44:625; Tensor_Prob: Jones 2008, IEEE Trans Med Imaging 27:1268, a wild bootstrap of the signal).
#pragma once

#include "kernels/first_order.hpp"
#include "kernels/philox_lanes.hpp"
#include "kernels/tensor_metrics.hpp"
#include "kernels/voxel_grid.hpp"

namespace arcuate::kernels {

/// Directions along tensors, for FirstOrder.
struct TensorDirections {
    static constexpr int team_lanes = 1, thread_registers = 255;

    VoxelGrid grid;
    const float* signal;     ///< (rows, stride) relative to the image's largest
    const float* residual;   ///< (rows, stride) signal minus fit, to be added with random signs to the fit in `signal`; null: deterministic
    const float* to_tensor;  ///< (6 at least, stride) tensor elements from ln S: the pseudo-inverse of the design; zero in the padding
    int stride;              ///< volumes, padded to a multiple of 8
    float cutoff, seed_cutoff;  ///< of FA
    float cos_max_angle;

    static constexpr float smallest = 1e-6f;  ///< below which a signal is taken to be this, before its logarithm

    /// The tensor of the interpolated signal. The signs of residuals belong to (streamline, voxel, volume): every visit to a voxel sees the same ones.
    ARCUATE_HD TensorMetrics fit(const Cell& cell, const Philox& random) const {
        std::uint32_t row[8];
        for (int k = 0; k < 8; ++k) row[k] = static_cast<std::uint32_t>(cell.row[k]) & 0xffffffu;
        Float8 sum[6];
        for (int k = 0; k < 6; ++k) sum[k] = Float8::all(0.0f);
        Random4x8 signs{};
        for (int first = 0; first < stride; first += 8) {
            if (residual && first % 128 == 0) signs = eight_streams({random.seed, random.item, Purpose::bootstrap, 0}, row, static_cast<std::uint32_t>(first / 128));
            Float8 s = Float8::all(0.0f);
            for (int k = 0; k < 8; ++k) {
                const std::int64_t at = static_cast<std::int64_t>(cell.row[k]) * stride + first;
                const Float8 weight = Float8::all(cell.weight[k]);
                s = fma(Float8::load_aligned(signal + at), weight, s);
                if (!residual) continue;
                s = fma(negated(Float8::load_aligned(residual + at), signs.v[first % 128 / 32][k] >> (first % 32)), weight, s);
            }
            const Float8 log_s = log_of_normal(max(s, Float8::all(smallest)));
            for (int k = 0; k < 6; ++k) sum[k] = fma(Float8::load_aligned(to_tensor + k * stride + first), log_s, sum[k]);
        }
        SymmetricTensor d;
        for (int k = 0; k < 6; ++k) d.v[k] = static_cast<double>(tree_sum(sum[k]));
        return tensor_metrics(d);
    }

    ARCUATE_HD static Vec3 axis_of(const TensorMetrics& m) { return {static_cast<float>(m.v1[0]), static_cast<float>(m.v1[1]), static_cast<float>(m.v1[2])}; }

    ARCUATE_HD float amplitude(Vec3 position, Vec3) const {
        Cell cell;
        if (!grid.locate(position, cell)) return 0.0f;
        TensorDirections plain = *this;
        plain.residual = nullptr;
        return static_cast<float>(plain.fit(cell, Philox{}).fa);
    }

    ARCUATE_HD bool start(Vec3 seed, const Philox& random, const Vec3* asked, Vec3& direction) const {
        Cell cell;
        if (!grid.locate(seed, cell)) return false;
        const TensorMetrics m = fit(cell, random);
        if (!(m.fa >= static_cast<double>(seed_cutoff))) return false;
        direction = axis_of(m);
        if (asked && dot(*asked, direction) < 0.0f) direction = -direction;  // the axis is the tensor's, its sign the user's
        return true;
    }

    ARCUATE_HD StepEnd next(Vec3 position, Vec3 from, const Philox& random, std::uint32_t, Vec3& to, StepCounts& counts) const {
        Cell cell;
        if (!grid.locate(position, cell)) return StepEnd::exit_image;
        const TensorMetrics m = fit(cell, random);
        to = axis_of(m);
        const float cosine = dot(from, to);
        if (cosine < 0.0f) to = -to;
        const StepEnd end = !(m.fa >= static_cast<double>(cutoff)) ? StepEnd::model : !(abs(cosine) >= cos_max_angle) ? StepEnd::high_curvature : StepEnd::none;
        ++(end == StepEnd::none ? counts.arcs : counts.end_arcs);
        return end;
    }
};

/// Splits the signal of each row into what the model says of it and the rest. One item per row.
struct SplitSignal {
    const float* inverse;     ///< (7, stride) tensor elements and ln S0 from ln S; zero in the padding
    const float* design;      ///< (7, stride) ln S from them
    int volumes, stride;
    float* signal;            ///< (rows, stride); becomes the fit
    float* residual;          ///< (rows, stride)

    ARCUATE_HD void operator()(std::int64_t row) const {
        float* s = signal + row * stride;
        float* r = residual + row * stride;
        float value[8];
        Double4 sum[7];
        for (int k = 0; k < 7; ++k) sum[k] = Double4::all(0);
        for (int v = 0; v < stride; v += 8) {
            log_of_normal(max(Float8::load(s + v), Float8::all(TensorDirections::smallest))).store(value);
            for (int k = 0; k < 7; ++k)
                for (int half = 0; half < 8; half += 4) sum[k] = fma(Double4::load(inverse + k * stride + v + half), Double4::load(value + half), sum[k]);
        }
        double parameter[7];
        for (int k = 0; k < 7; ++k) parameter[k] = tree_sum(sum[k]);
        for (int v = 0; v < stride; v += 4) {
            Double4 log_s = Double4::all(0);
            for (int k = 0; k < 7; ++k) log_s = fma(Double4::load(design + k * stride + v), Double4::all(parameter[k]), log_s);
            log_s.store(value);
            for (int j = 0; j < min(4, volumes - v); ++j) {
                const float fit = exp(value[j]);
                r[v + j] = s[v + j] - fit;
                s[v + j] = fit;
            }
        }
    }
};

using TensorTracking = FirstOrder<TensorDirections>;

}  // namespace arcuate::kernels
