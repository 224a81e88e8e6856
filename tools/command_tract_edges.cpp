// arcuate tract edges: the streamlines of chosen connections.
#include "arcuate/core/error.hpp"
#include "arcuate/core/parcellation.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/tables.hpp"
#include "arcuate/tract/edges.hpp"
#include "arcuate/tract/vertices.hpp"
#include "tract_output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace arcuate::tools {

namespace {

constexpr std::size_t max_open_files = 64;

struct Options {
    TractOutput files;
    std::string assignments, exemplars, weights;
    tract::EdgeChoice choice;
};

/// A row of labels per streamline.
std::vector<std::vector<std::int32_t>> read_assignments(const std::string& path) {
    std::vector<std::vector<std::int32_t>> rows;
    for (const auto& row : io::read_numbers(path)) {
        auto& labels = rows.emplace_back();
        for (const double label : row) {
            if (!(label >= 0 && label <= 65535) || label != std::floor(label))
                throw InputError(fmt::format("{} has the label {} in row {} (labels are whole numbers from 0 to 65535); give what `arcuate connectome --out-assignments` writes", path, label, rows.size()));
            labels.push_back(static_cast<std::int32_t>(label));
        }
    }
    return rows;
}

/// Hands streamlines to the outputs that want them.
class Distribute : public StreamlineSink {
  public:
    Distribute(const std::vector<std::vector<std::size_t>>& targets, std::size_t first, std::vector<std::unique_ptr<io::TractogramWriter>>& writers)
        : targets_(targets), first_(first), writers_(writers), batches_(writers.size()) {}
    void append(const TractogramView& view) override {
        for (auto& batch : batches_) {
            batch.clear();
            tract::announce(view, batch);
        }
        for (std::int64_t s = 0; s < view.size() && seen_ < targets_.size(); ++s, ++seen_)
            for (const auto target : targets_[seen_])
                if (target >= first_ && target < first_ + batches_.size()) tract::append_part(view, s, 0, view.streamline(s).size() / 3, batches_[target - first_]);
        for (std::size_t i = 0; i < batches_.size(); ++i)
            if (batches_[i].size() > 0) writers_[i]->append(batches_[i].view());
    }

  private:
    const std::vector<std::vector<std::size_t>>& targets_;
    std::size_t first_, seen_ = 0;
    std::vector<std::unique_ptr<io::TractogramWriter>>& writers_;
    std::vector<Tractogram> batches_;
};

class Average : public StreamlineSink {
  public:
    Average(const std::vector<std::vector<std::int32_t>>& labels, const std::vector<double>& weights, const tract::EdgeChoice& choice) : labels_(labels), weights_(weights), choice_(choice) {}
    void append(const TractogramView& view) override {
        for (std::int64_t s = 0; s < view.size() && seen < labels_.size(); ++s, ++seen) {
            const auto& row = labels_[seen];
            if (row.size() == 2 && !tract::chosen_edges(row, choice_).empty()) courses.add(view.streamline(s), row[0], row[1], weights_.empty() ? 1 : weights_[seen]);
        }
    }
    tract::Exemplars courses;
    std::size_t seen = 0;

  private:
    const std::vector<std::vector<std::int32_t>>& labels_;
    const std::vector<double>& weights_;
    const tract::EdgeChoice& choice_;
};

class CountStreamlines : public StreamlineSink {
  public:
    void append(const TractogramView& view) override { count += static_cast<std::size_t>(view.size()); }
    std::size_t count = 0;
};

void require_as_many(const char* what, const std::string& path, std::size_t n, const std::string& tracks, std::size_t streamlines) {
    if (n != streamlines)
        throw InputError(fmt::format("{} has {} for {} streamlines and {} has {}; give the {} of this tractogram", path, what, n, tracks, streamlines, what));
}

using Named = std::vector<std::pair<std::string, std::string>>;

/// The mean course of every chosen edge, in one file.
void write_exemplars(Run& run, Options& o, const std::vector<std::vector<std::int32_t>>& labels, const std::vector<double>& weights, Named parameters, Named inputs) {
    if (o.files.out.find('{') != std::string::npos) throw InputError("--exemplars writes one file with a streamline per edge; give OUT without {edge} or {node}");
    const auto nodes = io::read_parcellation(o.exemplars).nodes;
    inputs.emplace_back("parcellation", o.exemplars);
    if (!o.weights.empty()) inputs.emplace_back("weights", o.weights);
    parameters.emplace_back("exemplars", "true");
    const auto reader = io::open_tractogram(o.files.in);
    Average average(labels, weights, o.choice);
    reader->stream(average);
    const auto made = average.courses.tractogram(nodes);
    io::TractogramInfo info;
    info.grid = reader->info().grid;
    for (const auto& array : made.per_streamline) info.per_streamline.push_back(array);
    const auto writer = o.files.open(run, info);
    writer->append(made.view());
    o.files.close(run, *writer, info, std::move(parameters), std::move(inputs));
    run.say(fmt::format("{} edges -> {}", made.size(), o.files.out));
    if (made.size() == 0) run.warn("no edge was chosen; check --nodes");
}

/// The streamlines of the chosen edges, in one file, one per edge or one per region.
void write_streamlines(Run& run, const Options& o, const std::vector<std::vector<std::int32_t>>& labels, Named parameters, Named inputs) {
    // Which files a streamline goes to.
    const bool per_edge = o.files.out.find("{edge}") != std::string::npos, per_node = o.files.out.find("{node}") != std::string::npos;
    if (per_edge && per_node) throw InputError(fmt::format("{} has {{edge}} and {{node}}; a file is of one or of the other", o.files.out));
    const auto keys_of = [&](const std::vector<std::int32_t>& row) {
        std::vector<tract::Edge> keys;
        for (const auto& edge : tract::chosen_edges(row, o.choice)) {
            if (per_edge) keys.push_back(edge);
            else if (!per_node) keys.push_back({0, 0});
            else
                for (const auto node : edge)
                    if (o.choice.nodes.empty() ? node > 0 || o.choice.keep_unassigned : std::find(o.choice.nodes.begin(), o.choice.nodes.end(), node) != o.choice.nodes.end()) keys.push_back({node, node});
        }
        std::sort(keys.begin(), keys.end());
        keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
        return keys;
    };
    std::map<tract::Edge, std::size_t> files;
    if (!per_edge && !per_node) files[{0, 0}] = 0;
    for (const auto& row : labels)
        for (const auto& key : keys_of(row)) files.emplace(key, 0);
    std::vector<TractOutput> outputs;
    for (auto& [key, place] : files) {
        place = outputs.size();
        auto& output = outputs.emplace_back(o.files);
        if (const auto at = output.out.find(per_edge ? "{edge}" : "{node}"); at != std::string::npos)
            output.out.replace(at, 6, per_edge ? fmt::format("{}-{}", key[0], key[1]) : std::to_string(key[0]));
    }
    std::vector<std::vector<std::size_t>> targets;
    for (const auto& row : labels) {
        auto& mine = targets.emplace_back();
        for (const auto& key : keys_of(row)) mine.push_back(files[key]);
    }
    std::vector<std::string> paths;
    for (const auto& output : outputs) paths.insert(paths.end(), {output.out, io::sidecar_path(output.out)});
    run.require_writable(paths);

    // So many files at a time, one pass over the tractogram for each set of them.
    inputs.insert(inputs.begin(), {"tracks", o.files.in});
    if (!o.files.reference.empty()) inputs.emplace_back("reference", o.files.reference);
    const auto provenance = run.provenance(std::move(parameters), inputs);  // once: it reads the inputs
    std::int64_t written = 0;
    for (std::size_t first = 0; first < outputs.size(); first += max_open_files) {
        const auto reader = io::open_tractogram(o.files.in);
        auto info = reader->info();
        info.groups.clear();  // their members have other places in the outputs
        std::vector<std::unique_ptr<io::TractogramWriter>> writers;
        for (std::size_t i = first; i < std::min(outputs.size(), first + max_open_files); ++i) writers.push_back(outputs[i].open(run, info));
        Distribute distribute(targets, first, writers);
        reader->stream(distribute);
        run.progress().end();
        for (std::size_t i = 0; i < writers.size(); ++i) {
            writers[i]->commit(writers[i]->size());
            io::write_sidecar(outputs[first + i].out, provenance, run.force);
            written += writers[i]->size();
        }
    }
    run.say(fmt::format("{} streamlines of {} -> {} files", written, labels.size(), outputs.size()));
    if (written == 0) run.warn("no streamline belongs to a chosen edge; check --nodes");
}

void run_edges(Run& run, Options& o) {
    const auto labels = read_assignments(o.assignments);
    std::vector<double> weights;
    if (!o.weights.empty())
        for (const auto& row : io::read_numbers(o.weights)) weights.insert(weights.end(), row.begin(), row.end());
    CountStreamlines counted;
    io::stream_tractogram(o.files.in, counted);
    require_as_many("assignments", o.assignments, labels.size(), o.files.in, counted.count);
    if (!o.weights.empty()) require_as_many("weights", o.weights, weights.size(), o.files.in, counted.count);

    Named parameters, inputs{{"assignments", o.assignments}};
    for (const auto node : o.choice.nodes) parameters.emplace_back("node", std::to_string(node));
    for (const auto& [name, on] : {std::pair{"exclusive", o.choice.exclusive}, {"keep_self", o.choice.keep_self}, {"keep_unassigned", o.choice.keep_unassigned}})
        if (on) parameters.emplace_back(name, "true");

    if (o.exemplars.empty()) write_streamlines(run, o, labels, std::move(parameters), std::move(inputs));
    else write_exemplars(run, o, labels, weights, std::move(parameters), std::move(inputs));
}

}  // namespace

void add_tract_edges(CLI::App& tract) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(tract, "edges", "the streamlines of chosen connections, or a typical course for each",
                            "ASSIGNMENTS is what `arcuate connectome --out-assignments` or tck2connectome -out_assignments writes. OUT becomes one file; with {edge} in its name one per edge\n"
                            "(8-49), with {node} one per region. As connectome2tck, it leaves out what connects a region with itself and what has an end in none, unless asked\n"
                            "(connectome2tck does so in files per edge; its others hold what has one end in none all the same).\n"
                            "A streamline of three regions or more belongs to every pair of them.\n\n"
                            "Examples:\n  arcuate tract edges tracks.tck assignments.txt edge-{edge}.tck --nodes 8,49 --exclusive\n"
                            "  arcuate tract edges tracks.tck assignments.txt exemplars.trx --exemplars parcels.nii.gz --reference parcels.nii.gz",
                            [o](Run& run) { run_edges(run, *o); });
    app.add_option("IN", o->files.in, "tractogram: .tck, .trk, .trk.gz or .trx")->required();
    app.add_option("ASSIGNMENTS", o->assignments, "labels of every streamline, a line each, 0 for none")->required();
    app.add_option("OUT", o->files.out, "tractogram to write: .tck, .trk or .trx")->required();
    app.add_option("--reference", o->files.reference, "image whose grid a .trk or .trx states  [that of IN]")->type_name("IMAGE");
    app.add_option("--nodes", o->choice.nodes, "edges of any of these labels; 0: ends without a region  [all]")->type_name("LABEL,...")->delimiter(',');
    app.add_flag("--exclusive", o->choice.exclusive, "both regions of an edge must be among --nodes");
    app.add_flag("--keep-self", o->choice.keep_self, "also what connects a region with itself");
    app.add_flag("--keep-unassigned", o->choice.keep_unassigned, "also what has an end in no region");
    app.add_option("--exemplars", o->exemplars, "instead of an edge's streamlines their mean course, drawn to the centres of the regions of this parcellation")->type_name("PARCELLATION");
    app.add_option("--weights", o->weights, "a weight for each streamline in its edge's mean course")->type_name("FILE");
}

}  // namespace arcuate::tools
