// The same brain measured once more: a diffusion image with another draw of its noise, from one acquisition.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/gradient_table.hpp"
#include "arcuate/core/progress.hpp"
#include "arcuate/core/series.hpp"

namespace arcuate::dwi {

struct ReplicateOptions {
    std::uint64_t seed = 1;
    std::int64_t number = 1;       ///< which replicate, 0 to 2^24 - 1
    int lmax = 8;                  ///< of the fit at most, even, 2 to 8
    std::int64_t block = 1;        ///< voxels along each axis of the cubes that share their signs, above 0
    std::int64_t chunk = 0;  ///< voxels per launch, 0: as many as suit the device; does not change a byte
};

/// How the signal of a shell is fitted.
struct ShellFit {
    double b_value = 0;        ///< [s/mm2]
    std::int64_t volumes = 0;
    int lmax = 0;              ///< 0: by its mean; -1: not at all, too few volumes
};

/// By even spherical harmonics: each shell of the largest order up to `lmax` that has at most three quarters as many coefficients as the shell has volumes,
/// not more than distinct directions, and is determined by them; b=0 by its mean. Ascending in b. Throws InputError where no diffusion-weighted shell can
/// be fitted (the least is eight volumes in six directions), or the order is none.
std::vector<ShellFit> replicate_fits(const GradientTable& gradients, int lmax = ReplicateOptions{}.lmax);

/// A replicate of the image: replicate_fits' fit of each shell plus the volumes' own residuals over sqrt(1 - leverage), each with a random sign (wild
/// bootstrap); of volumes that the fit follows (leverage above 0.95), plus or minus the standard deviation of all residuals. Magnitudes: what falls below
/// zero counts as positive. Over replicates, the variance of a volume is an unbiased estimate of the noise's; their mean is the fit, in which part of the noise
/// is left. So their spread tells the error of what is computed from the image, and their mean does not improve on it.
/// Outside the mask, and where a signal is not finite, the values are the image's own.
///
/// Signs are drawn at (seed, voxel, number), so neither the mask nor the chunk changes them. With `block` they are those of the cube that the voxel is in: noise
/// that neighbours share, as after interpolation or smoothing, is then shared by their replicates as far as the cube reaches. With 1 it is taken to be
/// independent, and where it is not, the spread of means over many voxels comes out too small.
/// Throws InputError as replicate_fits does, where table, image and mask do not fit each other, and for options out of their range.
ScalarImage replicate_signal(const Series& dwi, const GradientTable& gradients, const Mask& mask, const ReplicateOptions& options, const Device& device,
                             Progress& progress = silent());

}  // namespace arcuate::dwi
