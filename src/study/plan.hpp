// What will be done for a session, decided before anything is computed: its inputs, its outputs, and the fingerprint that tells whether they are there.
#pragma once

#include "arcuate/core/provenance.hpp"
#include "arcuate/study/pipeline.hpp"
#include "study/subject_model.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace arcuate::study {

struct SessionPlan {
    Session session;
    std::string mask, parcellation, names;  ///< names may be empty
    bool mask_computed = false;             ///< mask is an output, computed from the image: there was none to be found
    SubjectModel model;
    std::vector<std::string> placed_masks;  ///< of model.placed, as source_masks
    std::string parcellation_session;       ///< label of the session in whose frame the parcellation is, where sessions are placed
    bool placed() const { return !model.placed.empty(); }
    std::vector<std::string> source_masks;  ///< of model.sources; empty ones are computed from the image, as the session's own run would
    std::string given_mask() const { return mask_computed ? std::string{} : mask; }
    std::string folder, prefix, atlas;      ///< outputs are <folder>/<prefix>...
    std::string subject_folder;             ///< and those of all its sessions are in here
    bool weighted = false;                  ///< streamlines have weights
    std::vector<std::string> remarks;
    Provenance provenance;                  ///< inputs with their SHA-256, options, and the fingerprint of both

    std::string map(const std::string& model, const std::string& parameter) const;
    /// Of a tissue of the model.
    std::string fod(const std::string& tissue) const;
    std::string response(const std::string& tissue) const;
    std::string transform() const;
    std::string tracks() const;      ///< of all the subject's sessions where they share them
    std::string weights() const;
    std::string counts() const;     ///< .tsv
    std::string connectome() const;  ///< .h5, the last output to be written: where it is, the others are
    std::vector<std::string> outputs(bool with_tracks) const;
};

/// Tensor maps in the order in which they are written, with their units.
struct TensorMapRow {
    const char* name;
    const char* unit;
    ScalarImage dwi::TensorMaps::*image;
    bool along_edges = false;  ///< its mean along streamlines is a metric of the connectome
};
extern const std::vector<TensorMapRow> tensor_map_rows;

/// Fingerprints of files, each read once.
using FileHashes = std::map<std::string, std::string>;

SessionPlan plan_session(const std::string& bids_dir, const std::string& out_dir, const Session& session, const SubjectModel& model,
                         const PipelineOptions& options, const Device& device, FileHashes& hashes);

/// In OUT, results of other trajectories lie beside its own in folders whose names begin so.
constexpr const char* beside_prefix = "trajectories-";
const char* name_of(Trajectories trajectories);
/// Of an output of run: a parameter in its sidecar.
std::optional<std::string> output_parameter(const std::string& path, const std::string& name);

enum class State { missing, done, other };
/// Whether the session's outputs are there, and made from the same inputs and options.
State state_of(const SessionPlan& plan, bool with_tracks);

}  // namespace arcuate::study
