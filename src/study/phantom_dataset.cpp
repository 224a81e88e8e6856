#include "arcuate/study/phantom_dataset.hpp"

#include "arcuate/connectome/build.hpp"
#include "arcuate/core/error.hpp"
#include "arcuate/core/provenance.hpp"
#include "arcuate/dwi/tensor.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/gradients.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/tables.hpp"
#include "arcuate/io/tractogram.hpp"
#include "study/phantom_folder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <chrono>

namespace arcuate::study {

namespace {

constexpr int days_between_sessions = 28;

std::string subject_label(int subject) { return fmt::format("sub-{:02}", subject); }

std::string date_of_session(int session) {
    using namespace std::chrono;
    const year_month_day date{sys_days{year{2000} / January / 3} + days{days_between_sessions * session}};
    return fmt::format("{:04}-{:02}-{:02}T09:00:00", static_cast<int>(date.year()), static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

void write_subject(const PhantomFolder& out, const phantom::Phantom& p, const phantom::PhantomOptions& o) {
    const std::string sub = subject_label(o.subject);
    io::Table sessions{{"session_id", "acq_time"}};
    for (int s = 0; s < o.sessions; ++s) {
        const std::string ses = phantom_session_label(s), folder = fmt::format("{}/{}/dwi/{}_{}_", sub, ses, sub, ses);
        sessions.push_back({ses, date_of_session(s)});
        io::write_image(out.file(folder + "dwi.nii.gz"), p.sessions[static_cast<std::size_t>(s)].dwi, false);
        io::write_fsl_gradients(out.file(folder + "dwi.bval"), out.file(folder + "dwi.bvec"), p.gradients, p.mask.grid, false);
        out.write_json(folder + "dwi.json", {{"Modality", "MR"}, {"Manufacturer", "none: simulated"}, {"SNR", o.snr}, {"RandomSeed", o.seed}});
        out.write_mask_and_nodes(folder, p.mask, p.parcellation);
    }
    io::write_table(out.file(fmt::format("{}/{}_sessions.tsv", sub, sub)), sessions, false);
}

/// The noise-free signal through the same tensor fit and the same edge metric as a measurement.
std::vector<TrueEdge> write_truth(const PhantomFolder& out, const phantom::Phantom& clean, const Device& device) {
    const std::string truth = "derivatives/truth/";
    const int sessions = static_cast<int>(clean.sessions.size());
    std::vector<TrueEdge> edges;
    for (const auto& b : clean.bundles) {
        const auto name = [&](std::int32_t label) { return clean.parcellation.nodes[static_cast<std::size_t>(label - 1)].name; };
        TrueEdge edge{b.name, name(b.from), name(b.to), b.length_mm, {}, {}, {}};
        for (int s = 0; s < sessions; ++s) {
            edge.fibre_fa.push_back(phantom::fibre_fa(b, s, sessions));
            edge.fibre_density.push_back(phantom::fibre_density(b, s, sessions));
        }
        edges.push_back(std::move(edge));
        const auto tck = io::make_tractogram_writer(out.file(truth + "bundle-" + b.name + ".tck"), {});
        tck->append(b.fibres.view());
        tck->commit(b.fibres.size());
    }
    const auto n = clean.parcellation.nodes.size();
    for (int s = 0; s < sessions; ++s) {
        const auto& session = clean.sessions[static_cast<std::size_t>(s)];
        const auto maps = dwi::fit_tensor(session.dwi, clean.gradients, clean.mask, {}, device);
        connectome::ConnectomeBuilder builder(clean.parcellation, {{"fa", "", maps.fa}}, {}, device);
        for (const auto& b : clean.bundles) builder.append(b.fibres.view());
        const auto connectome = builder.connectome();
        for (std::size_t e = 0; e < edges.size(); ++e) {
            const auto& b = clean.bundles[e];
            edges[e].mean_fa_along_fibres.push_back(connectome.metric("mean_fa").matrix[static_cast<std::size_t>(b.from - 1) * n + static_cast<std::size_t>(b.to - 1)]);
        }
        const std::string ses = phantom_session_label(s);
        io::write_image(out.file(truth + "fibre_fa_" + ses + ".nii.gz"), session.fa_truth, false);
        io::write_image(out.file(truth + "noisefree_fa_" + ses + ".nii.gz"), maps.fa, false);
    }
    io::write_image(out.file(truth + "peaks.nii.gz"), clean.directions, false);
    io::write_image(out.file(truth + "fractions.nii.gz"), clean.fractions, false);

    std::vector<std::string> names;
    for (const auto& node : clean.parcellation.nodes) names.push_back(node.name);
    std::vector<double> connected(n * n, 0.0);
    io::Table table{{"bundle", "from_label", "from", "to_label", "to", "length_mm"}};
    for (int s = 0; s < sessions; ++s) table[0].push_back("fibre_fa_" + phantom_session_label(s));
    for (int s = 0; s < sessions; ++s) table[0].push_back("fibre_density_" + phantom_session_label(s));
    for (int s = 0; s < sessions; ++s) table[0].push_back("mean_fa_along_fibres_" + phantom_session_label(s));
    for (std::size_t e = 0; e < edges.size(); ++e) {
        const auto& b = clean.bundles[e];
        const auto from = static_cast<std::size_t>(b.from - 1), to = static_cast<std::size_t>(b.to - 1);
        connected[from * n + to] = connected[to * n + from] = 1;
        std::vector<std::string> row{b.name, std::to_string(b.from), edges[e].from, std::to_string(b.to), edges[e].to, io::number(b.length_mm)};
        for (const double fa : edges[e].fibre_fa) row.push_back(io::number(fa));
        for (const double density : edges[e].fibre_density) row.push_back(io::number(density));
        for (const double fa : edges[e].mean_fa_along_fibres) row.push_back(io::number(fa));
        table.push_back(std::move(row));
    }
    io::write_table(out.file(truth + "bundles.tsv"), table, false);
    io::write_matrix(out.file(truth + "connected.tsv"), names, connected, false);
    out.write_json(truth + "bundles.json",
               {{"bundle", {{"Description", "name of a bundle; its true fibres are in bundle-<name>.tck"}}},
                {"from", {{"Description", "node at its start"}}},
                {"to", {{"Description", "node at its end"}}},
                {"length_mm", {{"Description", "length of its centre line"}, {"Units", "mm"}}},
                {"fibre_fa_ses-*", {{"Description", "FA of its fibres in the session"}}},
                {"fibre_density_ses-*", {{"Description", "share of its volume that is fibres in the session"}}},
                {"mean_fa_along_fibres_ses-*",
                 {{"Description", "mean FA along its true fibres in noisefree_fa_ses-*.nii.gz: the tensor fit of the signal without noise, so that partial "
                                  "volume with neighbours enters as in a measurement"}}}});
    out.describe(truth, "Truth of the Arcuate phantom");
    io::write_text(out.file(truth + "README"),
                   "bundles.tsv         every connection that there is, with its FA in each session (columns: bundles.json)\n"
                   "connected.tsv       the same as a matrix: 1 where two nodes are connected\n"
                   "bundle-*.tck        true fibres, scanner RAS [mm]\n"
                   "peaks.nii.gz        three fibre directions per voxel (9 volumes), unit, scanner frame, largest share first\n"
                   "fractions.nii.gz    share of every bundle in the voxel, in the order of bundles.tsv\n"
                   "fibre_fa_*          FA of the bundle that fills at least half of the voxel\n"
                   "noisefree_fa_*      FA of the tensor fitted to the signal without noise\n",
                   false);
    return edges;
}

}  // namespace

std::string phantom_session_label(int session) { return fmt::format("ses-{:02}", session + 1); }

std::vector<TrueEdge> write_phantom_dataset(const std::string& folder, const PhantomDatasetOptions& options, const Device& device, Progress& progress) {
    if (options.subjects < 1 || options.subjects > 4095)
        throw InputError(fmt::format("{} subjects (1 to 4095 are possible); choose another number", options.subjects));
    PhantomFolder out(folder, options.overwrite);
    auto o = options.phantom;
    io::Table participants{{"participant_id"}};
    progress.begin("making the phantom", options.subjects + 1, "parts");
    for (int subject = 1; subject <= options.subjects; ++subject) {
        o.subject = subject;
        write_subject(out, phantom::make_phantom(o, device), o);
        participants.push_back({subject_label(subject)});
        progress.at(subject);
    }
    o.snr = 0;
    auto edges = write_truth(out, phantom::make_phantom(o, device), device);
    io::write_table(out.file("participants.tsv"), participants, false);
    io::write_text(out.file("README"),
                   fmt::format("A simulated diffusion data set with known fibres, made by Arcuate {}.\n"
                               "{} subjects with {} sessions; SNR {} (0: no noise), b = {} s/mm2, {} directions each, seed {}.\n"
                               "The FA of the bundle '{}' grows by {} from the first to the last session and the density of its fibres by a share of {}; everything else stays. The truth is in derivatives/truth.\n",
                               version(), options.subjects, o.sessions, options.phantom.snr, fmt::join(o.b_values, ", "), o.directions, o.seed, phantom::changed_bundle, o.fa_change, o.density_change),
                   false);
    out.commit();
    progress.end();
    return edges;
}

}  // namespace arcuate::study
