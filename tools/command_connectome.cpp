// arcuate connectome: streamlines and a parcellation -> region-to-region matrices.
#include "arcuate/connectome/build.hpp"
#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/tables.hpp"
#include "arcuate/io/tractogram.hpp"
#include "arcuate/study/bids.hpp"
#include "tract_output.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <limits>

namespace arcuate::tools {

namespace {

namespace fs = std::filesystem;

struct Options {
    std::string tracks, parcellation, output, names, metric = "count", assignments, weights;
    std::vector<std::string> scalars;  ///< NAME=MAP
    connectome::ConnectomeOptions build;
    bool zero_diagonal = false;
};

void zero_diagonal(Connectome& connectome) {
    const std::size_t n = connectome.nodes.size();
    for (auto& metric : connectome.metrics)
        for (std::size_t i = 0; i < n; ++i) metric.matrix[i * n + i] = metric.name == "count" || metric.name == "weight" ? 0 : std::numeric_limits<double>::quiet_NaN();
}

/// One line per streamline, "LABEL LABEL", 0 where an end has none: what connectome2tck reads.
std::string assignment_lines(const std::vector<std::int32_t>& labels) {
    std::string text;
    for (std::size_t i = 0; i < labels.size(); i += 2) text += fmt::format("{} {}\n", labels[i], labels[i + 1]);
    return text;
}

std::vector<float> read_weights(const std::string& path) {
    std::vector<float> out;
    for (const auto& row : io::read_numbers(path))
        for (const double value : row) out.push_back(static_cast<float>(value));
    return out;
}

void run_connectome(Run& run, Options& o) {
    const std::string extension = fs::path(o.output).extension().string();
    const bool hdf5 = extension == ".h5";
    if (!hdf5 && extension != ".tsv" && extension != ".csv")
        throw InputError(fmt::format("cannot tell the format of {} (it ends in none of .tsv, .csv, .h5); choose one of these", o.output));
    std::vector<std::string> outputs{o.output, io::sidecar_path(o.output)};
    if (!o.assignments.empty()) outputs.push_back(o.assignments);
    run.require_writable(outputs);

    std::vector<std::pair<std::string, std::string>> inputs{{"tracks", o.tracks}, {"parcellation", o.parcellation}};
    auto parcellation = make_parcellation(io::read_labels(o.parcellation), o.parcellation);
    if (const std::string names = o.names.empty() ? study::find_names(o.parcellation) : o.names; !names.empty()) {
        io::read_node_names(names, parcellation);
        inputs.emplace_back("names", names);
    }
    std::vector<connectome::ScalarMap> maps;
    for (const auto& scalar : o.scalars) {
        const auto equals = scalar.find('=');
        if (equals == 0 || equals == std::string::npos || equals + 1 == scalar.size())
            throw InputError(fmt::format("--scalar {} is not NAME=MAP; write for instance --scalar fa=fa.nii.gz", scalar));
        maps.push_back({scalar.substr(0, equals), "", io::read_image(scalar.substr(equals + 1))});
        inputs.emplace_back("scalar " + maps.back().name, scalar.substr(equals + 1));
    }

    if (!o.weights.empty()) {
        o.build.weights = read_weights(o.weights);
        inputs.emplace_back("weights", o.weights);
    }

    connectome::ConnectomeBuilder builder(parcellation, maps, o.build, run.device());
    if (!hdf5) builder.connectome().metric(o.metric);  // a name that there is not is said before the work
    run.progress().begin("connectome", 0, "streamlines");
    Counted counted(builder, run.progress());
    io::stream_tractogram(o.tracks, counted);
    run.progress().end();

    auto result = builder.connectome();
    if (!o.weights.empty() && result.streamlines != static_cast<std::int64_t>(o.build.weights.size()))
        throw InputError(fmt::format("{} has {} weights and {} has {} streamlines (each streamline needs one); give the weights of this tractogram", o.weights,
                                     o.build.weights.size(), o.tracks, result.streamlines));
    if (o.zero_diagonal) zero_diagonal(result);
    std::vector<std::pair<std::string, std::string>> parameters{{"radial_search_mm", io::number(o.build.radial_search_mm)},
                                                                {"zero_diagonal", o.zero_diagonal ? "true" : "false"}};
    if (!hdf5) parameters.emplace_back("metric", o.metric);
    const auto provenance = run.provenance(std::move(parameters), inputs);
    if (hdf5) {
        io::write_connectome(o.output, result, provenance, run.force);
    } else {
        std::vector<std::string> names;
        for (const auto& node : result.nodes) names.push_back(node.name);
        io::write_matrix(o.output, names, result.metric(o.metric).matrix, run.force);
    }
    io::write_sidecar(o.output, provenance, run.force);
    if (!o.assignments.empty()) io::write_text(o.assignments, assignment_lines(builder.assignments()), run.force);

    std::int64_t one_end = 0;
    for (std::size_t i = 0; i < builder.assignments().size(); i += 2) one_end += (builder.assignments()[i] != 0) != (builder.assignments()[i + 1] != 0);
    run.say(fmt::format("{} streamlines: {} with a region at both ends, {} at one, {} at none; {} regions", result.streamlines, result.assigned, one_end,
                        result.streamlines - result.assigned - one_end, result.nodes.size()));
    if (result.streamlines == 0)
        run.warn(fmt::format("{} holds no streamlines; the connectome is empty", o.tracks));
    else if (2 * result.assigned < result.streamlines)
        run.warn("fewer than half of the streamlines have a region at both ends; check that tracks and parcellation are in the same world frame");
}

}  // namespace

void add_connectome(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "connectome", "streamlines and a parcellation -> region-to-region matrices",
                            "Each end of a streamline belongs to the region of the nearest labelled voxel centre closer than --radial-search, as in MRtrix3's\n"
                            "tck2connectome. Metrics: count, with --weights weight (their sum), mean_length [mm], and mean_NAME of every --scalar: the mean over an edge's streamlines of the\n"
                            "length-weighted mean along each. A mean over no streamline is n/a.\n\n"
                            "Example:\n  arcuate connectome tracks.tck parcels_dseg.nii.gz connectome.h5 --scalar fa=fa.nii.gz --scalar md=md.nii.gz\n\n"
                            "Reference: Smith, Tournier, Calamante & Connelly 2015, NeuroImage 104:253",
                            [o](Run& run) { run_connectome(run, *o); });
    app.add_option("tracks", o->tracks, "streamlines: .tck, .trk, .trk.gz or .trx")->required()->type_name("TRACKS");
    app.add_option("parcellation", o->parcellation, "label image, 0 background, regions above 0; on any grid of the same world frame")->required()->type_name("PARCELLATION");
    app.add_option("output", o->output, "one metric as .tsv or .csv, or all of them as .h5")->required()->type_name("OUT");
    app.add_option("--scalar", o->scalars, "a map to average along streamlines; may be repeated")->type_name("NAME=MAP")->allow_extra_args(false);
    app.add_option("--weights", o->weights, "a weight for each streamline, as of `arcuate weights` or tcksift2; means over streamlines are weighted then")->type_name("FILE");
    app.add_option("--radial-search", o->build.radial_search_mm, "an end's region is looked for within this distance [mm]")->type_name("MM")->capture_default_str();
    app.add_option("--names", o->names, "table of region names (columns index, name); default: the .tsv beside the parcellation, where there is one")->type_name("TSV");
    app.add_option("--metric", o->metric, "what a .tsv or .csv holds")->type_name("NAME")->capture_default_str();
    app.add_option("--out-assignments", o->assignments, "the two labels of every streamline, 0 for none, one line each")->type_name("FILE");
    app.add_flag("--zero-diagonal", o->zero_diagonal, "leave out streamlines that connect a region with itself");
    app.add_option("--chunk", o->build.chunk, "streamlines per launch; does not change a byte")->type_name("N")->capture_default_str()->check(CLI::PositiveNumber);
}

}  // namespace arcuate::tools
