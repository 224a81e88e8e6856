// arcuate connectome: streamlines and parcellations -> region-to-region matrices.
#include "arcuate/connectome/build.hpp"
#include "arcuate/connectome/quality.hpp"
#include "arcuate/core/error.hpp"
#include "arcuate/dwi/fixels.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/tables.hpp"
#include "arcuate/io/tractogram.hpp"
#include "arcuate/study/bids.hpp"
#include "arcuate/weights/sift2.hpp"
#include "arcuate/weights/voxel_tissues.hpp"
#include "track_options.hpp"
#include "tract_output.hpp"
#include "until_sure.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace arcuate::tools {

namespace {

namespace fs = std::filesystem;

struct Options {
    std::string tracks, weights, mu, assignment = "radial-search";
    TrackArguments how;               ///< `field` is empty unless it tracks itself
    UntilSureOptions until;
    std::vector<const CLI::Option*> of_tracking;  ///< that --from-fod alone has a use for
    std::vector<std::string> places;  ///< PARCELLATION OUT, PARCELLATION OUT, ...
    std::vector<std::string> names, scalars, peaks, values, metrics, assignments, node_tables;
    connectome::ConnectomeOptions build;
    std::int64_t sift2_memory = -1;
    bool sift2 = false, errors = false, mrtrix = false, symmetric = false, keep_unassigned = false;

    bool tracks_itself() const { return !how.field.empty(); }
    const std::string& source() const { return tracks_itself() ? how.field : tracks; }
};

/// One parcellation and what is written of it.
struct Job {
    std::string parcellation, output, extension, assignments, nodes;
    bool whole = false;  ///< all metrics in one file
    bool many() const { return output.find("{metric}") != std::string::npos; }
    std::string path(const std::string& metric) const {
        std::string path = output;
        if (const auto at = path.find("{metric}"); at != std::string::npos) path.replace(at, 8, metric);
        return path;
    }
};

std::vector<Job> jobs_of(const Options& o) {
    if (o.places.size() % 2)
        throw InputError(fmt::format("{} has no output (parcellations and outputs come in pairs); write PARCELLATION OUT [PARCELLATION OUT]...", o.places.back()));
    std::vector<Job> jobs;
    for (std::size_t i = 0; i < o.places.size(); i += 2) {
        Job job{.parcellation = o.places[i], .output = o.places[i + 1], .extension = fs::path(o.places[i + 1]).extension().string(), .assignments = {}, .nodes = {}, .whole = false};
        if (const auto& e = job.extension; e != ".h5" && e != ".tsv" && e != ".csv" && e != ".graphml" && e != ".jcon")
            throw InputError(fmt::format("cannot tell the format of {} (it ends in none of .h5, .tsv, .csv, .graphml, .jcon); choose one of these", job.output));
        if (o.build.vector && job.extension != ".tsv" && job.extension != ".csv") throw InputError(fmt::format("--vector makes a table of regions ({} is for matrices); write a .tsv or .csv", job.output));
        job.whole = o.build.vector ? !o.mrtrix : job.extension == ".h5" || job.extension == ".graphml";
        if (job.whole && job.many()) throw InputError(fmt::format("{} holds all metrics; leave out {{metric}}", job.output));
        jobs.push_back(job);
    }
    const auto hand_out = [&](const char* option, const std::vector<std::string>& files, std::string Job::* to) {
        if (files.empty()) return;
        if (files.size() != jobs.size()) throw InputError(fmt::format("{} was given {} times for {} parcellations; give it once for each, in their order", option, files.size(), jobs.size()));
        for (std::size_t j = 0; j < jobs.size(); ++j) jobs[j].*to = files[j];
    };
    hand_out("--out-assignments", o.assignments, &Job::assignments);
    hand_out("--out-nodes", o.node_tables, &Job::nodes);
    return jobs;
}

/// One line per streamline: its labels, 0 for none. What connectome2tck reads.
std::string assignment_lines(const connectome::Assignments& a) {
    std::string text;
    for (std::size_t s = 0; s + 1 < a.offsets.size(); ++s) {
        if (a.offsets[s] == a.offsets[s + 1]) text += '0';
        for (auto i = a.offsets[s]; i < a.offsets[s + 1]; ++i) text += fmt::format("{}{}", i > a.offsets[s] ? " " : "", a.labels[i]);
        text += '\n';
    }
    return text;
}

/// Of each streamline one.
std::vector<float> read_values(const std::string& path) {
    std::vector<float> out;
    for (const auto& row : io::read_numbers(path))
        for (const double value : row) out.push_back(static_cast<float>(value));
    return out;
}

double read_mu(const std::string& path) {
    const auto rows = io::read_numbers(path);
    if (rows.size() != 1 || rows[0].size() != 1 || !(rows[0][0] > 0)) throw InputError(fmt::format("{} does not hold one number above 0 (mu is one); give the file of --out-mu", path));
    return rows[0][0];
}

/// NAME=FILE, as the option's texts say. `name` where there is none, if that may be.
std::pair<std::string, std::string> named_file(const std::string& option, const std::string& text, const std::string& example, const std::string& name = {}) {
    const auto equals = text.find('=');
    if (equals == std::string::npos && !name.empty()) return {name, text};
    if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) throw InputError(fmt::format("{} {} is not {}", option, text, example));
    return {text.substr(0, equals), text.substr(equals + 1)};
}

/// Metrics that the user named, "all" being every usual one.
std::vector<std::string> metrics_of(const Options& o, const std::vector<connectome::ScalarMap>& maps) {
    std::vector<std::string> names;
    for (const auto& name : o.metrics) {
        if (name != "all") names.push_back(name);
        else
            for (const auto& usual : connectome::metric_names(maps, !o.weights.empty() || o.sift2, true, o.build.mu, o.build.values)) names.push_back(usual);
    }
    return names;
}

/// What goes into files of one metric each: the metrics that were named, and where asked for their errors.
std::vector<std::string> tables_of(const Options& o, const Connectome& empty) {
    std::vector<std::string> names;
    for (const auto& name : o.build.metrics.empty() ? std::vector<std::string>{"count"} : o.build.metrics) {
        names.push_back(name);
        for (const auto& metric : empty.metrics)
            if (o.errors && metric.error_of == name) names.push_back(metric.name);
    }
    return names;
}

void write_matrices(const Run& run, const Options& o, const Job& job, const Connectome& connectome, const std::vector<std::string>& metrics, const Provenance& provenance) {
    if (job.whole && connectome.vector) {
        io::write_vector(job.output, connectome, run.force);
    } else if (job.extension == ".h5") {
        io::write_connectome(job.output, connectome, provenance, run.force);
    } else if (job.extension == ".graphml") {
        io::write_graphml(job.output, connectome, run.force);
    } else {
        std::vector<std::string> names;
        for (const auto& node : connectome.nodes) names.push_back(node.name);
        for (const auto& name : metrics) {
            const auto path = job.path(name);
            const auto& matrix = connectome.metric(name).matrix;
            if (job.extension == ".jcon") io::write_niivue(path, connectome, name, run.force);
            else if (connectome.vector) io::write_mrtrix_vector(path, connectome.nodes, matrix, run.force);
            else if (o.mrtrix) io::write_mrtrix_matrix(path, connectome.nodes, matrix, o.symmetric, run.force);
            else io::write_matrix(path, names, matrix, run.force);
            io::write_sidecar(path, provenance, run.force);
        }
        return;
    }
    io::write_sidecar(job.output, provenance, run.force);
}

using Named = std::vector<std::pair<std::string, std::string>>;

std::vector<connectome::ScalarMap> read_maps(const Options& o, Named& inputs) {
    std::vector<connectome::ScalarMap> maps;
    for (const auto& scalar : o.scalars) {
        const auto [name, path] = named_file("--scalar", scalar, "NAME=MAP; write for instance --scalar fa=fa.nii.gz");
        maps.push_back({name, "", io::read_image(path)});
        inputs.emplace_back("scalar " + name, path);
    }
    for (const auto& peaks : o.peaks) {
        const auto [name, path] = named_file("--peaks", peaks, "IMAGE or NAME=IMAGE; write for instance --peaks v1=v1.nii.gz", "coherence");
        maps.push_back({name, "", io::read_image(path), true});
        inputs.emplace_back("peaks " + name, path);
    }
    return maps;
}

void read_values_of_streamlines(Options& o, Named& inputs) {
    if (!o.weights.empty()) {
        o.build.weights = read_values(o.weights);
        inputs.emplace_back("weights", o.weights);
        if (!o.mu.empty()) {
            o.build.mu = read_mu(o.mu);
            inputs.emplace_back("mu", o.mu);
        }
    }
    for (const auto& values : o.values) {
        const auto [name, path] = named_file("--scale-file", values, "NAME=FILE; write for instance --scale-file myelin=myelin.txt");
        o.build.values.push_back({name, read_values(path)});
        inputs.emplace_back("scale " + name, path);
    }
}

std::vector<Parcellation> read_parcellations(const Run& run, const Options& o, const std::vector<Job>& jobs, Named& inputs) {
    std::vector<Parcellation> parcellations;
    for (const auto& job : jobs) {
        auto& parcellation = parcellations.emplace_back(io::read_parcellation(job.parcellation));
        inputs.emplace_back("parcellation", job.parcellation);
        if (parcellation.percent) run.say(fmt::format("{}: shares in percent", job.parcellation));
        auto tables = o.names;
        if (const auto beside = study::find_names(job.parcellation); tables.empty() && !beside.empty()) tables.push_back(beside);
        if (!tables.empty()) io::read_node_names(tables, parcellation);
        for (const auto& table : tables) inputs.emplace_back("names", table);
    }
    return parcellations;
}

/// Throws where an output is in another's place or may not be written.
void check_outputs(const Run& run, const std::vector<Job>& jobs, const std::vector<std::string>& metrics) {
    std::vector<std::string> outputs;
    for (const auto& job : jobs) {
        if (!job.whole && !job.many() && metrics.size() > 1)
            throw InputError(fmt::format("{} holds one metric and {} were asked for; write {{metric}} into its name for one file each, or choose .h5", job.output, metrics.size()));
        for (const auto& name : metrics)
            if (!job.whole) outputs.insert(outputs.end(), {job.path(name), io::sidecar_path(job.path(name))});
        if (job.whole) outputs.insert(outputs.end(), {job.output, io::sidecar_path(job.output)});
        for (const auto& path : {job.assignments, job.nodes})
            if (!path.empty()) outputs.push_back(path);
    }
    auto sorted = outputs;
    std::sort(sorted.begin(), sorted.end());
    if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end())
        throw InputError(fmt::format("{} would be written twice (the sidecar of an output is called as it is); give every output a name of its own", *twice));
    run.require_writable(outputs);
}

void read_tracks(Run& run, const Options& o, connectome::ConnectomeBuilder& builder) {
    run.progress().begin("connectome", 0, "streamlines");
    Counted counted(builder, run.progress());
    io::stream_tractogram(o.tracks, counted);
    run.progress().end();
    const auto n = builder.connectome().streamlines;
    const auto require = [&](const std::string& file, std::size_t there) {
        if (n != static_cast<std::int64_t>(there))
            throw InputError(fmt::format("{} has {} values and {} has {} streamlines (each streamline needs one); give the file of this tractogram", file, there, o.tracks, n));
    };
    if (!o.weights.empty()) require(o.weights, o.build.weights.size());
    for (std::size_t v = 0; v < o.values.size(); ++v) require(o.values[v], o.build.values[v].values.size());
}

/// SIFT2's weights of the streamlines to be, which are tracked for it once more, and once in every iteration where there is no room for their lengths.
void weigh_tracks(Run& run, Options& o, TrackInputs& inputs) {
    if (tracking::row_of(o.how.track.algorithm).field != tracking::FieldKind::fod) throw InputError(fmt::format("--sift2 weighs by FODs (--algorithm {} walks on none); track to a file and use arcuate weights", o.how.algorithm));
    if (inputs.dynamic) throw InputError("--sift2 tracks the same streamlines twice (dynamic seeds change as they go); track to a file and use arcuate weights");
    const auto device = run.device().with_own_stream(Priority::high);  // what is tracked already goes before what is still to be tracked
    const auto fixels = dwi::segment_fods(inputs.field, {.refine_peaks = false}, device, run.progress());
    weights::Sift2Options sift2;
    if (inputs.input.anatomy) sift2.voxel_weights = weights::voxel_tissues(inputs.input.anatomy->tissues, fixels.grid, device).weight;
    weights::FixelLengths lengths(fixels, device, 1 << 15, o.sift2_memory >= 0 ? o.sift2_memory : device.free_memory() / 2);
    const auto track = [&](StreamlineSink& sink) { return tracking::track(inputs.input, o.how.track, run.devices(), sink, run.progress()); };
    if (const auto summary = track(lengths); summary.accepted == 0) report_tracking(run, summary, tracking::resolve(o.how.track, inputs.input));  // says why
    const weights::StreamlineSource source = track;
    const auto result = weights::sift2(fixels, lengths, sift2, device, run.progress(), source);
    o.build.weights = result.weights();
    o.build.mu = result.mu;
    run.say(fmt::format("SIFT2: {} streamlines, {} fixels, mu {:.6g}; cost {:.6g} -> {:.6g} in {} iterations", lengths.streamlines(), fixels.size(), result.mu, result.iterations.front().cost(),
                        result.iterations.back().cost(), result.iterations.size() - 1));
}

/// Tracks into the builder; what came out, as JSON.
std::string make_tracks(Run& run, const Options& o, TrackInputs& inputs, connectome::ConnectomeBuilder& builder, UntilSure* until) {
    tracking::TrackControl control;
    if (until) until->attach_to(control);
    const auto summary = tracking::track(inputs.input, o.how.track, run.devices(), builder, run.progress(), control);
    report_tracking(run, summary, tracking::resolve(o.how.track, inputs.input));
    auto results = nlohmann::ordered_json::parse(summary_json(summary));
    if (until) {
        until->report(run);
        results["until_sure"] = nlohmann::ordered_json::parse(until->json());
    }
    return results.dump();
}

/// The tracking options with what --from-fod adds to them.
void complete_tracking(Options& o) {
    o.how.complete();
    if (o.until.cv > 0 && o.how.track.select < 0 && o.how.track.seeds < 0) o.how.track.select = 10'000'000;
    o.build.errors = o.build.errors || o.until.cv > 0;
}

void warn_about_errors(const Run& run, const TrackInputs& inputs) {
    for (const auto& seeds : inputs.input.seeds)
        if (seeds.finite() || seeds.dynamic)
            return run.warn("sampling errors are those of streamlines that are drawn independently, which seeds at given places, so many per voxel, and dynamic ones are not");
}

std::string summary(const Job& job, const Connectome& result, std::size_t regions, std::int64_t edges) {
    const auto rest = result.streamlines - result.assigned - result.half_assigned;
    if (result.vector) return fmt::format("{}: {} streamlines, {} end in a region, {} in none; {} regions, {} reached", job.parcellation, result.streamlines, result.assigned, rest, regions, edges);
    return fmt::format("{}: {} streamlines, {} with a region at both ends, {} at one, {} at none; {} regions, {} edges", job.parcellation, result.streamlines, result.assigned, result.half_assigned, rest,
                       regions, edges);
}

void run_connectome(Run& run, Options& o) {
    if (o.tracks_itself() && !o.tracks.empty()) o.places.insert(o.places.begin(), std::exchange(o.tracks, {}));  // the first in place is no tractogram
    const auto jobs = jobs_of(o);
    for (const auto& row : connectome::assignment_names)
        if (o.assignment == row.name) o.build.assignment = row.way;
    if (jobs.size() > 1 && !o.names.empty()) throw InputError("--names goes with one parcellation; put a table of the same name (.tsv) beside each of several");
    if ((o.symmetric && !o.mrtrix)) throw InputError("--symmetric goes with --mrtrix (every other output is symmetric); leave it out or add --mrtrix");

    for (const auto* option : o.of_tracking)
        if (!o.tracks_itself() && option->count() > 0)
            throw InputError(fmt::format("{} belongs to tracking, and {} is there already; leave it out, or track with --from-fod", option->get_name(), o.tracks));

    Named inputs;
    std::optional<TrackInputs> track_inputs;
    std::vector<std::pair<std::string, std::string>> parameters{{"assignment", o.assignment}};
    o.build.errors = o.errors;
    if (o.tracks_itself()) {
        complete_tracking(o);
        track_inputs.emplace(o.how, run);
        run.devices();  // all of them track, the first one accumulates
        inputs = track_inputs->files;
        for (auto& parameter : track_parameters(o.how, *track_inputs)) parameters.push_back(std::move(parameter));
        if (o.build.errors) warn_about_errors(run, *track_inputs);
    } else {
        inputs.emplace_back("tracks", o.tracks);
        run.reading(o.tracks);
    }
    if (o.sift2) {
        weigh_tracks(run, o, *track_inputs);
        parameters.emplace_back("sift2", "true");
        parameters.emplace_back("mu", io::number(o.build.mu));
    }
    const auto maps = read_maps(o, inputs);
    read_values_of_streamlines(o, inputs);
    o.build.metrics = metrics_of(o, maps);
    const auto parcellations = read_parcellations(run, o, jobs, inputs);

    o.build.keep_assignments = !o.assignments.empty();
    // What is tracked already goes before what is still to be tracked.
    connectome::ConnectomeBuilder builder(parcellations, maps, o.build, o.tracks_itself() ? run.device().with_own_stream(Priority::high) : run.device());
    const auto metrics = tables_of(o, builder.connectome());
    check_outputs(run, jobs, metrics);
    std::optional<UntilSure> until;
    if (o.until.cv > 0) until.emplace(o.until, builder, jobs.size());

    std::string results;
    if (o.tracks_itself()) results = make_tracks(run, o, *track_inputs, builder, until ? &*until : nullptr);
    else read_tracks(run, o, builder);
    std::vector<connectome::Quality> quality;  // of all, before the first output
    for (std::size_t j = 0; j < jobs.size(); ++j) quality.push_back(connectome::check_quality(builder.connectome(j), o.source(), jobs[j].parcellation));

    const bool searches = o.build.assignment == connectome::Assignment::radial_search || o.build.assignment == connectome::Assignment::reverse_search ||
                          o.build.assignment == connectome::Assignment::forward_search;
    if (searches) parameters.emplace_back("search_mm", io::number(o.build.search_mm));
    if (!maps.empty()) parameters.emplace_back("precise", o.build.precise ? "true" : "false");
    if (o.build.vector) parameters.emplace_back("vector", "true");
    parameters.emplace_back("zero_diagonal", o.build.zero_diagonal ? "true" : "false");
    if (o.build.errors) parameters.emplace_back("errors", "true");
    if (until) parameters.emplace_back("until", until->asked());
    auto provenance = run.provenance(std::move(parameters), inputs);
    provenance.results = results;
    for (std::size_t j = 0; j < jobs.size(); ++j) {
        const auto& job = jobs[j];
        const auto result = builder.connectome(j, o.keep_unassigned);
        write_matrices(run, o, job, result, metrics, provenance);
        if (!job.assignments.empty()) io::write_text(job.assignments, assignment_lines(builder.assignments(j)), run.force);
        const auto& grid = parcellations[j].labels.grid;
        if (!job.nodes.empty()) io::write_node_table(job.nodes, parcellations[j].nodes, std::fabs(determinant(grid.voxel_to_world)), run.force);
        run.say(summary(job, result, parcellations[j].nodes.size(), quality[j].edges));
        for (const auto& warning : quality[j].warnings) run.warn(warning);
    }
}

}  // namespace

void add_connectome(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "connectome", "streamlines and parcellations -> region-to-region matrices",
                            "Several parcellations are done in one pass over the streamlines, each with an output of its own. OUT is an .h5 (all metrics) or .graphml (all metrics, for networkx, igraph,\n"
                            "Gephi), or a .tsv, .csv or .jcon (NiiVue) of one metric, or of each of several where its name holds {metric}.\n\n"
                            "--assign, as in MRtrix3's tck2connectome:\n"
                            "  radial-search   each end: the region of the nearest labelled voxel centre closer than --search\n"
                            "  end-voxels      each end: the region of its voxel\n"
                            "  reverse-search  from each end inwards the first vertex in a region, for --search at most (0: to the middle)\n"
                            "  forward-search  beyond each end, within 45 degrees of its direction and --search\n"
                            "  all-voxels      every region with a vertex in it, in all pairs\n\n"
                            "A parcellation of several volumes is soft: volume k holds the probability, or share, of region k in each voxel (0 to 1, or whole percent; together at most 1). An end then\n"
                            "belongs to every region of the voxel that it finds; a streamline counts in the edge of k and l as probable as that is, p_k q_l + p_l q_k of its ends' shares p and q. Not with\n"
                            "all-voxels. --out-assignments has the largest shares. A region's index, in --names, is the number of its volume, from 1.\n\n"
                            "--metric:\n"
                            "  count           streamlines\n"
                            "  weight          sum of --weights, which all that follow are weighted by\n"
                            "  fibre_bundle_capacity  weight x --mu [1/mm]: what compares between sessions and subjects\n"
                            "  mean_length     [mm]\n"
                            "  inverse_length  sum of 1 / length [1/mm]\n"
                            "  inverse_volume  sum of 2 / (V1 + V2), V a region's voxels\n"
                            "  density         sum of 2 / (length (V1 + V2))\n"
                            "  mean_M, median_M, min_M, max_M   mean over streamlines of the mean, median, least and greatest value of --scalar M along each\n"
                            "  coherence       mean over streamlines of the length-weighted mean of |cos| between each and the best aligned of --peaks in its voxel\n"
                            "  coherence_spread   and of the standard deviation of that along each\n"
                            "  mean_V          mean over streamlines of the values V of --scale-file\n"
                            "  all             all of these\n"
                            "sum_, mean_, sd_, min_ or max_ in front combine streamlines in another way: sum_length, mean_inverse_length, max_mean_M, sd_coherence. A mean over no streamline is n/a.\n"
                            "mean_V_length, V_inverse_length, V_inverse_volume, V_density: the same times each streamline's value V.\n"
                            "--errors adds to each of them but extremes and standard deviations M_sampling_se: the standard error that follows from the finite number of streamlines, as if each were drawn independently.\n"
                            "docs/connectome_hdf5.md makes 95% intervals of it. The noise of the data is not in it.\n\n"
                            "--from-fod tracks and makes edges of the streamlines at once, without a tractogram: the same numbers as from the .tck that `arcuate track` would write with these options.\n"
                            "--sift2 weighs them without a tractogram, too: the same numbers as by way of `arcuate weights`.\n"
                            "--until-cv: a count's error is below 0.05 from some 400 streamlines on. Rare edges keep appearing, so name those that matter (--for-edges) or be content with a lower\n"
                            "--until-share: of 84 regions and 10M streamlines of a whole brain a third.\n\n"
                            "Examples:\n  arcuate connectome tracks.tck parcels_dseg.nii.gz connectome.h5 --scalar fa=fa.nii.gz --scalar md=md.nii.gz\n"
                            "  arcuate connectome tracks.tck aal.nii.gz aal_{metric}.csv dk.nii.gz dk_{metric}.csv --metric all --weights sift2.txt\n"
                            "  arcuate connectome --from-fod fod.nii.gz --seed-image mask.nii.gz --mask mask.nii.gz --select 1M --errors parcels_dseg.nii.gz connectome.h5\n"
                            "  arcuate connectome --from-fod fod.nii.gz --seed-image mask.nii.gz --select 1M --sift2 parcels_dseg.nii.gz connectome.h5 --scalar fa=fa.nii.gz\n"
                            "  arcuate connectome --from-fod fod.nii.gz --seed-image mask.nii.gz --until-cv 0.05 --for-edges 8-49,3-44 parcels_dseg.nii.gz connectome.h5\n"
                            "  arcuate connectome tracks.tck atlas_probseg.nii.gz connectome.h5 --peaks v1.nii.gz --metric coherence --metric sd_coherence\n"
                            "  arcuate connectome from_seed.tck parcels_dseg.nii.gz fingerprint.tsv --vector --metric all\n\n"
                            "Algorithms and their defaults: arcuate track --help\n\n"
                            "References: Smith, Tournier, Calamante & Connelly 2015, NeuroImage 104:253; Hagmann et al. 2008, PLoS Biology 6:e159 (density)",
                            [o](Run& run) { run_connectome(run, *o); });
    app.add_option("tracks", o->tracks, "streamlines: .tck, .trk, .trk.gz or .trx; not with --from-fod")->required()->type_name("TRACKS");
    app.add_option("parcellation_out", o->places, "label image, 0 background, regions from 1 to 65535, or volumes of probabilities, on any grid of the same world frame; and its output. Any number of such pairs")
        ->required()
        ->type_name("PARCELLATION OUT")
        ->expected(1, 1000);
    const auto repeatable = [&](const char* name, std::vector<std::string>& to, const char* text, const char* type) {
        return app.add_option(name, to, text)->type_name(type)->allow_extra_args(false);
    };
    std::vector<std::string> ways;
    for (const auto& row : connectome::assignment_names) ways.emplace_back(row.name);
    app.add_option("--assign", o->assignment, "which regions a streamline connects")->type_name("WAY")->capture_default_str()->check(CLI::IsMember(ways));
    app.add_option("--search,--radial-search", o->build.search_mm, "how far the searches go [mm]")->type_name("MM")->capture_default_str();
    repeatable("--metric", o->metrics, "as listed below; may be repeated  [.h5, .graphml, --vector: count, weight, mean_length, mean_M, coherence; others: count]", "NAME");
    repeatable("--scalar", o->scalars, "a map to sample along streamlines; may be repeated", "NAME=MAP");
    repeatable("--peaks", o->peaks, "directions to compare streamlines with, three volumes each in scanner coordinates: sh2peaks, the v1 of `arcuate tensor`; NAME instead of coherence where repeated", "[NAME=]IMAGE");
    app.add_flag("--precise", o->build.precise, "maps: each voxel's value times the length of the streamline in it, instead of interpolation at its vertices");
    app.add_flag("--errors", o->errors, "beside every metric M its M_sampling_se");
    auto* weights = app.add_option("--weights", o->weights, "a weight for each streamline, as of `arcuate weights` or tcksift2")->type_name("FILE");
    app.add_option("--mu", o->mu, "mu of the weights, as of --out-mu of `arcuate weights` or -out_mu of tcksift2: adds the metric fibre_bundle_capacity")->type_name("FILE")->needs(weights);
    auto* values = repeatable("--scale-file", o->values, "a value for each streamline, nan for none, as of tcksample; may be repeated", "NAME=FILE");
    repeatable("--names", o->names, "table of region names: BIDS dseg.tsv, FreeSurfer's or MRtrix's look-up table; repeated: they must agree  [the .tsv beside the parcellation]", "TABLE");
    repeatable("--out-assignments", o->assignments, "the labels of every streamline, 0 for none, one line each, for `arcuate tract edges` and connectome2tck; once per parcellation", "FILE");
    repeatable("--out-nodes", o->node_tables, "table of regions: name, hemisphere, centre, size; once per parcellation", "TSV");
    auto* zero = app.add_flag("--zero-diagonal", o->build.zero_diagonal, "leave out streamlines that connect a region with itself");
    auto* vector = app.add_flag("--vector", o->build.vector, "streamlines begin at one place: a value per region, from their last ends alone; .tsv or .csv of all metrics, or with --mrtrix of one");
    app.add_flag("--keep-unassigned", o->keep_unassigned, "a first row and column, label 0, for ends without a region");
    app.add_flag("--mrtrix", o->mrtrix, ".csv as tck2connectome writes it: numbers alone, a row for every label up to the largest, the upper triangle, 0 where undefined");
    auto* symmetric = app.add_flag("--symmetric", o->symmetric, "with --mrtrix: both triangles");
    vector->excludes(zero)->excludes(symmetric);
    app.add_option_function<std::int64_t>("--chunk", [o](const std::int64_t& n) { o->build.chunk = o->how.track.chunk = n; }, "streamlines, or seeds, per launch; does not change a byte  [chosen]")
        ->type_name("N")
        ->check(CLI::PositiveNumber);

    const std::string group = "Tracking without a tractogram";
    app.add_option("--from-fod", o->how.field, field_text)->type_name("FIELD")->excludes(weights)->excludes(values)->group(group);
    const auto before = app.get_options().size();
    o->how.add_to(app, group);
    o->until.add_to(app, group);
    auto* sift2 = app.add_flag("--sift2", o->sift2, "weigh the streamlines as `arcuate weights` does (with --act: its --act), which tracks them twice: adds weight and fibre_bundle_capacity, and weighs all else")
                      ->excludes("--until-cv")
                      ->group(group);
    app.add_option("--sift2-memory", o->sift2_memory, "bytes (K, M, G) for it, as --memory of `arcuate weights`: with too little the streamlines are tracked again in every iteration  [half of what is free]")
        ->transform(CLI::AsSizeValue(false))
        ->type_name("SIZE")
        ->needs(sift2)
        ->group(group);
    const auto options = app.get_options();
    o->of_tracking.assign(options.begin() + static_cast<std::ptrdiff_t>(before), options.end());
}

}  // namespace arcuate::tools
