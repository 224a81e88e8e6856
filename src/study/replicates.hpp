// A session's measurement once more, and again: connectomes of the same image with other noise.
#pragma once

#include "arcuate/connectome/replicates.hpp"
#include "study/session_fod.hpp"

namespace arcuate::study {

/// PipelineOptions::replicates times: another draw of the noise of the session's image (dwi/replicate.hpp), its tensor maps, FODs with `responses`, streamlines of
/// its own and edges. Memory does not grow with the replicates.
connectome::Replicates replicate_connectomes(const SessionPlan& plan, const Acquisition& data, const std::vector<dwi::Tissue>& responses, const Parcellation& parcellation,
                                             const PipelineOptions& options, const Device& device, const Listener& listener);

}  // namespace arcuate::study
