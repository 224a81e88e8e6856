// Another draw of a diffusion image's noise from the image itself: the wild bootstrap of the signal.
//
// Each shell's signal is fitted by a linear model, and a replicate is the fit plus every volume's own residual with a random sign (Wu 1986, Ann Stat 14:1261;
// Whitcher et al. 2008, Hum Brain Mapp 29:346; for the residuals of spherical harmonics Berman et al. 2008, NeuroImage 39:215). A residual has the variance of
// the noise times 1 - h, h being the volume's leverage, so it is divided by sqrt(1 - h). A volume that the fit follows whatever it says (an only b=0
// volume, say) has none that tells: its error is the pooled one of the others.
#pragma once

#include "kernels/philox.hpp"
#include "kernels/views.hpp"

namespace arcuate::kernels {

/// A volume, how the signals of its shell predict its own, and what its residual is multiplied by.
struct ReplicatedVolume {
    std::int32_t volume;        ///< in the image
    std::int32_t first, count;  ///< columns of the signals that the prediction is made of
    std::int32_t weights;       ///< where their weights begin
    double scale;               ///< 1 / sqrt(1 - leverage); 0: the fit follows this volume
};

struct ReplicateSignal {
    const double* weights;
    const ReplicatedVolume* volumes;  ///< (count) as the columns of the signals
    int count;
    double freedom;                   ///< residual degrees of freedom of all fits, above 0
    const std::int64_t* item;         ///< (voxels) address of the random numbers
    std::uint64_t seed;
    std::uint32_t replicate;          ///< < 2^24
    RowsView<const float> signals;    ///< (voxels, count) a column per element of `volumes`
    RowsView<float> out;              ///< (voxels, count) a column per volume of the image

    ARCUATE_HD void operator()(std::int64_t voxel) const {
        const float* const s = signals.row(voxel);
        float* const o = out.row(voxel);
        double squares = 0;
        bool finite = true;
        for (int c = 0; c < count; ++c) {
            const double e = residual(s, c);
            o[volumes[c].volume] = static_cast<float>(e);
            squares = fma(e, e, squares);
            finite = finite && is_finite(s[c]);
        }
        const double sigma = sqrt(squares / freedom);
        const Philox stream{seed, static_cast<std::uint64_t>(item[voxel]), Purpose::resampling, replicate};
        Random4 bits{};
        for (int c = 0, drawn = -1; c < count; ++c) {
            const int v = volumes[c].volume;
            if (v / 128 != drawn) bits = stream(static_cast<std::uint32_t>(drawn = v / 128));  // one bit a volume
            const bool minus = ((bits.v[v % 128 / 32] >> (v % 32)) & 1u) != 0;
            const double e = static_cast<double>(o[v]), error = volumes[c].scale > 0 ? e * volumes[c].scale : sigma;
            // Magnitudes are not negative.
            o[v] = finite ? abs(static_cast<float>(static_cast<double>(s[c]) - e + (minus ? -error : error))) : s[c];
        }
    }

    ARCUATE_HD double residual(const float* s, int c) const {
        const ReplicatedVolume& v = volumes[c];
        double fitted = 0;
        for (int k = 0; k < v.count; ++k) fitted = fma(weights[v.weights + k], static_cast<double>(s[v.first + k]), fitted);
        return static_cast<double>(s[c]) - fitted;
    }
};

}  // namespace arcuate::kernels
