// The computation for one session.
#pragma once

#include "study/session_place.hpp"
#include "study/write_behind.hpp"

#include "arcuate/connectome/build.hpp"
#include "arcuate/connectome/replicates.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <span>

namespace arcuate::study {

/// What is known of a session before it has streamlines.
class SessionImages {
  public:
    /// Reads, fits, and writes what belongs to the images: mask, place, tensor maps, responses, FODs; measures again where replicates with streamlines of their own are wanted. The session's connectome, which says that it is complete,
    /// is removed first. Maps and FODs are written in the background: until settle() has returned, the object stays where it is and its images as they are. Of several devices the first computes.
    SessionImages(const SessionPlan& plan, const PipelineOptions& options, std::span<const Device> devices, const Listener& listener, Common& common);
    /// Waits until its images are written; throws what went wrong with that.
    void settle() { behind_->finish(); }

    const SessionPlan& plan() const { return plan_; }
    /// Reads the session's data again.
    Acquisition acquisition() const;
    const std::vector<dwi::Tissue>& responses() const { return responses_; }
    /// The sidecar of an output of the session.
    void written(const std::string& path, const io::MapDescription& map, const std::string& results = {}) const;
    /// Settles, and writes the matrices, with the measurement errors where there are replicates; what a session's last step is.
    void finish(Connectome connectome, const Listener& listener);

    Mask mask;
    Parcellation parcellation;
    std::vector<connectome::ScalarMap> maps;
    ScalarImage s0, fod;
    connectome::Replicates replicates;                                        ///< of the session's measurement
    connectome::Replicates changes{connectome::ReplicateKind::change};        ///< of its difference from the first session

  private:
    void move_into(Acquisition& data) const;
    void write(const std::string& path, std::shared_ptr<const ScalarImage> image, const io::MapDescription& map);
    void write_fods(const Acquisition& data, const PipelineOptions& options, const Device& device, const Listener& listener);

    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    const SessionPlan& plan_;
    std::optional<Affine> motion_;  ///< of a session that has a place
    std::vector<dwi::Tissue> responses_;
    Provenance provenance_;
    std::unique_ptr<WriteBehind> behind_ = std::make_unique<WriteBehind>();  ///< the last member, so that it ends before the images that it writes
};

void say_tracking(const tracking::TrackSummary& summary, const std::string& name, const Listener& listener);

/// A session with streamlines of its own, without weights: in one pass, without a tractogram unless it is to be kept. All devices track.
void run_session(const SessionPlan& plan, const PipelineOptions& options, std::span<const Device> devices, const Listener& listener, Common& common);

}  // namespace arcuate::study
