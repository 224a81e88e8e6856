// Sessions that share their streamlines, or one whose streamlines have weights: what takes more than one pass over them.
#pragma once

#include "study/session_run.hpp"

#include <span>
#include <string>
#include <vector>

namespace arcuate::study {

/// The sessions of one subject whose streamlines are the same. Returns a sentence for each that is left out because its own data are at fault; what is wrong with
/// them together throws. As many sessions' images are computed at once as there are devices; one may be there several times. All of them track.
std::vector<std::string> run_together(std::span<const SessionPlan> plans, const PipelineOptions& options, std::span<const Device> devices, const Listener& listener, Common& common);

}  // namespace arcuate::study
