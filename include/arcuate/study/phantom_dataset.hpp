// A BIDS data set made of a phantom, with what `arcuate run` needs among its derivatives and the truth beside it.
//
//   dataset_description.json  participants.tsv  README
//   sub-01/sub-01_sessions.tsv  sub-01/ses-01/dwi/sub-01_ses-01_dwi.{nii.gz,bval,bvec,json}  ...
//   derivatives/masks/.../sub-01_ses-01_desc-brain_mask.nii.gz
//   derivatives/parcels/.../sub-01_ses-01_desc-nodes_dseg.{nii.gz,tsv}
//   derivatives/truth/  bundles.tsv  connected.tsv  peaks.nii.gz  fractions.nii.gz  bundle-arc.tck ...
//                       fibre_fa_ses-01.nii.gz  noisefree_fa_ses-01.nii.gz ...
#pragma once

#include "arcuate/phantom/phantom.hpp"

#include <string>
#include <vector>

namespace arcuate::study {

struct PhantomDatasetOptions {
    phantom::PhantomOptions phantom;  ///< `subject` is set for each subject
    int subjects = 1;                 ///< same anatomy, own noise
    bool overwrite = false;           ///< replace an existing phantom; any other folder is refused
};

/// One connection that there is, and what its measurement should give. One row of bundles.tsv.
struct TrueEdge {
    std::string bundle, from, to;          ///< names of the bundle and of its nodes
    double length_mm = 0;
    std::vector<double> fibre_fa;          ///< per session
    std::vector<double> fibre_density;     ///< per session: share of its volume
    std::vector<double> mean_fa_along_fibres;  ///< per session: mean FA along the true fibres in the FA map of the noise-free signal, partial volume included
};

/// Writes the data set; the folder is whole or absent. Throws OutputError where `folder` exists and is not empty, unless it holds a phantom and
/// `overwrite` is set. Returns the truth.
std::vector<TrueEdge> write_phantom_dataset(const std::string& folder, const PhantomDatasetOptions& options, const Device& device,
                                            Progress& progress = silent());

/// "ses-01" for 0.
std::string phantom_session_label(int session);

}  // namespace arcuate::study
