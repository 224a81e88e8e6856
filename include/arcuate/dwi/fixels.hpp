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
    std::int64_t chunk = 0;  ///< voxels per launch, 0: as many as suit the device; does not change a byte
};

/// Smith et al. 2013, NeuroImage 67:298, appendix 2, on 1281 directions. Voxels whose coefficients are all zero have no fixel. Of more than 15 lobes
/// in a voxel the highest 15 stay. Throws InputError where `fod` is no even-order series of lmax 2 to 12, or a coefficient is not finite.
Fixels segment_fods(const ScalarImage& fod, const FixelOptions& options, const Device& device, Progress& progress = silent());

/// (n_fixels) integral of `fod` over the directions that the fixels' lookup gives to each, and their opposites; 0 where it is below. For the image that was segmented
/// without dilate_lookup, its own fibre densities. What several images have in the fixels of their mean compares between them: it is linear, and no lobe of noise comes or goes.
/// Throws InputError where the image is on another grid than the fixels, or as segment_fods does.
std::vector<float> fibre_density_of(const ScalarImage& fod, const Fixels& fixels, const Device& device, Progress& progress = silent());

}  // namespace arcuate::dwi
