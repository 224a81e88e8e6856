// How sure one can be of FA, MD and the main direction of every voxel's tensor, from one acquisition.
#pragma once

#include "arcuate/dwi/tensor.hpp"

namespace arcuate::dwi {

/// What a replicate's residuals are: each volume's own with a random sign (also where the noise differs between volumes), or drawn from all volumes'.
enum class BootstrapMethod { wild, residual };

/// What the residuals are divided by, h being the volume's leverage: sqrt(1 - h) or 1 - h.
enum class LeverageCorrection { hc2, hc3 };

/// The 95% interval: estimate +- 1.96 standard errors, or the replicates' 2.5 and 97.5 percentiles. Percentiles miss the truth more often: of FA below
/// 0.3, whose bias they double, and of MD where there is one b=0 volume, whose wild error has but two values.
enum class BootstrapInterval { normal, percentile };

struct BootstrapOptions {
    TensorFit fit = TensorFit::iwls;
    int iterations = 2;                ///< reweighting passes (iwls only)
    std::vector<double> shells = {};   ///< as TensorOptions::shells
    BootstrapMethod method = BootstrapMethod::wild;
    LeverageCorrection leverage = LeverageCorrection::hc3;
    BootstrapInterval interval = BootstrapInterval::normal;
    int replicates = 500;              ///< 20 to 100000
    std::uint64_t seed = 1;
    std::int64_t chunk = 0;      ///< voxels per launch, 0: as many as suit the device, fewer where their replicates would fill more than 256 MiB (and, of a GPU, a thirty-second of its memory); does not change a byte
};

/// Maps on the grid of the DWI; zero outside the mask.
struct BootstrapMaps {
    ScalarImage fa_se;               ///< standard error of FA
    ScalarImage fa_lower, fa_upper;  ///< 95% interval of FA; lower is never below 0
    ScalarImage md_se;               ///< standard error of MD [mm2/s]
    ScalarImage md_lower, md_upper;  ///< 95% interval of MD [mm2/s]
    ScalarImage v1_cone95;           ///< 95% cone of uncertainty of the main direction: half its opening angle [degrees], 0 to 90
    std::int64_t fitted = 0;         ///< voxels that were fitted
    std::int64_t skipped = 0;        ///< voxels inside the mask left zero, as TensorMaps::skipped
};

/// Bootstrap of the residuals of fit_tensor's fit; replicates keep its weights. Voxel v draws its numbers at (seed, v, replicate), so neither the
/// mask nor the chunk changes them. The intervals cover a noise-free FA of 0.2 and above; near isotropy, where noise makes FA too large, they do not.
/// Throws InputError as fit_tensor does, and where there are not more volumes than the seven parameters.
BootstrapMaps bootstrap_tensor(const Series& dwi, const GradientTable& gradients, const Mask& mask, const BootstrapOptions& options,
                               const Device& device, Progress& progress = silent());

}  // namespace arcuate::dwi
