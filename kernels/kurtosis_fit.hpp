// The diffusion and the kurtosis tensor of one voxel, fitted together (Jensen et al. 2005, Magn Reson Med 53:1432):
// ln S = ln S0 - b sum D_ij g_i g_j + b^2/6 MD^2 sum W_ijkl g_i g_j g_k g_l, by the least squares of the tensor fit.
#pragma once

#include "kernels/kurtosis_metrics.hpp"
#include "kernels/log_signal_fit.hpp"
#include "kernels/views.hpp"

namespace arcuate::kernels {

/// Columns of the output rows.
struct KurtosisColumns {
    static constexpr int tensor = 0, kurtosis = 6, s0 = 21, fa = 22, md = 23, ad = 24, rd = 25, mk = 26, ak = 27, rk = 28, mkt = 29, count = 30;
};

/// What became of a voxel.
struct KurtosisOutcome {
    static constexpr std::uint8_t skipped = 0;    ///< a signal is not finite, all are zero, or the fit has no solution; everything is zero
    static constexpr std::uint8_t fitted = 1;
    static constexpr std::uint8_t undefined = 2;  ///< fitted, but an eigenvalue of D is not positive: MK, AK and RK are zero
};

struct FitKurtosis {
    /// The tensor's six elements [1 / b_scale], MD^2 W's fifteen (in the order of KurtosisTensor) [1 / b_scale^2], ln (S0 / largest signal).
    static constexpr int parameters = 22;

    LogSignalFit<parameters> fit;
    double b_scale;           ///< the design's b-values are b / b_scale [s/mm2], so that its columns have one order of magnitude
    double least, most;       ///< mk, ak, rk and mkt are cut to these
    RowsView<float> signals;  ///< (voxels, volumes) overwritten
    RowsView<float> maps;     ///< (voxels, KurtosisColumns::count) zero where skipped
    std::uint8_t* outcome;    ///< (voxels) KurtosisOutcome

    ARCUATE_HD void operator()(std::int64_t voxel) const {
        float* const out = maps.row(voxel);
        double p[parameters];
        float largest = 0.0f;
        outcome[voxel] = fit(signals.row(voxel), p, largest) ? write(p, largest, out) : KurtosisOutcome::skipped;
        if (outcome[voxel] == KurtosisOutcome::skipped)
            for (int c = 0; c < KurtosisColumns::count; ++c) out[c] = 0.0f;
    }

    ARCUATE_HD std::uint8_t write(const double* p, float largest, float* out) const {
        using Columns = KurtosisColumns;
        SymmetricTensor d{};
        for (int i = 0; i < 6; ++i) d.v[i] = p[i] / b_scale;
        const TensorMetrics t = tensor_metrics(d);
        KurtosisTensor w{};
        const double scaled_md = t.md * b_scale;
        for (int i = 0; i < 15; ++i) w.v[i] = p[6 + i] / (scaled_md * scaled_md);
        const KurtosisMetrics k = kurtosis_metrics(d, w);
        for (int i = 0; i < 6; ++i) out[Columns::tensor + i] = static_cast<float>(d.v[i]);
        for (int i = 0; i < 15; ++i) out[Columns::kurtosis + i] = static_cast<float>(w.v[i]);
        out[Columns::s0] = exp(static_cast<float>(p[21])) * largest;
        out[Columns::fa] = static_cast<float>(t.fa);
        out[Columns::md] = static_cast<float>(t.md);
        out[Columns::ad] = static_cast<float>(t.ad);
        out[Columns::rd] = static_cast<float>(t.rd);
        out[Columns::mk] = k.defined ? cut(k.mk) : 0.0f;
        out[Columns::ak] = k.defined ? cut(k.ak) : 0.0f;
        out[Columns::rk] = k.defined ? cut(k.rk) : 0.0f;
        out[Columns::mkt] = cut(k.mkt);
        for (int c = 0; c < Columns::count; ++c)
            if (!is_finite(out[c])) return KurtosisOutcome::skipped;
        return k.defined ? KurtosisOutcome::fitted : KurtosisOutcome::undefined;
    }

    ARCUATE_HD float cut(double kurtosis) const { return static_cast<float>(max(least, min(most, kurtosis))); }
};

}  // namespace arcuate::kernels
