// The single-fibre response function of a shell, estimated from the data.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/gradient_table.hpp"
#include "arcuate/core/image.hpp"
#include "arcuate/core/progress.hpp"

#include <vector>

namespace arcuate::dwi {

/// Zonal harmonics of the signal of one fibre bundle along z, l = 0, 2, 4, ..., in MRtrix3's normalisation.
using Response = std::vector<double>;

struct ResponseOptions {
    int voxels = 300;          ///< single-fibre voxels
    int candidates = 3000;     ///< voxels considered in the next iteration
    int max_iterations = 10;
    int lmax = 10;             ///< of the response
    std::int64_t chunk = 1 << 14;
};

struct ResponseResult {
    Response response;
    double b_value = 0;  ///< of the shell [s/mm2]
    Mask voxels;         ///< the single-fibre voxels
    int iterations = 0;
};

/// Tournier et al. 2013 (NMR Biomed 26:1775): repeat CSD, keep the voxels that look most like a single fibre, re-estimate.
ResponseResult estimate_response(const ScalarImage& dwi, const GradientTable& gradients, const Mask& mask, const ResponseOptions& options,
                                 const Device& device, Progress& progress = silent());

}  // namespace arcuate::dwi
