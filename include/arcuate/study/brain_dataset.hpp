// The phantom brain as a folder laid out like the other phantoms' (phantom_dataset.hpp), without a DWI:
//
//   dataset_description.json  README
//   derivatives/masks/sub-01/ses-01/dwi/sub-01_ses-01_desc-brain_mask.nii.gz
//   derivatives/parcels/sub-01/ses-01/dwi/sub-01_ses-01_desc-nodes_dseg.{nii.gz,tsv}
//   derivatives/truth/  fod.nii.gz  5tt.nii.gz  white_mask.nii.gz  border_mask.nii.gz
#pragma once

#include "arcuate/phantom/brain.hpp"

#include <string>

namespace arcuate::study {

/// The folder is whole or absent. Throws OutputError where `folder` exists and is not empty, unless it holds a phantom and `overwrite` is set.
/// Returns what was written.
phantom::Brain write_brain_dataset(const std::string& folder, const phantom::BrainOptions& options, bool overwrite, const Device& device);

}  // namespace arcuate::study
