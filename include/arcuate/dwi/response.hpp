// The single-fibre response function of a shell, estimated from the data.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/gradient_table.hpp"
#include "arcuate/core/series.hpp"
#include "arcuate/core/progress.hpp"

#include <vector>

namespace arcuate::dwi {

/// Zonal harmonics of the signal of one fibre bundle along z, l = 0, 2, 4, ..., in MRtrix3's normalisation.
using Response = std::vector<double>;

struct ResponseOptions {
    int voxels = 300;          ///< single-fibre voxels
    int candidates = 3000;     ///< voxels that the next iteration looks at again, with their neighbours
    int max_iterations = 10;
    int lmax = 10;             ///< of the response, even, 2 to 12
    double shell = 0;          ///< b-value of the shell to use [s/mm2]; 0: the largest
    std::int64_t chunk = 0;  ///< voxels per launch, 0: as many as suit the device; does not change a byte
};

struct ResponseResult {
    Response response;
    double b_value = 0;  ///< of the shell [s/mm2]
    Mask voxels;         ///< the single-fibre voxels
    int iterations = 0;
    bool converged = false;  ///< the last two iterations chose the same voxels
};

/// Tournier et al. 2013 (NMR Biomed 26:1775): repeat CSD, keep the voxels that look most like a single fibre, re-estimate, until the voxels stay
/// the same. A fibre's direction is its FOD's highest peak, as in the paper (MRtrix3 takes the mean of the peak's lobe, which moves l = 10 by tens of
/// percent where directions are few). The response is nowhere negative and rises from the fibre's direction to the plane across it. Throws InputError where the shell has
/// fewer than six directions, no voxel is usable, or the mask is on another grid or empty.
ResponseResult estimate_response(const Series& dwi, const GradientTable& gradients, const Mask& mask, const ResponseOptions& options,
                                 const Device& device, Progress& progress = silent());

}  // namespace arcuate::dwi
