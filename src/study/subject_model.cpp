#include "study/subject_model.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/core/gradient_table.hpp"
#include "arcuate/io/tables.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace arcuate::study {

namespace {

std::vector<double> shells_of(const Session& session) {
    GradientTable table;
    for (const auto& row : io::read_numbers(session.bval)) table.b_values.insert(table.b_values.end(), row.begin(), row.end());
    std::vector<double> out;
    for (const auto& shell : find_shells(table)) out.push_back(shell.b_value);
    return out;
}

std::string text_of(const std::vector<double>& shells) {
    std::string out;
    for (const double b : shells) out += fmt::format("{}{:.0f}", out.empty() ? "" : ", ", b);
    return out;
}

bool same(double a, double b) { return std::abs(a - b) < shell_width; }
bool same_shells(const std::vector<double>& a, const std::vector<double>& b) { return std::equal(a.begin(), a.end(), b.begin(), b.end(), same); }

SubjectModel of_given_responses(const PipelineOptions& o) {
    SubjectModel out;
    for (const auto& [tissue, file] : o.responses) out.tissues.push_back(tissue);
    const auto named = std::count_if(out.tissues.begin(), out.tissues.end(), [](const auto& t) { return !t.empty(); });
    out.multi_tissue = named > 0;
    if (out.multi_tissue ? named < static_cast<std::ptrdiff_t>(out.tissues.size()) : out.tissues.size() > 1)
        throw InputError("several responses must each name their tissue; write for instance --response wm=wm.txt gm=gm.txt csf=csf.txt");
    if (out.multi_tissue && std::count(out.tissues.begin(), out.tissues.end(), "wm") != 1)
        throw InputError("the responses do not name white matter once (streamlines are tracked on its FODs); give one as wm=FILE");
    if ((o.fod_model == FodModel::csd && out.multi_tissue) || (o.fod_model == FodModel::msmt && !out.multi_tissue))
        throw InputError(fmt::format("--fod {} does not go with these responses ({}); leave --fod out, or give other responses", out.multi_tissue ? "csd" : "msmt",
                                     out.multi_tissue ? "they name tissues" : "one without a name is that of single-shell CSD"));
    return out;
}

}  // namespace

SubjectModel choose_model(const std::vector<Session>& sessions, const PipelineOptions& options) {
    SubjectModel out;
    if (!options.responses.empty()) out = of_given_responses(options);
    if (options.register_sessions) std::copy_if(sessions.begin(), sessions.end(), std::back_inserter(out.placed), [](const Session& s) { return s.problem.empty(); });
    if (out.placed.size() < 2) out.placed.clear();
    if (options.trajectories != Trajectories::independent)
        std::copy_if(sessions.begin(), sessions.end(), std::back_inserter(out.together), [](const Session& s) { return s.problem.empty(); });
    if (!options.responses.empty()) return out;
    std::vector<std::vector<double>> shells;
    for (const auto& session : sessions)
        if (session.problem.empty()) {
            out.sources.push_back(session);
            shells.push_back(shells_of(session));
        }
    if (out.sources.empty()) throw InputError(sessions.front().problem);

    const auto& first = shells.front();
    const auto other = [&](const auto& agrees) { return std::find_if_not(shells.begin(), shells.end(), agrees); };
    const auto differ = [&](std::vector<std::vector<double>>::const_iterator which, const std::string& what) {
        throw InputError(fmt::format("{} and {} have other b-values ({} and {} s/mm2), so {} cannot serve both; give --response, or keep these sessions in two data sets",
                                     out.sources.front().name(), out.sources[static_cast<std::size_t>(which - shells.begin())].name(), text_of(first), text_of(*which), what));
    };
    const auto alike = other([&](const auto& s) { return same_shells(s, first); });
    const bool zero = !first.empty() && first.front() <= b_zero_threshold;
    if (options.fod_model == FodModel::msmt) {
        if (!zero || first.size() < 2)
            throw InputError(fmt::format("{} does not allow multi-tissue deconvolution (it needs b = 0 and another b-value; there are {} s/mm2); use --fod csd",
                                         out.sources.front().name(), text_of(first)));
        if (alike != shells.end()) differ(alike, "the same responses");
    }
    out.multi_tissue = options.fod_model == FodModel::msmt || (options.fod_model == FodModel::automatic && alike == shells.end() && zero && first.size() >= 3);
    if (out.multi_tissue) {
        out.tissues = first.size() < 3 ? std::vector<std::string>{"wm", "csf"} : std::vector<std::string>{"wm", "gm", "csf"};
    } else {
        const auto largest = other([&](const auto& s) { return !s.empty() && !first.empty() && same(s.back(), first.back()); });
        if (largest != shells.end() && largest != shells.begin()) differ(largest, "one response");
        out.tissues = {""};
        if (first.size() >= 3 && alike != shells.end()) out.remark = "its sessions have different shells, so FODs are made by single-shell deconvolution of the largest";
    }
    return out;
}

}  // namespace arcuate::study
