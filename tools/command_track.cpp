// arcuate track: streamlines.
#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"
#include "track_options.hpp"
#include "track_output.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <filesystem>

namespace arcuate::tools {

namespace {

struct Options {
    TrackArguments how;
    std::string out;
    bool float16 = false, deflate = false;
    std::string output_seeds;
    bool save_seeds = false;
    bool resume = false;
    double checkpoint_seconds = 10;
    std::int64_t explain = -1;
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
    o.how.complete();
    if (o.explain >= 0) {
        const TrackInputs inputs(o.how, run);
        print_explanation(tracking::explain(inputs.input, o.how.track, run.devices().front(), o.explain), o.explain);
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
    TrackInputs inputs(o.how, run);
    const auto resolved = tracking::resolve(o.how.track, inputs.input);
    const auto fields = tracking::header_fields(resolved);
    auto parameters = track_parameters(o.how, inputs);
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
    o.how.track.seed_data = output.need_seeds();
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
        summary = tracking::track(inputs.input, o.how.track, run.devices(), *writer, run.progress(), control);
        if (interrupted && any_checkpoint)
            throw Error(fmt::format("interrupted after {} streamlines (they are kept beside {}); repeat the command with --resume to go on", summary.accepted, o.out));
        if (interrupted) throw Error("interrupted before the first streamlines were done; nothing is kept, repeat the command");
    }
    report_tracking(run, summary, resolved);
    writer->commit(summary.started());
    if (any_checkpoint) std::remove(checkpoint_path(o.out).c_str());
    provenance = run.provenance(parameters, inputs.files);
    provenance->results = summary_json(summary);
    io::write_sidecar(o.out, *provenance, run.force);
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
    app.add_option("FIELD", o->how.field, field_text)->required();
    app.add_option("OUT", o->out, "tractogram to write: .tck, .trk or .trx");
    o->how.add_to(app, "Options");
    app.add_option("--chunk", o->how.track.chunk, "seeds per launch; does not change the result  [chosen]")->group("Fine tuning");

    const std::string output = "Output and long runs";
    app.add_flag("--float16", o->float16, ".trx: positions in half precision (0.06 mm at 128 mm from the origin)")->group(output);
    app.add_flag("--deflate", o->deflate, ".trx: compress its arrays")->group(output);
    app.add_option("--output-seeds", o->output_seeds, "text file to write: of each streamline its number, which of its vertices is the seed, x,y,z, and the seed's number (as tckgen -output_seeds)")
        ->type_name("FILE")
        ->group(output);
    app.add_flag("--save-seeds", o->save_seeds, ".trk, .trx: seed_point [mm] and seed_id, for --explain, with every streamline (in a .trk: millions, and the rest)")->group(output);
    app.add_flag("--resume", o->resume, "go on with an interrupted run: the same command again, the same bytes in the end")->group(output);
    app.add_option("--checkpoint", o->checkpoint_seconds, "seconds between the points that --resume can go on from")->capture_default_str()->group(output);
    app.add_option("--explain", o->explain, "print every step of streamline ID (a seed's number, from 0; of kept ones, --save-seeds and --output-seeds tell it) instead of tracking")->type_name("ID")->group(output);
}

}  // namespace arcuate::tools
