// The computation for one session.
#pragma once

#include "study/session_place.hpp"


namespace arcuate::study {

void run_session(const SessionPlan& plan, const PipelineOptions& options, const Device& device, const Listener& listener, Responses& responses, Places& places);

}  // namespace arcuate::study
