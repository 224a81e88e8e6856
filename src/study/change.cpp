#include "arcuate/study/change.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/tables.hpp"
#include "study/bids_name.hpp"
#include "study/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <set>

namespace arcuate::study {

namespace fs = std::filesystem;

namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); }

/// A connectome whose edges can be asked for by label.
class ByLabel {
  public:
    /// `own`: the metrics that it must have; others are undefined.
    ByLabel(Connectome connectome, const std::vector<std::string>& metric_names, const std::vector<std::string>& own) : connectome_(std::move(connectome)) {
        for (std::size_t i = 0; i < connectome_.nodes.size(); ++i) row_[connectome_.nodes[i].label] = i;
        for (const auto& name : metric_names) metrics_.push_back(contains(own, name) ? &connectome_.metric(name).matrix : nullptr);
    }
    ByLabel(ByLabel&&) = default;

    const std::vector<Node>& nodes() const { return connectome_.nodes; }
    /// NaN where the connectome lacks a region or the metric.
    double value(std::size_t metric, std::int32_t a, std::int32_t b) const {
        const auto i = row_.find(a), j = row_.find(b);
        if (i == row_.end() || j == row_.end() || !metrics_[metric]) return std::numeric_limits<double>::quiet_NaN();
        return (*metrics_[metric])[i->second * nodes().size() + j->second];
    }

  private:
    Connectome connectome_;
    std::map<std::int32_t, std::size_t> row_;
    std::vector<const std::vector<double>*> metrics_;  // into connectome_'s own storage, which moves along
};

/// Of the table: metrics, then their errors.
struct Columns {
    std::vector<std::string> metrics;
    std::size_t changing = 0;                              ///< so many of them have a change since the first session, too
    std::map<std::string, std::vector<std::string>> own;  ///< those that the connectomes in a folder have
};

Columns columns_of(const std::vector<SessionResult>& results) {
    Columns out;
    std::vector<std::string> errors;
    for (const auto& result : results) {
        const auto [own, is_new] = out.own.try_emplace(result.folder);
        if (!is_new) continue;
        const auto metrics = io::read_connectome(result.path).metrics;
        if (metrics.empty() || metrics.front().name != "count") throw InputError(fmt::format("{} has no count as its first metric; it was not made by arcuate run", result.path));
        for (const auto& metric : metrics) {
            own->second.push_back(metric.name);
            auto& names = metric.error.empty() ? out.metrics : errors;
            if (!contains(names, metric.name)) names.push_back(metric.name);
        }
    }
    out.changing = out.metrics.size();
    out.metrics.insert(out.metrics.end(), errors.begin(), errors.end());
    return out;
}

/// The sessions of one subject, one atlas and one folder.
void write_subject(std::ofstream& out, const std::vector<SessionResult>& sessions, const Columns& columns) {
    const auto& metrics = columns.metrics;
    std::vector<ByLabel> connectomes;
    const ByLabel* first = nullptr;
    std::map<std::int32_t, std::string> names;
    std::set<std::pair<std::int32_t, std::int32_t>> edges;
    connectomes.reserve(sessions.size());
    for (const auto& session : sessions) {
        const auto& c = connectomes.emplace_back(io::read_connectome(session.path), metrics, columns.own.at(session.folder));
        if (session.first) first = &c;
        for (const auto& a : c.nodes()) {
            names.emplace(a.label, a.name);
            for (const auto& b : c.nodes())
                if (a.label <= b.label && c.value(0, a.label, b.label) > 0) edges.emplace(a.label, b.label);
        }
    }
    for (std::size_t s = 0; s < sessions.size(); ++s) {
        const Session& session = sessions[s].session;
        const auto way = [&](const char* name) { return output_parameter(sessions[s].path, name).value_or("n/a"); };
        const std::string who = fmt::format("sub-{}\t{}\t{}\t{}\t{}\t{}", session.subject, session.session.empty() ? "n/a" : "ses-" + session.session, io::number(session.days),
                                            way("trajectories"), way("weights"), sessions[s].atlas);
        for (const auto& [a, b] : edges) {
            std::string values, changes;
            for (std::size_t m = 0; m < metrics.size(); ++m) {
                const double value = connectomes[s].value(m, a, b);
                values += fmt::format("\t{}", io::number(value));
                if (m < columns.changing) changes += fmt::format("\t{}", io::number(first ? value - first->value(m, a, b) : std::numeric_limits<double>::quiet_NaN()));
            }
            out << who << '\t' << a << '\t' << b << '\t' << names[a] << '\t' << names[b] << values << changes << '\n';
        }
    }
}

}  // namespace

std::vector<SessionResult> find_results(const std::string& bids_dir, const std::string& out_dir) {
    std::vector<SessionResult> out;
    std::vector<std::string> folders{""};
    for (const auto& folder : folders_in(out_dir, beside_prefix)) folders.push_back(fs::path(folder).filename().string());
    std::string subject;
    for (const auto& session : find_sessions(bids_dir, {})) {
        const bool first = session.subject != subject;
        subject = session.subject;
        for (const auto& folder : folders)
            for (const auto& file : files_in((fs::path(out_dir) / folder / session.folder() / "dwi").string())) {
                const BidsName name = parse_bids_name(file);
                if (name.suffix == "connectome" && name.extension == ".h5") out.push_back({session, first, folder, name.label("atlas"), file});
            }
    }
    return out;
}

void write_change_table(const std::string& path, const std::vector<SessionResult>& results) {
    if (results.empty()) throw InputError(fmt::format("{} cannot be made (no session has a connectome yet); run the participant level first", path));
    const Columns columns = columns_of(results);

    io::OutputFile file(path, true);
    std::ofstream out(file.partial(), std::ios::binary);
    out << "participant_id\tsession_id\tdays\ttrajectories\tweights\tatlas\tnode_a\tnode_b\tname_a\tname_b";
    for (const auto& metric : columns.metrics) out << '\t' << metric;
    for (std::size_t m = 0; m < columns.changing; ++m) out << '\t' << columns.metrics[m] << "_change";
    out << '\n';
    // Subjects one after another, so that memory does not grow with the study.
    for (std::size_t begin = 0; begin < results.size();) {
        std::map<std::pair<std::string, std::string>, std::vector<SessionResult>> compared;
        const std::string subject = results[begin].session.subject;
        for (; begin < results.size() && results[begin].session.subject == subject; ++begin) compared[{results[begin].atlas, results[begin].folder}].push_back(results[begin]);
        for (const auto& [what, sessions] : compared) write_subject(out, sessions, columns);
    }
    out.close();
    if (!out) throw OutputError(fmt::format("cannot write {} (is the disk full?); make room", path));
    file.commit();
}

}  // namespace arcuate::study
