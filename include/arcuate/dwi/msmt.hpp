// Fibre orientation distributions and tissue densities by multi-shell multi-tissue constrained spherical deconvolution.
#pragma once

#include "arcuate/dwi/response.hpp"

#include <string>

namespace arcuate::dwi {

/// A tissue's response: zonal harmonics for every shell of the image, b=0 included, ascending in b (MRtrix3's rows).
struct Tissue {
    std::string name;
    std::vector<Response> shells;
};

struct MsmtOptions {
    std::vector<int> lmax{};          ///< of each tissue, even, 0 to 12; empty: the response's, at most 8
    std::vector<Vec3d> directions{};  ///< (n, 3) unit vectors where FODs may not be negative; empty: 300 axes that repel each other
    int max_iterations = 0;           ///< constraints that may join, per voxel; 0: ten times the number of coefficients
    std::int64_t chunk = 0;     ///< voxels per launch, 0: as many as suit the device; does not change a byte
};

struct MsmtResult {
    std::vector<ScalarImage> fods;   ///< per tissue, ((lmax+1)(lmax+2)/2) coefficients as FodResult::fod; zero outside the mask
    std::vector<int> lmax;           ///< per tissue
    std::int64_t not_converged = 0;  ///< voxels that had a violated constraint at max_iterations
    std::int64_t skipped = 0;        ///< voxels left zero: a signal was not finite, or none was positive
};

/// Jeurissen et al. 2014 (NeuroImage 103:411): least squares over all volumes with FODs that are nowhere negative; negative signals count as
/// zero. Throws InputError where the tissues do not have a response for each shell, there are fewer shells than tissues, the tissues cannot
/// be told apart, or the mask is on another grid or empty.
MsmtResult estimate_msmt_fod(const Series& dwi, const GradientTable& gradients, const Mask& mask, const std::vector<Tissue>& tissues,
                             const MsmtOptions& options, const Device& device, Progress& progress = silent());

}  // namespace arcuate::dwi
