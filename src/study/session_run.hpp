// The computation for one session.
#pragma once

#include "study/plan.hpp"

#include "arcuate/core/gradient_table.hpp"
#include "arcuate/core/parcellation.hpp"
#include "arcuate/core/series.hpp"

#include <map>

namespace arcuate::study {

/// A session's images, read and checked against each other.
struct Acquisition {
    Series dwi;
    GradientTable gradients;
    Mask mask;
};
/// `mask`: a file; empty: a brain mask computed from the image.
Acquisition read_acquisition(const Session& session, const std::string& mask);

/// Responses by the session they come from (or by file), so that each is estimated once.
using Responses = std::map<std::string, dwi::Response>;

void run_session(const SessionPlan& plan, const PipelineOptions& options, const Device& device, const Listener& listener, Responses& responses);

}  // namespace arcuate::study
