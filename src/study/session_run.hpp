// The computation for one session.
#pragma once

#include "study/session_fod.hpp"


namespace arcuate::study {

void run_session(const SessionPlan& plan, const PipelineOptions& options, const Device& device, const Listener& listener, Responses& responses);

}  // namespace arcuate::study
