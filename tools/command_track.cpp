// arcuate track: streamlines from an FOD image.
#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/tractogram.hpp"
#include "arcuate/tracking/track.hpp"
#include "command.hpp"

#include <fmt/format.h>

namespace arcuate::tools {

namespace {

struct Options {
    std::string fod, out, seed_image, mask, algorithm = "ifod2";
    tracking::TrackOptions track;
};

double share(std::int64_t part, std::int64_t whole) { return whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0; }

/// Why seeds were rejected and why halves stopped; each table adds up.
void print_summary(const Run& run, const tracking::TrackSummary& s) {
    run.say(fmt::format("{} streamlines from {} seeds, mean length {:.1f} mm", s.accepted, s.seeds,
                        s.accepted ? s.length_mm / static_cast<double>(s.accepted) : 0.0));
    std::string line = "seeds:";
    for (std::size_t i = 0; i < s.outcome.size(); ++i)
        line += fmt::format("{} {} {:.1f}%", i ? "," : "", tracking::outcomes[i].text, share(s.outcome[i], s.seeds));
    run.say(line);
    line = "halves stopped:";
    for (std::size_t i = 0; i < s.stop.size(); ++i)
        if (s.stop[i]) line += fmt::format("{} {} {:.1f}%", line.back() == ':' ? "" : ",", tracking::stop_reasons[i].text, share(s.stop[i], 2 * s.seeds));
    run.say(line);
    run.say(fmt::format("{} arcs taken, {:.2f} evaluated per arc taken ({} of them calibration), {} above the calibrated bound", s.steps,
                        s.steps ? static_cast<double>(s.arcs) / static_cast<double>(s.steps) : 0.0, s.calibration_arcs, s.truncated));
}

void body(Run& run, const Options& o) {
    run.require_writable({o.out, io::sidecar_path(o.out)});
    const ScalarImage fod = io::read_image(o.fod);
    const Mask seed_mask = io::read_mask(o.seed_image);
    std::optional<Mask> mask;
    if (!o.mask.empty()) mask = io::read_mask(o.mask);

    const auto resolved = tracking::resolve(o.track, fod.grid);
    const auto fields = tracking::header_fields(resolved);
    const auto writer = io::make_tractogram_writer(o.out, {.properties = fields, .grid = fod.grid, .overwrite = run.force});
    const auto summary = tracking::track(fod, seed_mask, mask, o.track, run.device(), *writer, run.progress());
    print_summary(run, summary);
    if (summary.accepted == 0)
        throw InputError(fmt::format("no streamline was accepted from {} seeds (see the reasons above); check the seed image against the FOD image, or lower --cutoff or --min-length",
                                     summary.seeds));
    if (resolved.select > 0 && summary.accepted < resolved.select)
        run.warn(fmt::format("{} streamlines instead of {}: the limit of {} seeds was reached; raise --seeds", summary.accepted, resolved.select, resolved.seeds));
    writer->commit(summary.seeds);
    std::vector<std::pair<std::string, std::string>> inputs{{"fod", o.fod}, {"seed_image", o.seed_image}};
    if (mask) inputs.emplace_back("mask", o.mask);
    io::write_sidecar(o.out, run.provenance({fields.begin(), fields.end()}, inputs), run.force);
}

}  // namespace

void add_track(CLI::App& root) {
    auto o = std::make_shared<Options>();
    CLI::App& app = add_command(root, "track", "streamlines from an FOD image (iFOD2)",
                                "Example:\n"
                                "  arcuate track fod.nii.gz tracks.tck --seed-image mask.nii.gz --select 100000 --seed 1\n\n"
                                "Streamline i depends on --seed, i and the FOD alone: the same file on any device, for any number of threads and any chunk.\n\n"
                                "Reference: Tournier, Calamante & Connelly 2010, Improved probabilistic streamlines tractography by 2nd order integration\n"
                                "over fibre orientation distributions, Proc. ISMRM 18:1670.",
                                [o](Run& run) { body(run, *o); });
    auto& t = o->track;
    app.add_option("FOD", o->fod, "FOD image: even-order spherical harmonics, as of `arcuate fod` or dwi2fod")->required();
    app.add_option("OUT", o->out, "tractogram to write: .tck, .trk or .trx")->required();
    app.add_option("--algorithm", o->algorithm, "how directions are drawn")->check(CLI::IsMember({"ifod2"}))->capture_default_str();
    app.add_option("--seed-image", o->seed_image, "mask in whose voxels seeds are uniform")->required();
    app.add_option("--mask", o->mask, "streamlines end where they leave this mask (on any grid of the same world)");
    app.add_option("--select", t.select, "streamlines wanted; 0: no limit  [5000, or no limit with --seeds]");
    app.add_option("--seeds", t.seeds, "seeds tried at most; 0: no limit  [1000 x --select]");
    app.add_option("--seed", t.seed, "of the random numbers")->capture_default_str();
    app.add_option("--step", t.step, "arc length of a step [mm]  [half a voxel]");
    app.add_option("--angle", t.angle, "largest change of direction over a step [degrees]")->capture_default_str();
    app.add_option("--cutoff", t.cutoff, "FOD amplitude below which tracking ends")->capture_default_str();
    app.add_option("--seed-cutoff", t.seed_cutoff, "FOD amplitude that the first direction must exceed  [--cutoff]");
    app.add_option("--min-length", t.min_length, "[mm]  [5 voxels]");
    app.add_option("--max-length", t.max_length, "[mm]  [100 voxels]");
    app.add_flag("--seed-unidirectional", t.unidirectional, "track from a seed in one direction only");
    const std::string fine = "Fine tuning";
    app.add_option("--samples", t.samples, "FOD samples per arc, both ends included")->capture_default_str()->group(fine);
    app.add_option("--power", t.power, "exponent of an arc's probability")->capture_default_str()->group(fine);
    app.add_option("--trials", t.trials, "candidate arcs per step before giving up")->capture_default_str()->group(fine);
    app.add_option("--seed-trials", t.seed_trials, "directions tried per seed")->capture_default_str()->group(fine);
    app.add_option("--downsample", t.downsample, "keep every n-th vertex, and both ends")->capture_default_str()->group(fine);
    app.add_option("--chunk", t.chunk, "seeds per launch; does not change the result  [chosen]")->group(fine);
}

}  // namespace arcuate::tools
