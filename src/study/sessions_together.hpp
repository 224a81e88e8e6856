// Sessions that share their streamlines, or one whose streamlines have weights: what takes more than one pass over them.
#pragma once

#include "study/session_run.hpp"

#include <span>
#include <string>
#include <vector>

namespace arcuate::study {

/// The sessions of one subject whose streamlines are the same. Returns a sentence for each that is left out because its own data are at fault; what is wrong with
/// them together throws.
std::vector<std::string> run_together(std::span<const SessionPlan> plans, const PipelineOptions& options, const Device& device, const Listener& listener, Responses& responses,
                                      Places& places);

}  // namespace arcuate::study
