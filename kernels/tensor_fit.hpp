// The diffusion tensor of one voxel by weighted linear least squares on ln S (Basser et al. 1994, J Magn Reson B 103:247), optionally
// reweighted by the fit's own predictions (Veraart et al. 2013, NeuroImage 81:335).
#pragma once

#include "kernels/log_tensor_fit.hpp"
#include "kernels/normal_equations.hpp"
#include "kernels/tensor_metrics.hpp"
#include "kernels/views.hpp"

namespace arcuate::kernels {

/// Columns of the output rows.
struct TensorColumns {
    static constexpr int tensor = 0, s0 = 6, fa = 7, md = 8, ad = 9, rd = 10, v1 = 11, count = 14;
};

struct FitTensor {
    static constexpr int parameters = 7;  ///< xx, yy, zz, xy, xz, yz [1 / b_scale], ln (S0 / largest signal)
    using Normal = NormalEquations<parameters>;  ///< for kernels that go on from here

    const double* design;      ///< (volumes, 8) ln S = design . parameters; the eighth column is zero
    int volumes;
    double b_scale;            ///< the design's b-values are b / b_scale [s/mm2], so that its columns have one order of magnitude
    bool weighted;             ///< first pass weighted by the signal; otherwise unweighted
    int reweightings;          ///< further passes, weighted by the predicted signal
    RowsView<float> signals;   ///< (voxels, volumes) overwritten by ln (signal / largest)
    RowsView<float> maps;      ///< (voxels, TensorColumns::count) zero where skipped
    std::uint8_t* fitted;      ///< (voxels) 0: a signal is not finite, all are zero, or the fit has no solution
    float* scale = nullptr;    ///< (voxels) the largest signal, for kernels that go on from here; may be null

    ARCUATE_HD void operator()(std::int64_t voxel) const {
        double p[parameters];
        float largest = 0.0f;
        const bool solved = fit(signals.row(voxel), p, largest);
        finish(voxel, solved, p, largest);
    }

    ARCUATE_HD void finish(std::int64_t voxel, bool solved, const double* p, float largest) const {
        float* const out = maps.row(voxel);
        fitted[voxel] = solved && write(p, largest, out);
        if (!fitted[voxel])
            for (int c = 0; c < TensorColumns::count; ++c) out[c] = 0.0f;
        if (scale) scale[voxel] = largest;
    }

    ARCUATE_HD bool fit(float* s, double* p, float& largest) const {
        const LogTensorFit<Double1> one{design, volumes, weighted, reweightings};
        double of_one[1][parameters];
        if (!one.measure(&s, &largest) || !one.fit(&s, &largest, of_one)) return false;
        for (int i = 0; i < parameters; ++i) p[i] = of_one[0][i];
        return true;
    }

    /// The row of volume v: var(ln S) is proportional to 1/S^2, so the squared residual counts S^2 times.
    ARCUATE_HD void add(Normal& normal, int v, float log_signal, double weight) const {
        double x[Normal::width];
        for (int i = 0; i < parameters; ++i) x[i] = design[v * 8 + i];
        x[parameters] = static_cast<double>(log_signal);
        add_outer_product(normal, x, weight * weight);
    }

    ARCUATE_HD bool write(const double* p, float largest, float* out) const {
        SymmetricTensor d{};
        for (int i = 0; i < 6; ++i) d.v[i] = p[i] / b_scale;
        const TensorMetrics m = tensor_metrics(d);
        for (int i = 0; i < 6; ++i) out[TensorColumns::tensor + i] = static_cast<float>(d.v[i]);
        out[TensorColumns::s0] = exp(static_cast<float>(p[6])) * largest;
        out[TensorColumns::fa] = static_cast<float>(m.fa);
        out[TensorColumns::md] = static_cast<float>(m.md);
        out[TensorColumns::ad] = static_cast<float>(m.ad);
        out[TensorColumns::rd] = static_cast<float>(m.rd);
        for (int i = 0; i < 3; ++i) out[TensorColumns::v1 + i] = static_cast<float>(m.v1[i]);
        bool finite = true;
        for (int c = 0; c < TensorColumns::count; ++c) finite = finite && is_finite(out[c]);
        return finite;
    }
};

/// FitTensor for four voxels at a time: what a processor runs.
struct FitFourTensors {
    FitTensor kernel;
    std::int64_t voxels;  ///< the last item has what is left of them

    ARCUATE_HD void operator()(std::int64_t item) const {
        const std::int64_t first = 4 * item, end = min(first + 4, voxels);
        if (end == first + 4 && together(first)) return;
        for (std::int64_t v = first; v < end; ++v) kernel(v);
    }

    /// False, with nothing changed, where one of the four has no usable signal.
    ARCUATE_HD bool together(std::int64_t first) const {
        const LogTensorFit<Double4> four{kernel.design, kernel.volumes, kernel.weighted, kernel.reweightings};
        float* const s[4] = {kernel.signals.row(first), kernel.signals.row(first + 1), kernel.signals.row(first + 2), kernel.signals.row(first + 3)};
        float largest[4];
        double p[4][FitTensor::parameters];
        if (!four.measure(s, largest)) return false;
        const int solved = four.fit(s, largest, p);
        for (int r = 0; r < 4; ++r) kernel.finish(first + r, solved >> r & 1, p[r], largest[r]);
        return true;
    }
};

}  // namespace arcuate::kernels
