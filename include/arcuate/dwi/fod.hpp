// Fibre orientation distributions by constrained spherical deconvolution.
#pragma once

#include "arcuate/dwi/response.hpp"

namespace arcuate::dwi {

struct FodOptions {
    int lmax = 0;                  ///< even, 2 to 12; 0: the response's, at most 8. May exceed what the directions determine (super-resolved CSD)
    double negativity_weight = 1;  ///< MRtrix's -neg_lambda
    double norm_weight = 1;        ///< MRtrix's -norm_lambda
    double threshold = 0;          ///< amplitudes below this are constrained; in units of the FOD
    int max_iterations = 50;
    std::vector<Vec3d> directions{};  ///< (n, 3) unit vectors where negativity is penalised; empty: 300 axes that repel each other
    std::int64_t chunk = 0;   ///< voxels per launch, 0: as many as suit the device; does not change a byte
};

struct FodResult {
    ScalarImage fod;                ///< ((lmax+1)(lmax+2)/2) coefficients, scanner frame, basis of conventions.hpp; zero outside the mask
    int lmax = 0;
    std::int64_t directions = 0;     ///< distinct ones of the shell
    std::int64_t not_converged = 0;  ///< voxels whose constrained set still changed at max_iterations
    std::int64_t skipped = 0;        ///< voxels left zero: a signal was not finite, or all were zero
};

/// Tournier, Calamante & Connelly 2007 (NeuroImage 35:1459) on the shell of largest b; negative signals count as zero. Throws InputError where
/// the shell has fewer than six directions, the response has fewer orders than `lmax`, or the mask is on another grid or empty.
FodResult estimate_fod(const Series& dwi, const GradientTable& gradients, const Mask& mask, const Response& response,
                       const FodOptions& options, const Device& device, Progress& progress = silent());

}  // namespace arcuate::dwi
