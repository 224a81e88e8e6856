#include "study/plan.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/tables.hpp"
#include "study/bids_name.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace arcuate::study {

namespace fs = std::filesystem;

const std::vector<TensorMapRow> tensor_map_rows{
    {"tensor", "mm2/s", &dwi::TensorMaps::tensor}, {"s0", "", &dwi::TensorMaps::s0},          {"fa", "", &dwi::TensorMaps::fa, true}, {"md", "mm2/s", &dwi::TensorMaps::md, true},
    {"ad", "mm2/s", &dwi::TensorMaps::ad, true},   {"rd", "mm2/s", &dwi::TensorMaps::rd, true}, {"v1", "", &dwi::TensorMaps::v1},
};

std::string SessionPlan::map(const std::string& model_name, const std::string& parameter) const {
    return folder + "/" + prefix + "model-" + model_name + "_param-" + parameter + "_dwimap.nii.gz";
}
std::string SessionPlan::fod(const std::string& tissue) const { return map(model.name(), tissue.empty() ? "fod" : tissue); }
std::string SessionPlan::response(const std::string& tissue) const {
    return folder + "/" + prefix + "model-" + model.name() + (tissue.empty() ? "" : "_param-" + tissue) + "_response.txt";
}
std::string SessionPlan::transform() const { return folder + "/" + prefix + "from-orig_to-halfway_mode-image_xfm.txt"; }
std::string SessionPlan::tracks() const {
    return (model.together.size() > 1 ? fmt::format("{}/sub-{}_", subject_folder, session.subject) : folder + "/" + prefix) + "track-ifod2_tractogram.tck";
}
std::string SessionPlan::weights() const { return folder + "/" + prefix + "track-ifod2_desc-sift2_weights.txt"; }
std::string SessionPlan::counts() const { return folder + "/" + prefix + "atlas-" + atlas + "_meas-count_relmat.tsv"; }
std::string SessionPlan::connectome() const { return folder + "/" + prefix + "atlas-" + atlas + "_connectome.h5"; }

std::vector<std::string> SessionPlan::outputs(bool with_tracks) const {
    std::vector<std::string> out;
    if (mask_computed) out.push_back(mask);
    for (const auto& row : tensor_map_rows) out.push_back(map("tensor", row.name));
    for (const auto& tissue : model.tissues) out.insert(out.end(), {fod(tissue), response(tissue)});
    out.push_back(counts());
    if (placed()) out.push_back(transform());
    if (with_tracks) out.push_back(tracks());
    if (with_tracks && weighted) out.push_back(weights());
    out.push_back(connectome());
    return out;
}

namespace {

void add_parameters(Provenance& p, const SubjectModel& model, const PipelineOptions& o) {
    const auto number = [](auto value) { return io::number(static_cast<double>(value)); };
    p.parameter("tensor_iterations", number(o.tensor.iterations));
    p.parameter("fod_model", model.name());
    if (model.multi_tissue) p.parameter("tissues", fmt::format("{}", fmt::join(model.tissues, ",")));
    if (o.responses.empty() && model.multi_tissue) {
        p.parameter("response_erode", number(o.tissues.erode));
        p.parameter("response_fa", number(o.tissues.fa));
        p.parameter("response_wm_percent", number(o.tissues.wm_percent));
        p.parameter("response_gm_percent", number(o.tissues.gm_percent));
        p.parameter("response_csf_percent", number(o.tissues.csf_percent));
        p.parameter("response_lmax", number(o.tissues.lmax));
    } else if (o.responses.empty()) {
        p.parameter("response_voxels", number(o.estimate.voxels));
        p.parameter("response_lmax", number(o.estimate.lmax));
    }
    p.parameter("fod_lmax", number(o.fod.lmax));
    if (model.multi_tissue) p.parameter("normalise_order", number(o.normalise.order));
    // As given: what 0 and negative values stand for follows from the inputs.
    p.parameter("seed", std::to_string(o.track.seed));
    p.parameter("select", number(o.track.select));
    p.parameter("seeds", number(o.track.seeds));
    p.parameter("step_mm", number(o.track.step));
    p.parameter("angle_deg", number(o.track.angle));
    p.parameter("cutoff", number(o.track.cutoff));
    p.parameter("min_length_mm", number(o.track.min_length));
    p.parameter("max_length_mm", number(o.track.max_length));
    if (o.track.fod_precision == tracking::FodPrecision::half) p.parameter("fod_precision", "half");
    p.parameter("radial_search_mm", number(o.connectome.search_mm));
    constexpr const char* weights[] = {"none", "each", "joint"};
    p.parameter("trajectories", name_of(o.trajectories));
    p.parameter("weights", weights[static_cast<int>(o.weights)]);
    if (o.weights == StreamlineWeights::joint) {
        p.parameter("reg_change", number(o.sift2.reg_change));
        p.parameter("reg_change_tv", number(o.sift2.reg_change_tv));
    }
    if (o.connectome.errors || o.replicates > 0) p.parameter("errors", "true");
    if (o.replicates > 0) {
        p.parameter("replicates", number(o.replicates));
        p.parameter("replicate_lmax", number(o.replicate.lmax));
        p.parameter("replicate_block", number(o.replicate.block));
    }
}

/// The label of the session in whose frame the parcellation is.
std::string session_of_parcellation(const SessionPlan& plan, const PipelineOptions& options) {
    const std::string label = options.parcellation_session.empty() ? parse_bids_name(plan.parcellation).label("ses") : without_prefix(options.parcellation_session, "ses-");
    if (label.empty())
        throw InputError(fmt::format("it is not known in which session's space {} is (its name has no ses-); say so with --parcellation-session", plan.parcellation));
    if (std::none_of(plan.model.placed.begin(), plan.model.placed.end(), [&](const Session& s) { return s.session == label; }))
        throw InputError(fmt::format("{} is said to be in the space of ses-{}, which sub-{} does not have; give another with --parcellation-session", plan.parcellation, label, plan.session.subject));
    return label;
}

}  // namespace

SessionPlan plan_session(const std::string& bids_dir, const std::string& out_dir, const Session& session, const SubjectModel& model,
                         const PipelineOptions& options, const Device& device, FileHashes& hashes) {
    SessionPlan plan;
    plan.session = session;
    plan.model = model;
    if (!session.problem.empty()) throw InputError(session.problem);
    Found mask{options.mask, {}};
    if (options.mask.empty()) mask = find_mask(bids_dir, session, out_dir);
    if (fs::is_regular_file(options.parcellation)) {
        plan.parcellation = options.parcellation;
    } else {
        // A label has no separators; anything else was meant as a path.
        if (options.parcellation.find_first_of("/.") != std::string::npos)
            throw InputError("cannot open " + options.parcellation + " (no such file); check the path given with --parcellation");
        const Found found = find_parcellation(bids_dir, session, options.parcellation);
        plan.parcellation = found.path;
        if (!found.remark.empty()) plan.remarks.push_back(found.remark);
    }
    plan.names = options.names.empty() ? find_names(plan.parcellation) : options.names;
    plan.atlas = atlas_label(plan.parcellation);
    const auto results = fs::path(out_dir) / options.folder;
    plan.folder = (results / session.folder() / "dwi").string();
    plan.prefix = derivative_prefix(session);
    plan.subject_folder = (results / ("sub-" + session.subject) / "dwi").string();
    plan.weighted = options.weights != StreamlineWeights::none;
    plan.mask_computed = mask.path.empty();
    plan.mask = plan.mask_computed ? plan.folder + "/" + plan.prefix + "desc-brain_mask.nii.gz" : mask.path;
    for (const auto& remark : {mask.remark, model.remark})
        if (!remark.empty()) plan.remarks.push_back(remark);

    Provenance& p = plan.provenance;
    p.command = "run";
    p.command_line = options.command_line;
    p.device = device.name();
    p.threads = device.threads();
    add_parameters(p, model, options);
    const auto input = [&](const std::string& role, const std::string& path) {
        auto& hash = hashes[path];
        if (hash.empty()) hash = sha256_of_file(path);
        p.inputs.push_back({role, path, hash});
    };
    input("dwi", session.dwi);
    input("bval", session.bval);
    input("bvec", session.bvec);
    // A mask that is computed follows from the image and the gradients.
    plan.mask_computed ? p.parameter("mask", "computed") : input("mask", plan.mask);
    input("parcellation", plan.parcellation);
    if (!plan.names.empty()) input("names", plan.names);
    for (const auto& [tissue, file] : options.responses) input(tissue.empty() ? "response" : "response_" + tissue, file);
    /// Other sessions of the subject whose images count, and the masks that they are used with.
    const auto others = [&](const std::string& role, const auto& sessions, std::vector<std::string>& masks) {
        for (const auto& other : sessions) {
            masks.push_back(options.mask.empty() ? find_mask(bids_dir, other, out_dir).path : options.mask);
            input(role + "_dwi", other.dwi);
            input(role + "_bval", other.bval);
            input(role + "_bvec", other.bvec);
            masks.back().empty() ? p.parameter(role + "_mask", "computed") : input(role + "_mask", masks.back());
        }
    };
    others("response", model.sources, plan.source_masks);
    others("placed", model.placed, plan.placed_masks);
    if (model.sources.empty() && model.placed.empty()) {
        std::vector<std::string> masks;
        others("together", model.together, masks);
    }
    if (plan.placed()) {
        plan.parcellation_session = session_of_parcellation(plan, options);
        p.parameter("parcellation_session", plan.parcellation_session);
        p.parameter("registration_min_fit", io::number(options.registration.min_fit));
        p.parameter("registration_max_residual_mm", io::number(options.registration.max_residual_mm));
    }
    p.parameter("fingerprint", sha256_of(io::provenance_core_json(p)));
    return plan;
}

const char* name_of(Trajectories trajectories) {
    constexpr const char* names[] = {"independent", "mean", "first"};
    return names[static_cast<int>(trajectories)];
}

std::optional<std::string> output_parameter(const std::string& path, const std::string& name) {
    std::ifstream file(io::sidecar_path(path));
    const auto json = nlohmann::json::parse(file, nullptr, false);
    const nlohmann::json::json_pointer at("/Provenance/parameters/" + name);
    if (json.is_discarded() || !json.contains(at) || !json[at].is_string()) return {};
    return json[at].get<std::string>();
}

State state_of(const SessionPlan& plan, bool with_tracks) {
    if (!fs::exists(plan.connectome())) return State::missing;
    if (output_parameter(plan.connectome(), "fingerprint") != plan.provenance.parameters.back().second) return State::other;
    for (const auto& path : plan.outputs(with_tracks))
        if (!fs::exists(path)) return State::missing;
    return State::done;
}

}  // namespace arcuate::study
