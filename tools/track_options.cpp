#include "track_options.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/dwi/tensor.hpp"
#include "arcuate/io/gradients.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/region.hpp"
#include "arcuate/io/tables.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace arcuate::tools {

namespace {

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

std::string angle_of(const tracking::AlgorithmRow& row) {
    return row.angle > 0 ? fmt::format("{}", row.angle) : fmt::format("{:.3g}", 360 / M_PI * std::asin(row.step));  // of a radius of curvature of half a voxel, for people
}

}  // namespace

const char* const field_text = "FOD image (even-order spherical harmonics); for tensor-...: the DWI; for fact: peaks, three volumes each; for nulldist...: any image";

std::string table_of_algorithms() {
    std::string text = "Algorithms:\n";
    for (const auto& row : tracking::algorithms) text += fmt::format("  {:<12} {} ({})\n", row.name, row.text, row.reference);
    text += "\nDefaults by algorithm: step [voxels], angle [degrees], cutoff, vertices kept\n";
    for (const auto& row : tracking::algorithms)
        text += fmt::format("  {:<12} {:<5} {:<5} {:<4} {}\n", row.name, row.step_rk4 > 0 ? fmt::format("{} ({} with --rk4)", row.step, row.step_rk4) : fmt::format("{}", row.step), angle_of(row), row.cutoff,
                            row.downsample == 1 ? "every" : fmt::format("every {}.", row.downsample));
    return text;
}

void add_fod_precision(CLI::App& app, tracking::FodPrecision& precision, const std::string& group) {
    const auto choose = [&precision](const std::string& name) { precision = name == "half" ? tracking::FodPrecision::half : tracking::FodPrecision::single; };
    app.add_option_function<std::string>("--fod-precision", choose, "how ifod2 holds FODs while tracking: single, or half, for half the memory (amplitudes within some 1e-3 of the peak; other bytes)")
        ->check(CLI::IsMember({"single", "half"}))->default_str("single")->type_name("WAY")->group(group);
}

void TrackArguments::add_to(CLI::App& app, const std::string& group) {
    app.add_option("--algorithm", algorithm, "as listed by arcuate track --help")->capture_default_str()->group(group);
    app.add_option("--select", track.select, "streamlines wanted; 0: no limit  [5000, or no limit with --seeds or finite seeds]")->transform(CLI::AsSizeValue(true))->group(group);
    app.add_option("--seeds", track.seeds, "seeds tried at most; 0: no limit  [1000 x --select, or all finite seeds]")->transform(CLI::AsSizeValue(true))->group(group);
    app.add_option("--seed", track.seed, "of the random numbers")->capture_default_str()->group(group);
    app.add_option("--step", track.step, "length of a step [mm]  [by algorithm]")->group(group);
    app.add_option("--angle", track.angle, "largest change of direction over a step [degrees]  [by algorithm; ptt: of a radius of curvature of half a voxel, whatever the step]")->group(group);
    app.add_option("--cutoff", track.cutoff, "FOD amplitude, FA or peak length below which tracking ends  [by algorithm; half of it with --act]")->group(group);
    app.add_option("--min-length", track.min_length, "[mm]  [5 voxels; 2 with --act]")->group(group);
    app.add_option("--max-length", track.max_length, "[mm]  [100 voxels]")->group(group);
    app.add_flag("--rk4", track.rk4, "Runge-Kutta 4 instead of straight steps")->group(group);

    /// One argument each time, so that inputs and outputs may follow.
    const auto repeatable = [&](const char* name, std::vector<std::string>& to, const char* text) { return app.add_option(name, to, text)->allow_extra_args(false); };
    const std::string seeds = "Seeds (give one or more)";
    repeatable("--seed-image", seed_image, "uniform in the voxels above 0")->group(seeds);
    repeatable("--seed-weighted", seed_weighted, "in voxels, in proportion to the image's values (tckgen -seed_rejection)")->group(seeds);
    repeatable("--seed-sphere", seed_sphere, "uniform in a ball x,y,z,radius")->group(seeds);
    app.add_option("--seed-random-per-voxel", seed_random, "IMAGE N: N random seeds in each voxel above 0")->expected(2)->group(seeds);
    app.add_option("--seed-grid-per-voxel", seed_grid, "IMAGE N: a grid of N x N x N seeds in each voxel above 0")->expected(2)->group(seeds);
    repeatable("--seed-points", seed_points, "text file, one x y z per line [mm]")->group(seeds);
    repeatable("--seed-interface", seed_interface, "on the grey-white interface of --act, from the voxels above 0 of an image that covers it")->group(seeds);
    app.add_option("--seed-dynamic", seed_dynamic, "FOD image: where streamlines are missing for its fibre densities; alone")->group(seeds);
    app.add_option("--seed-direction", seed_direction, "x,y,z: the first direction of every seed  [random]")->expected(3)->delimiter(',')->group(seeds);
    app.add_option("--seed-cutoff", track.seed_cutoff, "as --cutoff, for the first direction  [--cutoff]")->group(seeds);
    app.add_flag("--seed-unidirectional", track.unidirectional, "track from a seed in one direction only")->group(seeds);

    const std::string regions = "Regions (image or x,y,z,radius; each may be repeated)";
    repeatable("--mask", mask, "streamlines end where they are in none of these")->group(regions);
    repeatable("--exclude", exclude, "streamlines that enter one are rejected")->group(regions);
    repeatable("--include", include, "streamlines must visit each of these")->group(regions);
    repeatable("--include-ordered", include_ordered, "and each of these, in this order; needs --seed-unidirectional")->group(regions);
    app.add_flag("--stop-at-include", stop_at_include, "streamlines end once they have visited all of them")->group(regions);

    const std::string anatomy = "Anatomical constraints";
    app.add_option("--act", act, "tissue image of five volumes (5ttgen), on any grid of the same world")->group(anatomy);
    app.add_flag("--backtrack", backtrack, "cut streamlines back that end where they may not, and try again")->group(anatomy);
    app.add_flag("--crop", crop, "end streamlines exactly on the grey-white interface")->group(anatomy);

    const std::string gradients = "Gradient table (tensor-det, tensor-prob)";
    app.add_option("--bval", bval, "FSL b-values")->group(gradients);
    app.add_option("--bvec", bvec, "FSL directions")->group(gradients);
    app.add_option("--grad", grad, "MRtrix's table instead")->group(gradients);

    const std::string fine = "Fine tuning";
    app.add_option("--samples", track.samples, "ifod2, nulldist2: samples per arc; ptt: per probe; both ends included")->capture_default_str()->group(fine);
    app.add_option("--power", track.power, "exponent of a candidate's probability  [ifod2: 0.25; ifod1, ptt: 1; ptt follows bends more closely with 6]")->group(fine);
    app.add_option("--probe-length", track.probe, "ptt: how far ahead a curve is held against the data [mm]  [a quarter of a voxel]")->group(fine);
    app.add_option("--trials", track.trials, "candidates per step before giving up")->capture_default_str()->group(fine);
    app.add_option("--seed-trials", track.seed_trials, "directions tried per seed  [1000; sd, which climbs from each to a peak: 100]")->group(fine);
    app.add_option("--downsample", track.downsample, "keep every n-th vertex, and both ends  [by algorithm]")->group(fine);
    add_fod_precision(app, track.fod_precision, fine);
}

void TrackArguments::complete() {
    track.algorithm = tracking::algorithm_named(algorithm).id;
    if (!seed_direction.empty()) track.direction = {seed_direction[0], seed_direction[1], seed_direction[2]};
}

TrackInputs::TrackInputs(const TrackArguments& o, Run& run) : field((run.reading(o.field), io::read_image(o.field))) {
    add("field", o.field);
    read_seeds(o);
    if (!o.seed_dynamic.empty()) segment(o.seed_dynamic, o.field, run);
    read_regions(o);
    if (!o.act.empty()) input.anatomy = {io::read_image(used("act", o.act)), o.backtrack, o.crop};
    else if (o.backtrack || o.crop) throw InputError("--backtrack and --crop belong to anatomically constrained tracking (no tissues are given); add --act 5TT");
    if (tracking::row_of(o.track.algorithm).field == tracking::FieldKind::signal) read_gradients(o);
    else if (!(o.bval + o.bvec + o.grad).empty()) throw InputError(fmt::format("--algorithm {} has no use for a gradient table (it does not walk on the signal); leave it out", o.algorithm));
}

void TrackInputs::go_on_from(const SeedState& s) {
    dynamic->state = s.seeds;
    density->go_on_from(s.density_sums);
}

const std::string& TrackInputs::used(const std::string& role, const std::string& path) {
    add(role, path);
    return path;
}

void TrackInputs::segment(const std::string& path, const std::string& field_path, Run& run) {
    const bool same = path == field_path;
    const ScalarImage other = same ? ScalarImage{} : io::read_image(path);
    add("seed_dynamic", path);
    fixels_ = dwi::segment_fods(same ? field : other, {.refine_peaks = false}, run.devices().front(), run.progress());
    density = std::make_unique<weights::FixelLengths>(fixels_, run.devices().front(), 1 << 15, 0);
    dynamic = std::make_unique<tracking::DynamicSeeds>(fixels_, *density, [this] { return density->track_density(); });
    input.seeds.push_back({.kind = tracking::Seeds::Kind::dynamic, .name = path, .dynamic = dynamic.get()});
}

void TrackInputs::read_seeds(const TrackArguments& o) {
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

std::int64_t TrackInputs::count_of(const std::string& text, const char* option) {
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    if (const auto [at, error] = std::from_chars(text.data(), end, number); error != std::errc{} || at != end || number < 1)
        throw InputError(fmt::format("{} takes an image and a number of seeds, not '{}'; give a whole number above 0", option, text));
    places.emplace_back(option, text);
    return number;
}

void TrackInputs::read_regions(const TrackArguments& o) {
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

void TrackInputs::read_gradients(const TrackArguments& o) {
    if (o.grad.empty() && (o.bval.empty() || o.bvec.empty()))
        throw InputError(fmt::format("--algorithm {} walks on the diffusion-weighted signal (its gradient table is missing); give --bval and --bvec, or --grad", o.algorithm));
    const auto table = o.grad.empty() ? io::read_fsl_gradients(used("bval", o.bval), used("bvec", o.bvec), field.grid, field.volumes)
                                      : io::read_mrtrix_gradients(used("grad", o.grad), field.volumes);
    model_ = dwi::tensor_model(table);
    input.tensor = &model_;
}

std::vector<std::pair<std::string, std::string>> track_parameters(const TrackArguments& o, const TrackInputs& inputs) {
    const auto fields = tracking::header_fields(tracking::resolve(o.track, inputs.input));
    std::vector<std::pair<std::string, std::string>> parameters{{"algorithm", o.algorithm}};
    parameters.insert(parameters.end(), fields.begin(), fields.end());
    parameters.insert(parameters.end(), inputs.places.begin(), inputs.places.end());
    if (!o.seed_direction.empty()) parameters.emplace_back("seed_direction", fmt::format("{}", fmt::join(o.seed_direction, ",")));
    if (o.stop_at_include) parameters.emplace_back("stop_at_include", "1");
    if (o.backtrack) parameters.emplace_back("backtrack", "1");
    if (o.crop) parameters.emplace_back("crop", "1");
    return parameters;
}

void report_tracking(const Run& run, const tracking::TrackSummary& summary, const tracking::TrackOptions& resolved) {
    print_summary(run, summary);
    if (summary.accepted == 0)
        throw InputError(fmt::format("no streamline was accepted from {} seeds (see the reasons above); check the seeds against the image, or lower --cutoff or --min-length",
                                     summary.seeds));
    if (resolved.select > 0 && summary.accepted < resolved.select && summary.seeds >= resolved.seeds && resolved.seeds > 0)
        run.warn(fmt::format("{} streamlines instead of {}: the limit of {} seeds was reached; raise --seeds", summary.accepted, resolved.select, resolved.seeds));
}

}  // namespace arcuate::tools
