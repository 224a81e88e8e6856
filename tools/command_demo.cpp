// arcuate demo: the whole path on data made on the spot, and what came out beside the truth.
#include "arcuate/core/error.hpp"
#include "arcuate/study/phantom_check.hpp"
#include "arcuate/study/pipeline.hpp"
#include "command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>

namespace arcuate::tools {

namespace {

struct Options {
    std::string out;
    study::PhantomDatasetOptions dataset;
    std::int64_t select = 10000;
};

/// An interval of this many standard errors: 99.7% of normal errors.
constexpr double sigmas = 3;

/// Prints the table and returns what does not agree with the truth, in words; empty where all does.
std::string print_table(const study::PhantomCheck& check) {
    std::string wrong;
    const auto note = [&](const std::string& text) { wrong += (wrong.empty() ? "" : ", ") + text; };
    fmt::print("{:<42}{:>13}   {:^13}   {:^18}{:>9}\n", "", "streamlines", "mean FA", "change of FA", "true");
    fmt::print("{:<42}{:>6}{:>7}   {:>6}{:>7}   {:^18}{:>9}\n", "connection", "first", "last", "first", "last", "(+- 3 std. errors)", "change");
    std::size_t found = 0;
    for (const auto& e : check.edges) {
        const std::string name = e.truth.from + " - " + e.truth.to;
        if (!e.found()) {
            fmt::print("{:<42}{:>6.0f}{:>7.0f}   not found\n", name, e.count_first, e.count_last);
            note(name + " was not found");
            continue;
        }
        ++found;
        const double off = e.change() - e.true_change(), bound = sigmas * e.standard_error;
        std::string verdict;
        if (e.true_change() != 0) {
            const bool right = std::abs(off) <= 0.1 * std::abs(e.true_change());
            verdict = fmt::format("{:.0f}% of the truth", 100 * e.change() / e.true_change());
            if (!right) note("the change of " + name + " is off by more than 10%");
        } else {
            const bool right = std::abs(off) <= bound;
            verdict = right ? "no change, rightly" : "differs from the truth";
            if (!right) note("the change of " + name + " exceeds its error");
        }
        fmt::print("{:<42}{:>6.0f}{:>7.0f}   {:>6.3f}{:>7.3f}   {:>+8.4f} +- {:.4f}{:>9}  {}\n", name, e.count_first, e.count_last, e.fa_first, e.fa_last, e.change(), bound,
                   e.true_change() != 0 ? fmt::format("{:+.4f}", e.true_change()) : "0", verdict);
    }
    fmt::print("\n{} of {} connections found. Of the streamlines that connect two regions, {:.1f}% connect a pair that is not connected in truth{}.\n", found, check.edges.size(),
               100.0 * static_cast<double>(check.false_streamlines) / static_cast<double>(std::max<std::int64_t>(1, check.assigned)),
               check.commonest_false.empty() ? "" : ", most often " + check.commonest_false);
    return wrong;
}

void run_demo(Run& run, Options& o) {
    const auto start = std::chrono::steady_clock::now();
    const std::string data = o.out + "/phantom", result = o.out + "/result";
    o.dataset.overwrite = run.force;
    run.say(fmt::format("1. A data set with known fibres, two sessions four weeks apart: arcuate phantom {}", data));
    const auto truth = study::write_phantom_dataset(data, o.dataset, run.device(), run.progress());

    run.say(fmt::format("2. From images to connectomes: arcuate run {} {} participant --trajectories independent --weights none --select {} --keep-tracks", data, result, o.select));
    study::PipelineOptions pipeline;
    pipeline.track.select = o.select;
    pipeline.keep_tracks = true;
    pipeline.trajectories = study::Trajectories::independent;  // so that the errors of the two sessions are independent, as the check takes them to be
    pipeline.weights = study::StreamlineWeights::none;
    pipeline.force = true;
    pipeline.command_line = command_line();
    study::Listener listener;
    listener.say = [&run](const std::string& text) { run.say_verbose("   " + text); };
    listener.warn = [&run](const std::string& text) { run.warn(text); };
    listener.progress = &run.progress();
    study::run_participants(data, result, {}, pipeline, run.device(), listener);

    run.say("3. The result beside the truth:\n");
    const auto check = study::check_phantom(data, result, truth, run.device());
    const std::string wrong = print_table(check);
    fmt::print("Mean FA is below that of the fibres themselves ({:.2f} for {} at first), and a change of it likewise by a few percent, because voxels at a bundle's\n"
               "surface, and where two cross, hold more than one tissue.\n\n",
               check.edges.back().truth.fibre_fa.front(), check.edges.back().truth.bundle);
    fmt::print("{:.0f} s on {}\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), run.device().name());
    const auto place = [](const std::string& what, const std::string& where) { fmt::print("{:<36}{}\n", what, where); };
    place("every connection in every session", result + "/change.tsv");
    place("streamlines", result + "/sub-01/ses-01/dwi/sub-01_ses-01_track-ifod2_tractogram.tck");
    place("FA map", result + "/sub-01/ses-01/dwi/sub-01_ses-01_model-tensor_param-fa_dwimap.nii.gz");
    place("the truth", data + "/derivatives/truth/bundles.tsv");
    place("next", "arcuate run YOUR_BIDS_FOLDER OUT participant  (arcuate run --help)");
    if (!wrong.empty()) throw Error(fmt::format("the result does not agree with the truth ({}); please report it with the output of arcuate doctor", wrong));
}

}  // namespace

void add_demo(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "demo", "the whole path on data made on the spot, with the truth beside the result",
                            "Makes a phantom of two sessions between which the FA of one bundle grows, runs tensors, FODs, streamlines and connectomes on it, and prints\n"
                            "every true connection as it was found: streamlines, mean FA, its change with its error, and the change that there is.\n"
                            "Ends with exit code 1 where they disagree.\n\n"
                            "Example:\n  arcuate demo demo_out",
                            [o](Run& run) { run_demo(run, *o); });
    app.add_option("OUT", o->out, "folder for the data (OUT/phantom) and the result (OUT/result)")->required();
    app.add_option("--select", o->select, "streamlines per session")->check(CLI::Range(1000, 10000000))->capture_default_str();
    app.add_option("--fa-change", o->dataset.phantom.fa_change, "FA added to the arc in the last session (it starts at 0.5)")->capture_default_str();
    app.add_option("--snr", o->dataset.phantom.snr, "signal-to-noise ratio of the b=0 signal; 0: no noise")->capture_default_str();
    app.add_option("--seed", o->dataset.phantom.seed, "of the noise")->capture_default_str();
}

}  // namespace arcuate::tools
