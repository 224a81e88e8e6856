// A session's tensors, the responses of its subject, and its FODs.
#pragma once

#include "arcuate/io/map_description.hpp"
#include "study/common.hpp"

namespace arcuate::study {

/// Throws InputError where no voxel can be fitted.
dwi::TensorMaps fit_session_tensor(const Session& session, const Acquisition& data, const PipelineOptions& options, const Device& device, const Listener& listener);

/// The responses that the session is deconvolved with. `intensity`: dwi::white_matter_intensity of the session.
std::vector<dwi::Tissue> session_responses(const SessionPlan& plan, double intensity, const PipelineOptions& options, const Device& device, const Listener& listener,
                                           Common& common);

/// FODs of a session; several tissues' are normalised.
struct SessionFods {
    std::vector<dwi::TissueImage> tissues;  ///< one without a name where there is one shell
    std::vector<int> lmax;
    /// Those to track on, which leave.
    ScalarImage take_white();
};
SessionFods estimate_fods(const SessionPlan& plan, const Acquisition& data, const std::vector<dwi::Tissue>& responses, const PipelineOptions& options, const Device& device,
                          const Listener& listener);

/// To be tracked in the mask, from seeds all over it.
tracking::TrackInput inside(const Mask& mask, const ScalarImage& fod);

/// A file of numbers, a row per shell.
std::string text_of(const dwi::Tissue& response);

/// Estimates them where they are not known yet; throws InputError with the session's own fault where it has one.
const SubjectResponses& responses_of(const SessionPlan& plan, const PipelineOptions& options, const Device& device, const Listener& listener,
                                     Common& common);

}  // namespace arcuate::study
