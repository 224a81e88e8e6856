// From FODs to fixels.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/fixels.hpp"
#include "arcuate/core/progress.hpp"

namespace arcuate::dwi {

struct FixelOptions {
    float peak_threshold = 0.1f;   ///< lobes with a lower peak are left out [unit of the FOD]
    bool refine_peaks = true;      ///< peaks between the samples; without, `peak` and `direction` are those of the highest sample (less work)
    bool dilate_lookup = true;     ///< directions of no lobe belong to the nearest
    bool null_lobes = false;       ///< directions of no lobe make a fixel of their own, with a fibre density of 0
    std::int64_t chunk = 1 << 13;  ///< voxels per launch; does not change a byte
};

/// Smith et al. 2013, NeuroImage 67:298, appendix 2, on 1281 directions. Voxels whose coefficients are all zero have no fixel. Of more than 15 lobes
/// in a voxel the highest 15 stay. Throws InputError where `fod` is no even-order series of lmax 2 to 12, or a coefficient is not finite.
Fixels segment_fods(const ScalarImage& fod, const FixelOptions& options, const Device& device, Progress& progress = silent());

}  // namespace arcuate::dwi
