// A session's measurement once more, and again: connectomes of the same image with other noise.
#pragma once

#include "arcuate/connectome/replicates.hpp"
#include "study/session_fod.hpp"

namespace arcuate::study {

/// How many replicates there will be and how signals are fitted for them. Throws InputError where there can be none.
void say_replicates(const SessionPlan& plan, const Acquisition& data, const PipelineOptions& options, const Listener& listener);

/// The session with draw `number` of its image's noise (dwi/replicate.hpp).
Acquisition measured_again(Acquisition data, int number, const PipelineOptions& options, const Device& device);

/// The maps whose means along edges are metrics.
std::vector<connectome::ScalarMap> maps_along_edges(const SessionPlan& plan, const Acquisition& data, const PipelineOptions& options, const Device& device);

/// Of PipelineOptions::replicates draws: tensor maps, FODs with `responses`, streamlines of the draw's own and edges. Memory does not grow with the replicates.
connectome::Replicates replicate_connectomes(const SessionPlan& plan, const Acquisition& data, const std::vector<dwi::Tissue>& responses, const Parcellation& parcellation,
                                             const PipelineOptions& options, const Device& device, const Listener& listener);

}  // namespace arcuate::study
