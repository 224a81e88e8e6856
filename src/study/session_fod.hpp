// A session's data, the responses of its subject, and its FODs.
#pragma once

#include "arcuate/core/gradient_table.hpp"
#include "arcuate/core/series.hpp"
#include "arcuate/io/map_description.hpp"
#include "study/plan.hpp"

#include <functional>
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

/// Throws InputError where no voxel can be fitted.
dwi::TensorMaps fit_session_tensor(const Session& session, const Acquisition& data, const PipelineOptions& options, const Device& device, const Listener& listener);

/// What the sessions of a subject have in common.
struct SubjectResponses {
    std::vector<dwi::Tissue> mean;              ///< per unit of white-matter intensity
    std::map<std::string, std::string> faults;  ///< by path of the image: why a session gives none
};
/// By subject, so that they are estimated once.
using Responses = std::map<std::string, SubjectResponses>;

/// Called with an output that was written and what it holds.
using Written = std::function<void(const std::string&, const io::MapDescription&)>;

/// The responses that the session is deconvolved with. `intensity`: dwi::white_matter_intensity of the session.
std::vector<dwi::Tissue> session_responses(const SessionPlan& plan, double intensity, const PipelineOptions& options, const Device& device, const Listener& listener,
                                           Responses& responses);

/// FODs of a session; several tissues' are normalised.
struct SessionFods {
    std::vector<dwi::TissueImage> tissues;  ///< one without a name where there is one shell
    std::vector<int> lmax;
    /// Those to track on, which leave.
    ScalarImage take_white();
};
SessionFods estimate_fods(const SessionPlan& plan, const Acquisition& data, const std::vector<dwi::Tissue>& responses, const PipelineOptions& options, const Device& device,
                          const Listener& listener);

/// Writes the session's responses and FODs and returns the FODs to track on.
ScalarImage write_fods(const SessionPlan& plan, const Acquisition& data, const std::vector<dwi::Tissue>& responses, const PipelineOptions& options, const Device& device,
                       const Listener& listener, const Written& written);

/// Estimates them where they are not known yet; throws InputError with the session's own fault where it has one.
const SubjectResponses& responses_of(const SessionPlan& plan, const PipelineOptions& options, const Device& device, const Listener& listener,
                                     Responses& responses);

}  // namespace arcuate::study
