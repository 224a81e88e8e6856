// arcuate session-weights: streamlines that a subject's sessions share and the sessions' FODs -> a weight for each streamline in each session.
#include "arcuate/core/error.hpp"
#include "arcuate/dwi/fixels.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/tables.hpp"
#include "arcuate/io/tractogram.hpp"
#include "arcuate/io/values.hpp"
#include "arcuate/weights/sift2.hpp"
#include "command.hpp"
#include "tract_output.hpp"

#include <fmt/format.h>

namespace arcuate::tools {

namespace {

struct Options {
    std::string tracks, fit = "joint", out_mu, out_mean;
    std::vector<std::string> fods, outputs;
    weights::SessionOptions sessions;
    std::int64_t memory = -1, chunk = 1 << 15;
};

ScalarImage mean_of(const std::vector<std::string>& paths) {
    ImageMean mean;
    for (const auto& path : paths) mean.add(io::read_image(path), "FOD image " + path);
    return mean.mean();
}

void run_session_weights(Run& run, Options& o) {
    if (o.fods.size() < 2) throw InputError("weights of sessions need the FOD images of two or more; for one there is `arcuate weights`");
    if (o.outputs.size() != o.fods.size())
        throw InputError(fmt::format("there are {} FOD images and {} outputs (each session has weights of its own); give --out as many names, in the order of --fod", o.fods.size(), o.outputs.size()));
    auto outputs = o.outputs;
    for (const auto& path : o.outputs) outputs.push_back(io::sidecar_path(path));
    for (const auto& more : {o.out_mu, o.out_mean})
        if (!more.empty()) outputs.push_back(more);
    run.require_writable(outputs);
    std::vector<std::pair<std::string, std::string>> inputs{{"tracks", o.tracks}};
    for (const auto& fod : o.fods) inputs.emplace_back("fod", fod);
    run.reading(o.tracks);

    // One FOD image in memory at a time.
    Fixels fixels;
    std::vector<std::vector<float>> fibre_density;
    {
        const auto mean = mean_of(o.fods);
        fixels = dwi::segment_fods(mean, {.refine_peaks = false}, run.device(), run.progress());
        const auto lobes = dwi::segment_fods(mean, {.refine_peaks = false, .dilate_lookup = false}, run.device(), run.progress());
        for (const auto& fod : o.fods) fibre_density.push_back(dwi::fibre_density_of(io::read_image(fod), lobes, run.device(), run.progress()));
    }
    weights::FixelLengths lengths(fixels, run.device(), o.chunk, o.memory >= 0 ? o.memory : run.device().free_memory() / 2);
    const weights::StreamlineSource source = [&](StreamlineSink& sink) { io::stream_tractogram(o.tracks, sink, o.chunk); };
    run.progress().begin("mapping streamlines", 0, "streamlines");
    Counted counted(lengths, run.progress());
    source(counted);
    run.progress().end();
    o.sessions.weights = o.fit == "joint" ? weights::SessionWeights::joint : weights::SessionWeights::each;
    const auto result = weights::sift2_of_sessions(fixels, fibre_density, lengths, o.sessions, run.device(), run.progress(), source);

    std::vector<std::pair<std::string, std::string>> parameters{{"fit", o.fit}, {"mu", io::number(result.mean.mu)}, {"reg_tikhonov", io::number(o.sessions.sift2.reg_tikhonov)}, {"reg_tv", io::number(o.sessions.sift2.reg_tv)}};
    if (o.fit == "joint") {
        parameters.emplace_back("reg_change", io::number(o.sessions.reg_change));
        parameters.emplace_back("reg_change_tv", io::number(o.sessions.reg_change_tv));
    }
    const auto provenance = run.provenance(parameters, inputs);
    run.say(fmt::format("{} streamlines, {} fixels of the mean ({} without streamlines, {} excluded for too few); mu {:.6g}; mean: cost {:.6g} -> {:.6g} in {} iterations", lengths.streamlines(),
                        fixels.size(), result.mean.untracked, result.mean.excluded, result.mean.mu, result.mean.iterations.front().cost(), result.mean.iterations.back().cost(),
                        result.mean.iterations.size() - 1));
    for (std::size_t s = 0; s < o.fods.size(); ++s) {
        const auto& session = result.sessions[s];
        io::write_values(o.outputs[s], session.weights(), run.force);
        io::write_sidecar(o.outputs[s], provenance, run.force);
        run.say(fmt::format("{}: cost {:.6g} -> {:.6g} in {} iterations -> {}", o.fods[s], session.iterations.front().cost(), session.iterations.back().cost(), session.iterations.size() - 1, o.outputs[s]));
    }
    if (!o.out_mu.empty()) io::write_text(o.out_mu, io::number(result.mean.mu) + "\n", run.force);
    if (!o.out_mean.empty()) io::write_values(o.out_mean, result.mean.weights(), run.force);
}

}  // namespace

void add_session_weights(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "session-weights", "streamlines that a subject's sessions share -> a weight for each in each session",
                            "Streamlines tracked once, on the mean of the sessions' FODs (arcuate mean) or on one of them, and weighted for every session by SIFT2. Fixels are those of the mean, so\n"
                            "that none comes or goes from one session to the next; what each session has in them is the integral of its FOD over their lobes; mu is one for all. FODs must be made with\n"
                            "one response, and be on one grid of one space (arcuate register, arcuate transform).\n\n"
                            "--fit joint  weights of the mean, times for every session the change that its difference from the mean asks for: what the streamlines cannot explain changes nothing, nor does\n"
                            "             an error of one fixel that the others along a streamline do not share\n"
                            "      each   every session by itself\n\n"
                            "`arcuate run --trajectories mean --weights joint` does all of it for a BIDS data set.\n\n"
                            "Example:\n"
                            "  arcuate mean mean_fod.nii.gz a_fod.nii.gz b_fod.nii.gz\n"
                            "  arcuate track mean_fod.nii.gz tracks.tck --seed-image mask.nii.gz --mask mask.nii.gz --select 1M\n"
                            "  arcuate session-weights tracks.tck --fod a_fod.nii.gz b_fod.nii.gz --out a.txt b.txt --out-mu mu.txt\n"
                            "  arcuate connectome tracks.tck parcels.nii.gz a.h5 --weights a.txt --mu mu.txt --scalar fa=a_fa.nii.gz\n\n"
                            "References: Smith, Tournier, Calamante & Connelly 2015, NeuroImage 119:338 (SIFT2); the same with Raffelt 2020, doi 10.31219/osf.io/c67kn (mu)",
                            [o](Run& run) { run_session_weights(run, *o); });
    auto& s = o->sessions;
    app.add_option("tracks", o->tracks, "streamlines: .tck, .trk or .trx")->required()->type_name("TRACKS");
    app.add_option("--fod", o->fods, "FOD image of every session, on one grid")->required()->type_name("FOD");
    app.add_option("--out", o->outputs, "weights of every session, text, in the order of --fod")->required()->type_name("OUT");
    app.add_option("--fit", o->fit, "joint or each")->check(CLI::IsMember({"joint", "each"}))->type_name("WAY")->capture_default_str();
    app.add_option("--out-mu", o->out_mu, "mu, text: fibre density per mm of streamline in a voxel")->type_name("FILE");
    app.add_option("--out-mean", o->out_mean, "weights of the mean, text")->type_name("FILE");
    const std::string fit = "Regularisation and fit";
    app.add_option("--reg-change", s.reg_change, "joint: weight of the squares of the changes")->check(CLI::NonNegativeNumber)->capture_default_str()->group(fit);
    app.add_option("--reg-change-tv", s.reg_change_tv, "joint: weight of the variation of changes within fixels")->check(CLI::NonNegativeNumber)->capture_default_str()->group(fit);
    app.add_option("--reg-tikhonov", s.sift2.reg_tikhonov, "weight of the squares of the coefficients")->check(CLI::NonNegativeNumber)->capture_default_str()->group(fit);
    app.add_option("--reg-tv", s.sift2.reg_tv, "weight of the variation of coefficients within fixels")->check(CLI::NonNegativeNumber)->capture_default_str()->group(fit);
    app.add_option("--memory", o->memory, "bytes (K, M, G) for the lengths of streamlines in fixels, as of `arcuate weights`  [half of what is free]")->transform(CLI::AsSizeValue(false))->type_name("SIZE");
    app.add_option("--chunk", o->chunk, "streamlines per launch; does not change a byte")->type_name("N")->capture_default_str()->check(CLI::PositiveNumber);
}

}  // namespace arcuate::tools
