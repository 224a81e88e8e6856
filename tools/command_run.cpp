// arcuate run: a BIDS data set -> one connectome per session, and the change of every connection. A BIDS App.
#include "arcuate/core/error.hpp"
#include "arcuate/study/pipeline.hpp"
#include "dwi_options.hpp"
#include "track_options.hpp"

#include <fmt/format.h>

#include <map>

namespace arcuate::tools {

namespace {

struct Options {
    std::string bids_dir, out_dir, level;
    study::Filter filter;
    std::string fod = "auto", weights = "auto";
    std::vector<std::string> trajectories{"mean"}, responses;
    study::PipelineOptions pipeline;
};

const std::map<std::string, study::FodModel> fod_models{{"auto", study::FodModel::automatic}, {"csd", study::FodModel::csd}, {"msmt", study::FodModel::msmt}};

const std::map<std::string, study::Trajectories> trajectories{{"independent", study::Trajectories::independent}, {"mean", study::Trajectories::mean}, {"first", study::Trajectories::first}};
const std::map<std::string, study::StreamlineWeights> weights{{"none", study::StreamlineWeights::none}, {"each", study::StreamlineWeights::each}, {"joint", study::StreamlineWeights::joint}};

void run_pipeline(Run& run, const Options& o) {
    study::Listener listener;
    listener.say = [&run](const std::string& text) { run.say(text); };
    listener.warn = [&run](const std::string& text) { run.warn(text); };
    listener.progress = &run.progress();
    if (o.level == "group") {
        study::run_group(o.bids_dir, o.out_dir, listener);
        return;
    }
    auto pipeline = o.pipeline;
    pipeline.force = run.force;
    pipeline.fod_model = fod_models.at(o.fod);
    for (const auto& text : o.responses) pipeline.responses.push_back(named_file(text));
    pipeline.command_line = command_line();
    std::vector<study::PipelineOptions> ways;
    for (const auto& name : o.trajectories) {
        auto& way = ways.emplace_back(pipeline);
        way.trajectories = trajectories.at(name);
        const auto by_default = way.trajectories == study::Trajectories::independent ? study::StreamlineWeights::each : study::StreamlineWeights::joint;
        way.weights = o.weights == "auto" ? by_default : weights.at(o.weights);
    }
    study::run_participants(o.bids_dir, o.out_dir, o.filter, ways, run.devices(), listener);
}

}  // namespace

void add_run(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "run", "a BIDS data set -> one connectome per session and the change of every connection",
                            "For every session: tensor maps, responses, FODs by constrained spherical deconvolution, iFOD2 streamlines seeded in the mask, weighted by SIFT2, connectome\n"
                            "(count, weight, fibre_bundle_capacity, mean_length, mean_fa, mean_md, mean_ad, mean_rd) as HDF5 and TSV; then OUT_DIR/change.tsv, every edge of every session beside its\n"
                            "change since the subject's first. Expects data already corrected for noise, motion and distortion. Run again, it continues with the sessions\n"
                            "that are missing.\n\n"
                            "--fod  msmt  multi-tissue CSD of every shell, with responses of white matter and CSF (two b-values, b = 0 is one), and of grey matter from\n"
                            "             three b-values on; then intensity normalisation across tissues, a smooth field per session\n"
                            "       csd   single-shell CSD of the largest shell\n"
                            "       auto  msmt where every session of the subject has the same three or more b-values, else csd\n"
                            "So that a subject's sessions compare, its responses are the mean of those of all its sessions, each over its session's white-matter intensity\n"
                            "(median S0 where FA is in its top tenth), and are used in every session times that session's intensity: the scanner's gain drops out, a global\n"
                            "change of S0 with it. A session added later changes the mean, so that the others have to be computed again (--force). FODs of different subjects\n"
                            "are in multiples of their own responses; give all of them one with --response, taken as it stands, to compare them.\n\n"
                            "--trajectories  mean         tracked once, on the mean of the sessions' FODs, so that no change comes of the chance of tracking\n"
                            "                first        the same, on the first session's\n"
                            "                independent  every session's own; counts differ by chance\n"
                            "                mean,independent  both, side by side: the second's results in OUT_DIR/trajectories-independent, and change.tsv has rows of each\n"
                            "--weights       joint        SIFT2 of the mean, times for every session the change that its data ask for (arcuate session-weights)\n"
                            "                each         SIFT2 of every session by itself; of shared trajectories in fixels of the mean\n"
                            "                none         streamlines are counted\n"
                            "                auto         joint; of independent trajectories each\n"
                            "Compare fibre_bundle_capacity: mu x sum of weights. On phantoms of four sessions, one bundle of 10% more density, the other bundles' false change was 1.8% with independent\n"
                            "trajectories, 0.28% with shared ones and 0.26% with joint weights; between two scans of one person an edge's varied by 13, 2.6 and 1.6%.\n"
                            "Shared trajectories need sessions in one space: those that lie more than a quarter of a voxel from their mean place are refused; add --register. A subject's sessions are then computed together, also those that --session-label leaves out.\n\n"
                            "--register is for sessions that are not yet in one space. Nothing is resampled: images, masks and parcellations move, gradients turn along, and all\n"
                            "results are in the half-way space of the subject's sessions; from-orig_to-halfway_mode-image_xfm.txt (as mrtransform -linear has it) and its sidecar\n"
                            "say how each got there and how well it fits. A session that does not fit is left out.\n\n"
                            "--errors adds the sampling error of every edge and metric (M_sampling_se): how far they would vary with other streamlines. --replicates adds the measurement\n"
                            "error (M_measurement_se): how far with another scan's noise. Each replicate is the image with another draw of its noise (arcuate replicate), taken through\n"
                            "tensors, FODs, weights and edges, with the session's responses. Shared streamlines stay as they are, and the error of the change since the first session comes\n"
                            "along (M_change_measurement_se); of streamlines of a session's own, which must be without weights (--trajectories independent --weights none), every replicate is\n"
                            "tracked anew, and what is sampling error is taken off. N replicates take N times as long and know an error to 71/sqrt(N - 1) per cent. Physiology,\n"
                            "positioning and what changes from day to day are in neither. docs/connectome_hdf5.md has the intervals.\n\n"
                            "Sessions go one after another on each device; --sessions-at-once has more of them in flight (subjects, where their sessions share streamlines), for a machine with many cores or\n"
                            "a GPU that waits for files. Each needs its images' memory, and the next one's image is read beside it.\n\n"
                            "Examples:\n  arcuate run study study/derivatives/arcuate participant --participant-label 01 02 --select 1000000\n"
                            "  arcuate run study study/derivatives/arcuate participant --device cuda:0,1 --sessions-at-once 4\n"
                            "  arcuate phantom study && arcuate run study sure participant --select 5000 --replicates 20\n\n"
                            "References: Veraart et al. 2013, NeuroImage 81:335; Tournier et al. 2007, NeuroImage 35:1459; Jeurissen et al. 2014, NeuroImage 103:411;\n"
                            "Raffelt et al. 2017, Proc ISMRM 25:3541 (normalisation); Tournier et al. 2010, Proc. ISMRM 1670;\n"
                            "Whitcher et al. 2008, Hum Brain Mapp 29:346; Berman et al. 2008, NeuroImage 39:215 (wild bootstrap);\n"
                            "Gorgolewski et al. 2017, PLoS Comput Biol 13:e1005209 (BIDS Apps)",
                            [o](Run& run) { run_pipeline(run, *o); });
    auto& p = o->pipeline;
    app.add_option("bids_dir", o->bids_dir, "BIDS data set, raw or a derivative such as QSIPrep's")->required()->type_name("BIDS_DIR");
    app.add_option("out_dir", o->out_dir, "where results go, a BIDS derivative")->required()->type_name("OUT_DIR");
    app.add_option("level", o->level, "participant: compute; group: gather change.tsv from what several machines computed")
        ->required()->type_name("LEVEL")->check(CLI::IsMember({"participant", "group"}));
    app.add_option("--participant-label,--participant_label", o->filter.participants, "only these, with or without sub-")->type_name("LABEL");
    app.add_option("--session-label,--session_label,--session-id", o->filter.sessions, "only these, with or without ses-")->type_name("LABEL");
    app.add_option("--mask", p.mask, "brain mask for every session; default: *_desc-brain_mask.nii.gz found in the data set or its derivatives, else computed from the image")->type_name("FILE");
    app.add_option("--parcellation", p.parcellation, "label image for every session, or the desc-, seg- or atlas- label of one; default: *_dseg.nii.gz found as above")->type_name("FILE|LABEL");
    app.add_flag("--register", p.register_sessions, "bring a subject's sessions into their half-way space first, by rigid registration of their S0, as arcuate register does");
    app.add_option("--parcellation-session", p.parcellation_session, "with --register: the session in whose space the parcellation is; default: that of its name (ses-)")->type_name("LABEL");
    app.add_option("--names", p.names, "table of region names (columns index, name); default: the .tsv that belongs to the parcellation")->type_name("TSV");
    app.add_option("--fod", o->fod, "how FODs are made: auto, csd, msmt")->check(CLI::IsMember({"auto", "csd", "msmt"}))->type_name("MODEL")->capture_default_str();
    app.add_option("--response", o->responses, "response function for every session, as of arcuate response: a file (csd), or wm=FILE [gm=FILE csf=FILE] (msmt)")->type_name("[TISSUE=]FILE");
    app.add_option("--lmax", p.fod.lmax, "order of the FODs of white matter; 0: that of the response, at most 8")->type_name("N")->capture_default_str();
    app.add_flag("!--no-gradient-check", p.gradient_check, "do not check whether the axes of the gradient tables fit the images");
    const std::string tracking = "Tracking";
    app.add_option("--select", p.track.select, "streamlines per session; 0: no limit")->type_name("N")->capture_default_str()->group(tracking);
    app.add_option("--seeds", p.track.seeds, "seeds tried at most; 0: no limit  [1000 x --select]")->type_name("N")->group(tracking);
    app.add_option("--seed", p.track.seed, "of the random numbers")->type_name("N")->capture_default_str()->group(tracking);
    app.add_option("--step", p.track.step, "arc length of one step [mm]; 0: half a voxel")->type_name("MM")->capture_default_str()->group(tracking);
    app.add_option("--angle", p.track.angle, "largest change of direction over a step [degrees]")->type_name("DEG")->capture_default_str()->group(tracking);
    app.add_option("--cutoff", p.track.cutoff, "FOD amplitude below which tracking ends")->type_name("X")->capture_default_str()->group(tracking);
    app.add_option("--min-length", p.track.min_length, "[mm]  [5 voxels]")->type_name("MM")->group(tracking);
    app.add_option("--max-length", p.track.max_length, "[mm]  [100 voxels]")->type_name("MM")->group(tracking);
    add_fod_precision(app, p.track.fod_precision, tracking);
    app.add_option("--trajectories", o->trajectories, "whose FODs a session's streamlines are tracked on: mean, first, independent; or several, to compare them")->delimiter(',')->allow_extra_args(false)->check(CLI::IsMember({"mean", "first", "independent"}))->type_name("WAY[,WAY]")->capture_default_str()->group(tracking);
    app.add_option("--weights", o->weights, "of streamlines: auto, joint, each, none")->check(CLI::IsMember({"auto", "joint", "each", "none"}))->type_name("WAY")->capture_default_str()->group(tracking);
    app.add_option("--reg-change", p.sift2.reg_change, "joint: weight of the squares of the sessions' changes")->check(CLI::NonNegativeNumber)->capture_default_str()->group(tracking);
    app.add_option("--reg-change-tv", p.sift2.reg_change_tv, "joint: weight of the variation of changes within fixels")->check(CLI::NonNegativeNumber)->capture_default_str()->group(tracking);
    app.add_option("--sessions-at-once", p.at_once, "sessions in flight at the same time (subjects, where their sessions share streamlines); each needs its images' memory; 0: one per device")
        ->check(CLI::Range(0, 1024))->type_name("N")->capture_default_str();
    app.add_flag("--keep-tracks", p.keep_tracks, "write the streamlines (.tck) and their weights, too")->group(tracking);
    app.add_option("--radial-search", p.connectome.search_mm, "an end's region is looked for within this distance [mm]")->type_name("MM")->capture_default_str();
    const std::string errors = "Error bars";
    app.add_flag("--errors", p.connectome.errors, "the sampling error of every edge and metric")->group(errors);
    app.add_option("--replicates", p.replicates, "replicates of each session's measurement, for its measurement errors (and sampling errors); 0: none")
        ->check(CLI::Range(0, 10000))->type_name("N")->capture_default_str()->group(errors);
    app.add_option("--replicate-block", p.replicate.block, "cubes of so many voxels along each axis share their noise: where interpolation or smoothing made neighbours alike")
        ->check(CLI::PositiveNumber)->type_name("N")->capture_default_str()->group(errors);
    app.add_option("--replicate-lmax", p.replicate.lmax, "order of the fit that residuals are taken from, at most")->check(CLI::IsMember({2, 4, 6, 8}))->type_name("N")->capture_default_str()->group(errors);
}

}  // namespace arcuate::tools
