// From a BIDS data set to one connectome per session, and to the change of every connection.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/connectome/build.hpp"
#include "arcuate/core/progress.hpp"
#include "arcuate/dwi/fod.hpp"
#include "arcuate/dwi/normalise.hpp"
#include "arcuate/dwi/replicate.hpp"
#include "arcuate/dwi/response.hpp"
#include "arcuate/dwi/tensor.hpp"
#include "arcuate/dwi/tissue_response.hpp"
#include "arcuate/registration/rigid.hpp"
#include "arcuate/study/bids.hpp"
#include "arcuate/tracking/track.hpp"
#include "arcuate/weights/sift2.hpp"

#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace arcuate::study {

/// Single-shell CSD of the largest shell, or multi-tissue CSD of all of them: white matter and CSF from two b-values (b = 0 is one), grey matter
/// too from three. Automatic: multi-tissue where every session of the subject has the same three or more.
enum class FodModel { automatic, csd, msmt };

/// Which streamlines the sessions of a subject have. Each its own; or the same ones, tracked once on the mean of the sessions' FODs, or on the first session's.
enum class Trajectories { independent, mean, first };
/// Of streamlines: none; SIFT2 on every session's FODs; or of shared trajectories, for all sessions together (weights::sift2_of_sessions).
enum class StreamlineWeights { none, each, joint };

struct PipelineOptions {
    std::string mask;          ///< file for every session; empty: find_mask, else computed from the image
    std::string parcellation;  ///< file for every session, or the label of one; empty: find_parcellation
    std::string names;         ///< table of region names; empty: find_names
    FodModel fod_model = FodModel::automatic;
    /// Files of responses, by tissue: one without a name for CSD; wm and others for multi-tissue CSD. They serve every session as they are. None:
    /// the mean of the responses of the subject's sessions, each over its session's white-matter intensity, times that of the session at hand.
    std::vector<std::pair<std::string, std::string>> responses;
    dwi::TensorOptions tensor;
    dwi::ResponseOptions estimate;      ///< CSD
    dwi::TissueResponseOptions tissues; ///< multi-tissue CSD
    dwi::FodOptions fod;                ///< of which multi-tissue CSD takes lmax (of white matter), directions and chunk
    dwi::NormaliseOptions normalise;    ///< multi-tissue CSD
    tracking::TrackOptions track{.select = 100000, .angle = 45, .cutoff = 0.1};
    connectome::ConnectomeOptions connectome;
    /// Replicates of every session's measurement for the measurement errors of its connectome (connectome/replicates.hpp); 0: none, else 2 to 10000. With them come sampling errors.
    /// Each goes through tensors, FODs, with the session's responses, and edges. Shared streamlines stay, and are weighed anew in all sessions at once, which gives the error of the change since
    /// the first session, too; else there are as many streamlines anew, whose random numbers are their own, and they can have no weights.
    int replicates = 0;
    dwi::ReplicateOptions replicate;    ///< of which seed and number are set: they follow from the tracking seed
    /// Sessions of a subject are brought into their half-way space before anything else is done with them, by rigid registration of their S0.
    bool register_sessions = false;
    registration::RigidOptions registration;
    std::string parcellation_session;  ///< the session in whose world frame the parcellation is; empty: that of its name (ses-)
    Trajectories trajectories = Trajectories::mean;  ///< shared ones need sessions in one space: what is misaligned by more than a quarter of a voxel is refused
    StreamlineWeights weights = StreamlineWeights::joint;  ///< joint needs shared trajectories
    weights::SessionOptions sift2;  ///< `weights` in it follows from the above
    bool keep_tracks = false;  ///< write the .tck and the weights, too
    bool gradient_check = true;  ///< warn where the axes of the gradient table seem wrong
    bool force = false;        ///< compute again what is there
    int at_once = 0;           ///< sessions in flight, each with its images in memory; 0: one per device. Changes no byte
    std::string folder;        ///< of OUT, where results go: empty for OUT itself
    std::string command_line;  ///< for sidecars
};

/// Who is told what happens.
struct Listener {
    std::function<void(const std::string&)> say = [](const std::string&) {};
    std::function<void(const std::string&)> warn = [](const std::string&) {};
    Progress* progress = &silent();
};

/// Tensor maps, FOD, streamlines and connectome of every session that the filter selects, then change.tsv of all sessions in OUT. A session whose
/// outputs are there, made from the same inputs and options by the same version, is left alone: an interrupted run continues. Layout in ARCHITECTURE.md.
/// Everything that can be known to be wrong beforehand is said before the first computation. Throws InputError and OutputError.
/// Sessions in flight go to the devices in turn, and those that one subject shares its streamlines among stay together; where there are fewer of them than devices, a session is tracked on several.
/// Beside them the next session's image is read and maps are written, unless io::threads() is 1. The listener is called by one thread at a time.
void run_participants(const std::string& bids_dir, const std::string& out_dir, const Filter& filter, const PipelineOptions& options, std::span<const Device> devices,
                      const Listener& listener);
inline void run_participants(const std::string& bids_dir, const std::string& out_dir, const Filter& filter, const PipelineOptions& options, const Device& device,
                             const Listener& listener) {
    run_participants(bids_dir, out_dir, filter, options, std::span(&device, 1), listener);
}

/// The same sessions in several ways, to be shown side by side, which differ in their trajectories and maybe weights: the first way's results in OUT, each other's in OUT/trajectories-<way>, a folder
/// like OUT; and one change.tsv of all. What is wrong with one way's sessions does not keep the next from running. Throws InputError where two ways have the same trajectories.
void run_participants(const std::string& bids_dir, const std::string& out_dir, const Filter& filter, std::vector<PipelineOptions> ways, std::span<const Device> devices,
                      const Listener& listener);

/// Gathers change.tsv from the connectomes in OUT, for studies whose sessions were run on several machines.
void run_group(const std::string& bids_dir, const std::string& out_dir, const Listener& listener);

}  // namespace arcuate::study
