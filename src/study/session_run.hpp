// The computation for one session.
#pragma once

#include "study/session_place.hpp"

#include "arcuate/connectome/build.hpp"
#include "arcuate/connectome/replicates.hpp"

#include <chrono>
#include <optional>

namespace arcuate::study {

/// What is known of a session before it has streamlines.
class SessionImages {
  public:
    /// Reads, fits, and writes what belongs to the images: mask, place, tensor maps, responses, FODs; measures again where replicates with streamlines of their own are wanted. The session's connectome, which says that it is complete,
    /// is removed first.
    SessionImages(const SessionPlan& plan, const PipelineOptions& options, const Device& device, const Listener& listener, Responses& responses, Places& places);

    const SessionPlan& plan() const { return plan_; }
    /// Reads the session's data again.
    Acquisition acquisition() const;
    const std::vector<dwi::Tissue>& responses() const { return responses_; }
    /// The sidecar of an output of the session.
    void written(const std::string& path, const io::MapDescription& map, const std::string& results = {});
    /// Writes the matrices, with the measurement errors where there are replicates; what a session's last step is.
    void finish(Connectome connectome, const Listener& listener);

    Mask mask;
    Parcellation parcellation;
    std::vector<connectome::ScalarMap> maps;
    ScalarImage s0, fod;
    connectome::Replicates replicates;                                        ///< of the session's measurement
    connectome::Replicates changes{connectome::ReplicateKind::change};        ///< of its difference from the first session

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    const SessionPlan& plan_;
    std::optional<Affine> motion_;  ///< of a session that has a place
    std::vector<dwi::Tissue> responses_;
    Provenance provenance_;
};

void say_tracking(const tracking::TrackSummary& summary, const std::string& name, const Listener& listener);

/// A session with streamlines of its own, without weights: in one pass, without a tractogram unless it is to be kept.
void run_session(const SessionPlan& plan, const PipelineOptions& options, const Device& device, const Listener& listener, Responses& responses, Places& places);

}  // namespace arcuate::study
