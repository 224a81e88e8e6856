// The parameters of one voxel's log signal, ln S = design . parameters, by weighted linear least squares (Basser et al. 1994, J Magn Reson B
// 103:247), optionally reweighted by the fit's own predictions (Veraart et al. 2013, NeuroImage 81:335).
#pragma once

#include "kernels/normal_equations.hpp"

namespace arcuate::kernels {

template <int N>
struct LogSignalFit {
    using Normal = NormalEquations<N>;
    static constexpr int width = Normal::width;  ///< columns of the design: N, then zeros
    static constexpr int block = 32;             ///< volumes at a time: loops over them are vector code

    const double* design;  ///< (volumes, width)
    int volumes;
    bool weighted;         ///< first pass weighted by the signal; otherwise unweighted
    int reweightings;      ///< further passes, weighted by the predicted signal

    /// False where a signal is not finite, none is positive, or the normal matrix is not positive definite. `s` becomes ln (S / largest);
    /// `p` are the parameters of that.
    ARCUATE_HD bool operator()(float* s, double* p, float& largest) const {
        largest = 0.0f;
        bool finite = true;
        for (int v = 0; v < volumes; ++v) {
            finite = finite && is_finite(s[v]);
            largest = max(largest, s[v]);
        }
        if (!finite || !(largest > 0.0f)) return false;
        // Signals relative to the largest: their logarithms are small, so float keeps them to 1e-7; weights do not depend on the scale.
        Normal normal, factor;
        normal.clear();
        float weight[block], value[block];
        for (int v = 0; v < volumes; v += block) {
            const int n = min(block, volumes - v);
            ARCUATE_ROLLED
            for (int k = 0; k < block; ++k) weight[k] = k < n ? max(s[v + k] / largest, 1e-6f) : 1.0f;
            ARCUATE_ROLLED
            for (int k = 0; k < block; ++k) value[k] = log(weight[k]);
            for (int k = 0; k < n; ++k) s[v + k] = value[k];
            if (!weighted)
                ARCUATE_ROLLED
                for (int k = 0; k < block; ++k) weight[k] = 1.0f;
            add(normal, v, n, weight, value);
        }
        if (!solve(normal, factor, p)) return false;
        for (int pass = 0; pass < reweightings; ++pass) {
            normal.clear();
            for (int v = 0; v < volumes; v += block) {
                const int n = min(block, volumes - v);
                predict(v, n, p, value);
                ARCUATE_ROLLED
                for (int k = 0; k < block; ++k) weight[k] = exp(value[k]);
                ARCUATE_ROLLED
                for (int k = 0; k < block; ++k) value[k] = k < n ? s[v + k] : 0.0f;
                add(normal, v, n, weight, value);
            }
            if (!solve(normal, factor, p)) return false;
        }
        return true;
    }

    /// value[k] = design . p of volume first + k, for k < n; 0 from there to `block`.
    ARCUATE_HD void predict(int first, int n, const double* p, float* value) const {
        double padded[width];
        for (int i = 0; i < width; ++i) padded[i] = i < N ? p[i] : 0.0;
        ARCUATE_ROLLED
        for (int k = 0; k < block; k += 4) {
            Double4 sum[4];
            ARCUATE_UNROLL
            for (int r = 0; r < 4; ++r) {
                const double* const x = design + std::int64_t{first + min(k + r, n - 1)} * width;
                sum[r] = Double4::load(x) * Double4::load(padded);
                ARCUATE_UNROLL
                for (int i = 4; i < width; i += 4) sum[r] = fma(Double4::load(x + i), Double4::load(padded + i), sum[r]);
            }
            double out[4];
            sums_of(sum, out);
            for (int r = 0; r < 4; ++r) value[k + r] = k + r < n ? static_cast<float>(out[r]) : 0.0f;
        }
    }

    /// n volumes' rows: var(ln S) is proportional to 1/S^2, so the squared residual counts S^2 times.
    ARCUATE_HD void add(Normal& normal, int first, int n, const float* weight, const float* value) const {
        double square[block];
        ARCUATE_ROLLED
        for (int k = 0; k < block; ++k) square[k] = static_cast<double>(weight[k]) * static_cast<double>(weight[k]);
        add_weighted_rows(normal, design + std::int64_t{first} * width, square, value, n);
    }
};

}  // namespace arcuate::kernels
