// Where a subject's sessions go when they are brought into one space.
#pragma once

#include "study/session_fod.hpp"

namespace arcuate::study {

/// Where the session with this label goes; found for all sessions of the subject where that is not done yet. Throws InputError with the session's own fault
/// where it has one: it cannot be read, or it does not fit. Of more than two, one that does not fit is left out and the others are registered again.
const registration::SessionPlace& place_of(const std::string& label, const SessionPlan& plan, const PipelineOptions& options, const Device& device, const Listener& listener,
                                           Common& common);

/// The image and the mask in their new place, the gradients turned along.
void move_acquisition(Acquisition& data, const Affine& motion);

/// The session's place for a sidecar, a JSON object.
std::string place_json(const registration::SessionPlace& place);

}  // namespace arcuate::study
