// The parameters of one voxel's log signal, ln S = design . parameters, by weighted linear least squares (Basser et al. 1994, J Magn Reson B
// 103:247), optionally reweighted by the fit's own predictions (Veraart et al. 2013, NeuroImage 81:335).
#pragma once

#include "kernels/normal_equations.hpp"

namespace arcuate::kernels {

template <int N>
struct LogSignalFit {
    using Normal = NormalEquations<N>;
    static constexpr int width = Normal::width;  ///< columns of the design: N, then zeros

    const double* design;  ///< (volumes, width)
    int volumes;
    bool weighted;         ///< first pass weighted by the signal; otherwise unweighted
    int reweightings;      ///< further passes, weighted by the predicted signal

    /// False where a signal is not finite, none is positive, or the normal matrix is not positive definite. `s` is overwritten; `p` are the
    /// parameters of ln (S / largest).
    ARCUATE_HD bool operator()(float* s, double* p, float& largest) const {
        largest = 0.0f;
        for (int v = 0; v < volumes; ++v) {
            if (!is_finite(s[v])) return false;
            largest = max(largest, s[v]);
        }
        if (!(largest > 0.0f)) return false;
        // Signals relative to the largest: their logarithms are small, so float keeps them to 1e-7; weights do not depend on the scale.
        Normal normal, factor;
        normal.clear();
        for (int v = 0; v < volumes; ++v) {
            const float relative = max(s[v] / largest, 1e-6f);
            s[v] = log(relative);
            add(normal, v, s[v], weighted ? static_cast<double>(relative) : 1.0);
        }
        if (!solve(normal, factor, p)) return false;
        for (int pass = 0; pass < reweightings; ++pass) {
            normal.clear();
            for (int v = 0; v < volumes; ++v) {
                const double* const x = design + v * width;
                double predicted = x[0] * p[0];
                for (int i = 1; i < N; ++i) predicted = fma(x[i], p[i], predicted);
                add(normal, v, s[v], static_cast<double>(exp(static_cast<float>(predicted))));
            }
            if (!solve(normal, factor, p)) return false;
        }
        return true;
    }

    /// The row of volume v: var(ln S) is proportional to 1/S^2, so the squared residual counts S^2 times.
    ARCUATE_HD void add(Normal& normal, int v, float log_signal, double weight) const {
        double x[width];
        for (int i = 0; i < width; ++i) x[i] = design[v * width + i];
        x[N] = static_cast<double>(log_signal);
        add_outer_product(normal, x, weight * weight);
    }
};

}  // namespace arcuate::kernels
