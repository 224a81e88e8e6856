#include "arcuate/study/bids.hpp"

#include "arcuate/core/error.hpp"
#include "study/bids_name.hpp"
#include "study/session_days.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

namespace arcuate::study {

namespace fs = std::filesystem;

std::string Session::name() const { return session.empty() ? "sub-" + subject : "sub-" + subject + " ses-" + session; }
std::string Session::folder() const { return session.empty() ? "sub-" + subject : "sub-" + subject + "/ses-" + session; }

namespace {

std::vector<std::string> names_of(const std::vector<std::string>& paths) {
    std::vector<std::string> out;
    for (const auto& path : paths) out.push_back(fs::path(path).filename().string());
    return out;
}

/// Chooses the session's image among those of its dwi folder. False where there is none.
bool find_dwi(const std::string& folder, Session& session) {
    std::vector<std::string> images, preprocessed;
    for (const auto& file : files_in((fs::path(folder) / "dwi").string())) {
        const auto name = parse_bids_name(file);
        if (!name.is_image("dwi")) continue;
        const auto desc = name.label("desc");
        if (desc == "preproc") preprocessed.push_back(file);
        if (desc.empty()) images.push_back(file);
    }
    if (!preprocessed.empty()) images = preprocessed;
    if (images.empty()) return false;
    session.dwi = images.front();
    if (images.size() > 1) {
        session.problem = fmt::format("{} has {} diffusion images ({}); Arcuate expects one, corrected and concatenated as by QSIPrep", session.name(), images.size(),
                                      fmt::join(names_of(images), ", "));
        return true;
    }
    for (const auto& [extension, path] : {std::pair<std::string, std::string*>{".bval", &session.bval}, {".bvec", &session.bvec}}) {
        *path = inherited(session.dwi, extension);
        if (path->empty() && session.problem.empty())
            session.problem = fmt::format("{} has no {} file (nothing of its name ends in {} beside it or further up in the data set); add it", session.dwi,
                                          extension.substr(1), extension);
    }
    return true;
}

/// Labels by number where both are numbers: ses-2 comes before ses-10.
bool label_before(const std::string& a, const std::string& b) {
    const auto digits = [](const std::string& s) { return !s.empty() && std::all_of(s.begin(), s.end(), [](unsigned char c) { return std::isdigit(c) != 0; }); };
    if (!digits(a) || !digits(b)) return a < b;
    const auto number = [](const std::string& s) { return s.substr(std::min(s.find_first_not_of('0'), s.size())); };
    const auto x = number(a), y = number(b);
    return x.size() != y.size() ? x.size() < y.size() : x < y;
}

/// Throws unless every label that was asked for exists.
void require_known(const std::vector<std::string>& wanted, std::vector<std::string> known, const std::string& prefix, const std::string& where) {
    std::sort(known.begin(), known.end());
    known.erase(std::unique(known.begin(), known.end()), known.end());
    for (const auto& label : wanted)
        if (std::find(known.begin(), known.end(), without_prefix(label, prefix)) == known.end())
            throw InputError(fmt::format("{}{} has no diffusion images in {} (there are: {}); check the label", prefix, without_prefix(label, prefix), where,
                                         known.empty() ? "none" : fmt::format("{}{}", prefix, fmt::join(known, ", " + prefix))));
}

bool matches(const std::vector<std::string>& wanted, const std::string& label, const std::string& prefix) {
    return wanted.empty() || std::any_of(wanted.begin(), wanted.end(), [&](const auto& w) { return without_prefix(w, prefix) == label; });
}

std::vector<Session> sessions_of(const std::string& subject_folder) {
    const std::string subject = without_prefix(fs::path(subject_folder).filename().string(), "sub-");
    std::vector<Session> out;
    const auto add = [&](const std::string& folder, const std::string& label) {
        Session session;
        session.subject = subject;
        session.session = label;
        if (find_dwi(folder, session)) out.push_back(std::move(session));
    };
    const auto folders = folders_in(subject_folder, "ses-");
    for (const auto& folder : folders) add(folder, without_prefix(fs::path(folder).filename().string(), "ses-"));
    if (folders.empty()) add(subject_folder, "");

    const auto days = session_days(subject_folder);
    const bool all_dated = std::all_of(out.begin(), out.end(), [&](const Session& s) { return days.count(s.session) != 0; });
    std::stable_sort(out.begin(), out.end(), [&](const Session& a, const Session& b) {
        if (all_dated && days.at(a.session) != days.at(b.session)) return days.at(a.session) < days.at(b.session);
        return label_before(a.session, b.session);
    });
    if (!out.empty() && days.count(out.front().session))
        for (auto& session : out)
            if (days.count(session.session)) session.days = days.at(session.session) - days.at(out.front().session);
    return out;
}

}  // namespace

std::vector<Session> find_sessions(const std::string& bids_dir, const Filter& filter) {
    if (!fs::is_directory(bids_dir)) throw InputError(fmt::format("{} is not a folder; give the root of a BIDS data set", bids_dir));
    std::vector<Session> all;
    for (const auto& folder : folders_in(bids_dir, "sub-"))
        for (auto& session : sessions_of(folder)) all.push_back(std::move(session));
    if (all.empty())
        throw InputError(fmt::format("{} has no diffusion images (looked for sub-*/[ses-*/]dwi/*_dwi.nii.gz); give the root of a BIDS data set", bids_dir));

    std::vector<std::string> subjects, labels;
    for (const auto& session : all) subjects.push_back(session.subject);
    require_known(filter.participants, subjects, "sub-", bids_dir);
    std::erase_if(all, [&](const Session& s) { return !matches(filter.participants, s.subject, "sub-"); });
    for (const auto& session : all) labels.push_back(session.session);
    require_known(filter.sessions, labels, "ses-", bids_dir);
    for (auto& session : all) session.selected = matches(filter.sessions, session.session, "ses-");
    return all;
}

}  // namespace arcuate::study
