// arcuate track: streamlines.
#include "arcuate/core/error.hpp"
#include "arcuate/dwi/fixels.hpp"
#include "arcuate/dwi/tensor.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/gradients.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/region.hpp"
#include "arcuate/io/tables.hpp"
#include "arcuate/tracking/track.hpp"
#include "arcuate/weights/sift2.hpp"
#include "command.hpp"
#include "track_output.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>

namespace arcuate::tools {

namespace {

struct Options {
    std::string field, out, algorithm = "ifod2";
    std::string bval, bvec, grad;
    std::vector<std::string> seed_image, seed_weighted, seed_sphere, seed_points, seed_interface, seed_random, seed_grid;
    std::string seed_dynamic;
    std::vector<double> seed_direction;
    std::vector<std::string> mask, exclude, include, include_ordered;
    bool stop_at_include = false;
    std::string act;
    bool backtrack = false, crop = false;
    bool float16 = false, deflate = false;
    std::string output_seeds;
    bool save_seeds = false;
    bool resume = false;
    double checkpoint_seconds = 10;
    std::int64_t explain = -1;
    tracking::TrackOptions track;
};

double share(std::int64_t part, std::int64_t whole) { return whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0; }

/// Why seeds were rejected and why halves stopped; each table adds up.
void print_summary(const Run& run, const tracking::TrackSummary& s) {
    run.say(fmt::format("{} streamlines from {} seeds, mean length {:.1f} mm", s.accepted, s.seeds, s.mean_length_mm()));
    run.say("what became of the seeds:");
    for (std::size_t i = 0; i < s.outcome.size(); ++i)
        if (s.outcome[i]) run.say(fmt::format("  {:>12}  {:5.1f}%  {}", s.outcome[i], share(s.outcome[i], s.seeds), tracking::outcomes[i].text));
    run.say("why halves ended (two per seed):");
    for (std::size_t i = 0; i < s.stop.size(); ++i)
        if (s.stop[i]) run.say(fmt::format("  {:>12}  {:5.1f}%  {}", s.stop[i], share(s.stop[i], 2 * s.seeds), tracking::stop_reasons[i].text));
    run.say(fmt::format("{} steps, {:.2f} candidates per step ({} of them calibration), {} above the calibrated bound", s.steps,
                        s.steps ? static_cast<double>(s.arcs) / static_cast<double>(s.steps) : 0.0, s.calibration_arcs, s.truncated));
}

/// What to read, in the order of the command line, and what was read.
class Inputs {
  public:
    Inputs(const Options& o, Run& run) : field(io::read_image(o.field)) {
        add("field", o.field);
        read_seeds(o);
        if (!o.seed_dynamic.empty()) segment(o, run);
        read_regions(o);
        if (!o.act.empty()) input.anatomy = {io::read_image(used("act", o.act)), o.backtrack, o.crop};
        else if (o.backtrack || o.crop) throw InputError("--backtrack and --crop belong to anatomically constrained tracking (no tissues are given); add --act 5TT");
        if (tracking::row_of(o.track.algorithm).field == tracking::FieldKind::signal) read_gradients(o);
        else if (!(o.bval + o.bvec + o.grad).empty()) throw InputError(fmt::format("--algorithm {} has no use for a gradient table (it does not walk on the signal); leave it out", o.algorithm));
    }
    ScalarImage field;
    tracking::TrackInput input{.field = field};
    std::vector<std::pair<std::string, std::string>> files;  ///< (role, path)
    std::vector<std::pair<std::string, std::string>> places; ///< (option, text) of balls and counts, which no file holds

    SeedState dynamic_state() const { return {dynamic->state, density->sums()}; }
    void go_on_from(const SeedState& s) {
        dynamic->state = s.seeds;
        density->go_on_from(s.density_sums);
    }
    std::unique_ptr<tracking::DynamicSeeds> dynamic;  ///< where asked for
    std::unique_ptr<weights::FixelLengths> density;

  private:
    void segment(const Options& o, Run& run) {
        const std::string& path = o.seed_dynamic;
        const bool same = path == o.field;
        const ScalarImage other = same ? ScalarImage{} : io::read_image(path);
        add("seed_dynamic", path);
        fixels_ = dwi::segment_fods(same ? field : other, {.refine_peaks = false}, run.devices().front(), run.progress());
        density = std::make_unique<weights::FixelLengths>(fixels_, run.devices().front(), 1 << 15, 0);
        dynamic = std::make_unique<tracking::DynamicSeeds>(fixels_, *density, [this] { return density->track_density(); });
        input.seeds.push_back({.kind = tracking::Seeds::Kind::dynamic, .name = path, .dynamic = dynamic.get()});
    }

    void add(const std::string& role, const std::string& path) { files.emplace_back(role, path); }
    const std::string& used(const std::string& role, const std::string& path) {
        add(role, path);
        return path;
    }

    void read_seeds(const Options& o) {
        using Kind = tracking::Seeds::Kind;
        const auto image = [&](const char* role, Kind kind, const std::string& path, std::int64_t per_voxel) {
            tracking::Seeds s{.kind = kind, .name = path, .image = io::read_image(used(role, path)), .per_voxel = per_voxel};
            if (s.image.volumes != 1) throw InputError(fmt::format("{} has {} volumes (seeds come from one); extract the one that is meant", path, s.image.volumes));
            input.seeds.push_back(std::move(s));
        };
        for (const auto& path : o.seed_image) image("seed_image", Kind::image, path, 1);
        for (const auto& path : o.seed_weighted) image("seed_weighted", Kind::weighted, path, 1);
        for (const auto& path : o.seed_interface) image("seed_interface", Kind::interface, path, 1);
        for (std::size_t i = 0; i + 1 < o.seed_random.size(); i += 2) image("seed_random", Kind::random_per_voxel, o.seed_random[i], count_of(o.seed_random[i + 1], "--seed-random-per-voxel"));
        for (std::size_t i = 0; i + 1 < o.seed_grid.size(); i += 2) image("seed_grid", Kind::grid_per_voxel, o.seed_grid[i], count_of(o.seed_grid[i + 1], "--seed-grid-per-voxel"));
        for (const auto& text : o.seed_sphere) {
            if (std::count(text.begin(), text.end(), ',') != 3) throw InputError(fmt::format("--seed-sphere {} is no ball; give x,y,z,radius in mm", text));
            const Region ball = io::read_region(text);
            if (!ball.is_sphere()) throw InputError(fmt::format("--seed-sphere {} is no ball; give x,y,z,radius in mm", text));
            places.emplace_back("seed_sphere", text);
            input.seeds.push_back({.kind = Kind::sphere, .name = text, .sphere = *ball.sphere()});
        }
        for (const auto& path : o.seed_points) input.seeds.push_back({.kind = Kind::points, .name = path, .points = io::read_points(used("seed_points", path))});
    }

    std::int64_t count_of(const std::string& text, const char* option) {
        std::int64_t number = 0;
        const char* const end = text.data() + text.size();
        if (const auto [at, error] = std::from_chars(text.data(), end, number); error != std::errc{} || at != end || number < 1)
            throw InputError(fmt::format("{} takes an image and a number of seeds, not '{}'; give a whole number above 0", option, text));
        places.emplace_back(option, text);
        return number;
    }

    void read_regions(const Options& o) {
        const auto read = [&](const char* role, const std::vector<std::string>& texts, std::vector<Region>& regions) {
            for (const auto& text : texts) {
                regions.push_back(io::read_region(text));
                (regions.back().is_sphere() ? places : files).emplace_back(role, text);
            }
        };
        read("mask", o.mask, input.regions.mask);
        read("exclude", o.exclude, input.regions.exclude);
        read("include", o.include, input.regions.include);
        read("include_ordered", o.include_ordered, input.regions.include_ordered);
        input.regions.stop_at_include = o.stop_at_include;
    }

    void read_gradients(const Options& o) {
        if (o.grad.empty() && (o.bval.empty() || o.bvec.empty()))
            throw InputError(fmt::format("--algorithm {} walks on the diffusion-weighted signal (its gradient table is missing); give --bval and --bvec, or --grad", o.algorithm));
        const auto table = o.grad.empty() ? io::read_fsl_gradients(used("bval", o.bval), used("bvec", o.bvec), field.grid, field.volumes)
                                          : io::read_mrtrix_gradients(used("grad", o.grad), field.volumes);
        model_ = dwi::tensor_model(table);
        input.tensor = &model_;
    }

    TensorModel model_;
    Fixels fixels_;
};

void print_explanation(const tracking::Explanation& e, std::int64_t id) {
    std::printf("streamline %lld\n%4s %6s %9s %10s  %-29s  %-26s  %9s\n", static_cast<long long>(id), "half", "step", "vertices", "candidates", "position [mm]", "direction", "amplitude");
    for (const auto& s : e.steps) {
        std::printf("%4d %6lld %9lld %10lld  %9.3f %9.3f %9.3f  %8.5f %8.5f %8.5f  %9.5f", s.half, static_cast<long long>(s.step), static_cast<long long>(s.vertices),
                    static_cast<long long>(s.candidates), s.position[0], s.position[1], s.position[2], s.direction[0], s.direction[1], s.direction[2], s.amplitude);
        if (s.end) std::printf("  %s%s", tracking::stop_reasons[static_cast<std::size_t>(*s.end)].text, s.backtracked ? ": cut back, tried again" : "");
        std::printf("\n");
    }
    std::printf("%s; %.3f mm, %lld vertices kept\n", tracking::outcomes[static_cast<std::size_t>(e.outcome)].text, e.length_mm, static_cast<long long>(e.vertices));
}

volatile std::sig_atomic_t interrupted = 0;

/// Between its life's ends, an interruption is a request to stop at the next batch.
class CatchInterrupts {
  public:
    CatchInterrupts() {
        interrupted = 0;
        struct sigaction action {};
        action.sa_handler = [](int) { interrupted = 1; };
        sigaction(SIGINT, &action, &old_int_);
        sigaction(SIGTERM, &action, &old_term_);
    }
    ~CatchInterrupts() {
        sigaction(SIGINT, &old_int_, nullptr);
        sigaction(SIGTERM, &old_term_, nullptr);
    }

  private:
    struct sigaction old_int_ {}, old_term_ {};
};

void body(Run& run, Options o) {
    o.track.algorithm = tracking::algorithm_named(o.algorithm).id;
    if (!o.seed_direction.empty()) o.track.direction = {o.seed_direction[0], o.seed_direction[1], o.seed_direction[2]};
    if (o.explain >= 0) {
        const Inputs inputs(o, run);
        print_explanation(tracking::explain(inputs.input, o.track, run.devices().front(), o.explain), o.explain);
        return;
    }
    if (o.out.empty()) throw InputError("there is no output (OUT is missing); name a .tck, .trk or .trx file");
    run.require_writable(o.output_seeds.empty() ? std::vector{o.out, io::sidecar_path(o.out)} : std::vector{o.out, io::sidecar_path(o.out), o.output_seeds});
    if ((o.float16 || o.deflate) && !o.out.ends_with(".trx"))
        throw InputError(fmt::format("--float16 and --deflate are of .trx alone and {} is none; choose such a name", o.out));
    if (o.save_seeds && o.out.ends_with(".tck"))
        throw InputError(fmt::format("--save-seeds has no place in {} (a .tck holds vertices alone); use --output-seeds FILE, or write .trk or .trx", o.out));
    if (o.output_seeds == o.out) throw InputError(fmt::format("--output-seeds and OUT are one file ({}); give another name", o.out));
    if (!o.resume && !run.force && std::filesystem::exists(checkpoint_path(o.out)))
        throw OutputError(fmt::format("an interrupted run has left {}; add --resume to go on with it, or --force to start again", checkpoint_path(o.out)));
    Inputs inputs(o, run);
    const auto resolved = tracking::resolve(o.track, inputs.input);
    const auto fields = tracking::header_fields(resolved);
    std::vector<std::pair<std::string, std::string>> parameters{{"algorithm", o.algorithm}};
    parameters.insert(parameters.end(), fields.begin(), fields.end());
    parameters.insert(parameters.end(), inputs.places.begin(), inputs.places.end());
    if (!o.seed_direction.empty()) parameters.emplace_back("seed_direction", fmt::format("{}", fmt::join(o.seed_direction, ",")));
    if (o.stop_at_include) parameters.emplace_back("stop_at_include", "1");
    if (o.backtrack) parameters.emplace_back("backtrack", "1");
    if (o.crop) parameters.emplace_back("crop", "1");
    if (o.float16) parameters.emplace_back("float16", "1");
    if (o.deflate) parameters.emplace_back("deflate", "1");
    if (o.save_seeds) parameters.emplace_back("save_seeds", "1");
    if (!o.output_seeds.empty()) parameters.emplace_back("output_seeds", "1");
    std::optional<Provenance> provenance;  // fingerprints take a moment: once, and only when they are needed
    const auto asked = [&] {
        if (!provenance) provenance = run.provenance(parameters, inputs.files);
        return io::provenance_core_json(*provenance);
    };

    const TrackOutputOptions output{.path = o.out, .seeds_path = o.output_seeds, .save_seeds = o.save_seeds,
                                    .file = {.properties = fields, .grid = inputs.field.grid, .float16 = o.float16, .compress = o.deflate, .overwrite = run.force}};
    o.track.seed_data = output.need_seeds();
    std::optional<TrackOutput> writer;
    tracking::TrackControl control;
    if (o.resume) {
        const TrackCheckpoint checkpoint = read_checkpoint(o.out);
        if (checkpoint.asked != asked())
            throw InputError(fmt::format("{} belongs to another run (its options or inputs differ); repeat the command as it was, or start again with --force", checkpoint_path(o.out)));
        writer.emplace(output, &checkpoint);
        control.done = checkpoint.summary;
        if (checkpoint.seeds && inputs.dynamic) inputs.go_on_from(*checkpoint.seeds);
        run.say(fmt::format("going on after {} streamlines from {} seeds", checkpoint.summary.accepted, checkpoint.summary.seeds));
    } else {
        writer.emplace(output);
    }

    using Clock = std::chrono::steady_clock;
    auto last = Clock::now();
    bool any_checkpoint = o.resume;
    const auto save = [&](const tracking::TrackSummary& done) {
        TrackCheckpoint checkpoint{.asked = asked(), .writer = {}, .summary = done};
        writer->save(checkpoint);
        if (inputs.dynamic) checkpoint.seeds = inputs.dynamic_state();
        write_checkpoint(o.out, checkpoint);
        any_checkpoint = true;
        last = Clock::now();
    };
    control.stop = [] { return interrupted != 0; };
    control.after_batch = [&](const tracking::TrackSummary& done) {
        if (interrupted || std::chrono::duration<double>(Clock::now() - last).count() >= o.checkpoint_seconds) save(done);
    };
    tracking::TrackSummary summary;
    {
        const CatchInterrupts catching;
        summary = tracking::track(inputs.input, o.track, run.devices(), *writer, run.progress(), control);
        if (interrupted && any_checkpoint)
            throw Error(fmt::format("interrupted after {} streamlines (they are kept beside {}); repeat the command with --resume to go on", summary.accepted, o.out));
        if (interrupted) throw Error("interrupted before the first streamlines were done; nothing is kept, repeat the command");
    }
    print_summary(run, summary);
    if (summary.accepted == 0)
        throw InputError(fmt::format("no streamline was accepted from {} seeds (see the reasons above); check the seeds against the image, or lower --cutoff or --min-length",
                                     summary.seeds));
    if (resolved.select > 0 && summary.accepted < resolved.select)
        run.warn(fmt::format("{} streamlines instead of {}: the limit of {} seeds was reached; raise --seeds", summary.accepted, resolved.select, resolved.seeds));
    writer->commit(summary.started());
    if (any_checkpoint) std::remove(checkpoint_path(o.out).c_str());
    provenance = run.provenance(parameters, inputs.files);
    provenance->results = summary_json(summary);
    io::write_sidecar(o.out, *provenance, run.force);
}

std::string angle_of(const tracking::AlgorithmRow& row) {
    return row.angle > 0 ? fmt::format("{}", row.angle) : fmt::format("{:.3g}", 360 / M_PI * std::asin(row.step));  // of a radius of curvature of half a voxel, for people
}

std::string table_of_algorithms() {
    std::string text = "Algorithms:\n";
    for (const auto& row : tracking::algorithms) text += fmt::format("  {:<12} {} ({})\n", row.name, row.text, row.reference);
    text += "\nDefaults by algorithm: step [voxels], angle [degrees], cutoff, vertices kept\n";
    for (const auto& row : tracking::algorithms)
        text += fmt::format("  {:<12} {:<5} {:<5} {:<4} {}\n", row.name, row.step_rk4 > 0 ? fmt::format("{} ({} with --rk4)", row.step, row.step_rk4) : fmt::format("{}", row.step), angle_of(row), row.cutoff,
                            row.downsample == 1 ? "every" : fmt::format("every {}.", row.downsample));
    return text;
}

}  // namespace

void add_track(CLI::App& root) {
    auto o = std::make_shared<Options>();
    CLI::App& app = add_command(root, "track", "streamlines, by ten algorithms",
                                "Examples:\n"
                                "  arcuate track fod.nii.gz tracks.tck --seed-image mask.nii.gz --select 100000 --seed 1\n"
                                "  arcuate track fod.nii.gz tracks.trx --act 5tt.nii.gz --backtrack --crop --seed-interface gmwmi.nii.gz --select 1M\n"
                                "  arcuate track dwi.nii.gz tracks.trk --algorithm tensor-prob --bval dwi.bval --bvec dwi.bvec --seed-sphere 10,-4,22,3\n\n" +
                                    table_of_algorithms() +
                                    "\nStreamline i depends on --seed, i and the images alone: the same file on any device, for any number of threads, any chunk, and after an\n"
                                    "interruption. Regions and seeds: an image on any grid of the same world, or a ball as x,y,z,radius in mm; most options may be repeated.\n"
                                    "Anatomical constraints: Smith et al. 2012, NeuroImage 62:1924. Dynamic seeds: Smith et al. 2015, NeuroImage 119:338.",
                                [o](Run& run) { body(run, *o); });
    auto& t = o->track;
    app.add_option("FIELD", o->field, "FOD image (even-order spherical harmonics); for tensor-...: the DWI; for fact: peaks, three volumes each; for nulldist...: any image")->required();
    app.add_option("OUT", o->out, "tractogram to write: .tck, .trk or .trx");
    app.add_option("--algorithm", o->algorithm, "see below")->capture_default_str();
    app.add_option("--select", t.select, "streamlines wanted; 0: no limit  [5000, or no limit with --seeds or finite seeds]")->transform(CLI::AsSizeValue(true));
    app.add_option("--seeds", t.seeds, "seeds tried at most; 0: no limit  [1000 x --select, or all finite seeds]")->transform(CLI::AsSizeValue(true));
    app.add_option("--seed", t.seed, "of the random numbers")->capture_default_str();
    app.add_option("--step", t.step, "length of a step [mm]  [by algorithm]");
    app.add_option("--angle", t.angle, "largest change of direction over a step [degrees]  [by algorithm; ptt: of a radius of curvature of half a voxel, whatever the step]");
    app.add_option("--cutoff", t.cutoff, "FOD amplitude, FA or peak length below which tracking ends  [by algorithm; half of it with --act]");
    app.add_option("--min-length", t.min_length, "[mm]  [5 voxels; 2 with --act]");
    app.add_option("--max-length", t.max_length, "[mm]  [100 voxels]");
    app.add_flag("--rk4", t.rk4, "Runge-Kutta 4 instead of straight steps");

    const std::string seeds = "Seeds (give one or more)";
    app.add_option("--seed-image", o->seed_image, "uniform in the voxels above 0")->group(seeds);
    app.add_option("--seed-weighted", o->seed_weighted, "in voxels, in proportion to the image's values (tckgen -seed_rejection)")->group(seeds);
    app.add_option("--seed-sphere", o->seed_sphere, "uniform in a ball x,y,z,radius")->group(seeds);
    app.add_option("--seed-random-per-voxel", o->seed_random, "IMAGE N: N random seeds in each voxel above 0")->expected(2)->group(seeds);
    app.add_option("--seed-grid-per-voxel", o->seed_grid, "IMAGE N: a grid of N x N x N seeds in each voxel above 0")->expected(2)->group(seeds);
    app.add_option("--seed-points", o->seed_points, "text file, one x y z per line [mm]")->group(seeds);
    app.add_option("--seed-interface", o->seed_interface, "on the grey-white interface of --act, from the voxels above 0 of an image that covers it")->group(seeds);
    app.add_option("--seed-dynamic", o->seed_dynamic, "FOD image: where streamlines are missing for its fibre densities; alone")->group(seeds);
    app.add_option("--seed-direction", o->seed_direction, "x,y,z: the first direction of every seed  [random]")->expected(3)->delimiter(',')->group(seeds);
    app.add_option("--seed-cutoff", t.seed_cutoff, "as --cutoff, for the first direction  [--cutoff]")->group(seeds);
    app.add_flag("--seed-unidirectional", t.unidirectional, "track from a seed in one direction only")->group(seeds);

    const std::string regions = "Regions (image or x,y,z,radius; each may be repeated)";
    app.add_option("--mask", o->mask, "streamlines end where they are in none of these")->group(regions);
    app.add_option("--exclude", o->exclude, "streamlines that enter one are rejected")->group(regions);
    app.add_option("--include", o->include, "streamlines must visit each of these")->group(regions);
    app.add_option("--include-ordered", o->include_ordered, "and each of these, in this order; needs --seed-unidirectional")->group(regions);
    app.add_flag("--stop-at-include", o->stop_at_include, "streamlines end once they have visited all of them")->group(regions);

    const std::string anatomy = "Anatomical constraints";
    app.add_option("--act", o->act, "tissue image of five volumes (5ttgen), on any grid of the same world")->group(anatomy);
    app.add_flag("--backtrack", o->backtrack, "cut streamlines back that end where they may not, and try again")->group(anatomy);
    app.add_flag("--crop", o->crop, "end streamlines exactly on the grey-white interface")->group(anatomy);

    const std::string gradients = "Gradient table (tensor-det, tensor-prob)";
    app.add_option("--bval", o->bval, "FSL b-values")->group(gradients);
    app.add_option("--bvec", o->bvec, "FSL directions")->group(gradients);
    app.add_option("--grad", o->grad, "MRtrix's table instead")->group(gradients);

    const std::string output = "Output and long runs";
    app.add_option("--downsample", t.downsample, "keep every n-th vertex, and both ends  [by algorithm]")->group(output);
    app.add_flag("--float16", o->float16, ".trx: positions in half precision (0.06 mm at 128 mm from the origin)")->group(output);
    app.add_flag("--deflate", o->deflate, ".trx: compress its arrays")->group(output);
    app.add_option("--output-seeds", o->output_seeds, "text file to write: of each streamline its number, which of its vertices is the seed, x,y,z, and the seed's number (as tckgen -output_seeds)")
        ->type_name("FILE")
        ->group(output);
    app.add_flag("--save-seeds", o->save_seeds, ".trk, .trx: seed_point [mm] and seed_id, for --explain, with every streamline (in a .trk: millions, and the rest)")->group(output);
    app.add_flag("--resume", o->resume, "go on with an interrupted run: the same command again, the same bytes in the end")->group(output);
    app.add_option("--checkpoint", o->checkpoint_seconds, "seconds between the points that --resume can go on from")->capture_default_str()->group(output);
    app.add_option("--explain", o->explain, "print every step of streamline ID (a seed's number, from 0; of kept ones, --save-seeds and --output-seeds tell it) instead of tracking")->type_name("ID")->group(output);

    const std::string fine = "Fine tuning";
    app.add_option("--samples", t.samples, "ifod2, nulldist2: samples per arc; ptt: per probe; both ends included")->capture_default_str()->group(fine);
    app.add_option("--power", t.power, "exponent of a candidate's probability  [ifod2: 0.25; ifod1, ptt: 1; ptt follows bends more closely with 6]")->group(fine);
    app.add_option("--probe-length", t.probe, "ptt: how far ahead a curve is held against the data [mm]  [a quarter of a voxel]")->group(fine);
    app.add_option("--trials", t.trials, "candidates per step before giving up")->capture_default_str()->group(fine);
    app.add_option("--seed-trials", t.seed_trials, "directions tried per seed")->capture_default_str()->group(fine);
    app.add_option("--chunk", t.chunk, "seeds per launch; does not change the result  [chosen]")->group(fine);
}

}  // namespace arcuate::tools
