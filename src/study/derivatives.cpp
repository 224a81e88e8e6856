// Masks and parcellations among a data set's derivatives.
#include "arcuate/core/error.hpp"
#include "arcuate/study/bids.hpp"
#include "study/bids_name.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <functional>

namespace arcuate::study {

namespace fs = std::filesystem;

namespace {

/// BIDS_DIR itself, which may be a derivative, and every derivatives/<pipeline>.
std::vector<std::string> roots_of(const std::string& bids_dir) {
    std::vector<std::string> out{bids_dir};
    for (auto& folder : folders_in((fs::path(bids_dir) / "derivatives").string(), "")) out.push_back(std::move(folder));
    return out;
}

/// A file that goes with the image: in the same space, and not of another acquisition.
bool goes_with(const BidsName& file, const BidsName& image) {
    if (file.label("space") != image.label("space")) return false;
    for (const char* key : {"acq", "dir", "run"})
        if (!file.label(key).empty() && !image.label(key).empty() && file.label(key) != image.label(key)) return false;
    return true;
}

struct Search {
    std::string what;      ///< "brain mask"
    std::string pattern;   ///< for the message
    std::string option;    ///< what to give instead
    std::function<bool(const BidsName&)> wanted;
    std::string except = {};  ///< a folder that is left out
    bool required = true;
};

/// Looks through places (paths below a root, such as "sub-01/ses-02/dwi") until one holds a candidate.
Found search(const std::string& bids_dir, const Session& session, const Search& search, const std::vector<std::string>& places) {
    const BidsName image = parse_bids_name(session.dwi);
    std::vector<std::string> elsewhere;  // right but for their space
    for (const auto& place : places) {
        std::vector<std::string> found;
        for (const auto& root : roots_of(bids_dir)) {
            std::error_code ignored;
            if (!search.except.empty() && fs::equivalent(root, search.except, ignored)) continue;
            for (const auto& file : files_in((fs::path(root) / place).string())) {
                const BidsName name = parse_bids_name(file);
                if (!search.wanted(name)) continue;
                (goes_with(name, image) ? found : elsewhere).push_back(file);
            }
        }
        if (found.size() > 1)
            throw InputError(fmt::format("{} has {} candidates for its {} ({}); choose one with {}", session.name(), found.size(), search.what,
                                         fmt::join(found, ", "), search.option));
        if (!found.empty()) return {found.front(), {}};
    }
    if (!search.required)
        return {{}, elsewhere.empty() ? "" : fmt::format("masks in another space or of another acquisition were left alone: {}", fmt::join(elsewhere, ", "))};
    throw InputError(fmt::format("{} has no {} (looked for {} in {} and its derivatives{}); give one with {}", session.name(), search.what, search.pattern, bids_dir,
                                 elsewhere.empty() ? "" : fmt::format("; in another space or of another acquisition: {}", fmt::join(elsewhere, ", ")), search.option));
}

void add_places(std::vector<std::string>& places, const std::string& folder) {
    places.push_back(folder + "/dwi");
    places.push_back(folder + "/anat");
}

}  // namespace

Found find_mask(const std::string& bids_dir, const Session& session, const std::string& except) {
    std::vector<std::string> places;
    add_places(places, session.folder());
    if (!session.session.empty()) add_places(places, "sub-" + session.subject);
    return search(bids_dir, session,
                  {"brain mask", "*_desc-brain_mask.nii.gz", "--mask FILE",
                   [](const BidsName& name) { return name.is_image("mask") && name.label("desc").starts_with("brain"); }, except, false},
                  places);
}

Found find_parcellation(const std::string& bids_dir, const Session& session, const std::string& label) {
    const std::string subject = "sub-" + session.subject;
    std::vector<std::string> places;
    add_places(places, session.folder());
    // The subject's other sessions, wherever they have folders.
    std::vector<std::string> others;
    for (const auto& root : roots_of(bids_dir))
        for (const auto& folder : folders_in((fs::path(root) / subject).string(), "ses-")) others.push_back(subject + "/" + fs::path(folder).filename().string());
    std::sort(others.begin(), others.end());
    others.erase(std::unique(others.begin(), others.end()), others.end());
    for (const auto& folder : others)
        if (folder != session.folder()) add_places(places, folder);
    if (!session.session.empty()) add_places(places, subject);

    Found found = search(bids_dir, session,
                         {label.empty() ? "parcellation" : "parcellation '" + label + "'", label.empty() ? "*_dseg.nii.gz" : fmt::format("*_{{desc,seg,atlas}}-{}_dseg.nii.gz", label),
                          "--parcellation FILE or --parcellation LABEL, that of its desc-, seg- or atlas-",
                          [&](const BidsName& name) {
                              return name.is_image("dseg") && (label.empty() || name.label("desc") == label || name.label("seg") == label || name.label("atlas") == label);
                          }},
                         places);
    const std::string from = parse_bids_name(found.path).label("ses");
    if (!from.empty() && from != session.session) found.remark = fmt::format("the parcellation is that of ses-{} (the same subject, so the same world frame is assumed)", from);
    return found;
}

std::string find_names(const std::string& parcellation) {
    fs::path beside(parcellation);
    if (beside.extension() == ".gz") beside.replace_extension();
    beside.replace_extension(".tsv");
    return fs::exists(beside) ? beside.string() : inherited(parcellation, ".tsv");
}

std::string atlas_label(const std::string& parcellation) {
    const BidsName name = parse_bids_name(parcellation);
    for (const char* key : {"atlas", "seg", "desc"})
        if (const auto label = name.label(key); !label.empty()) return label;
    std::string stem = fs::path(parcellation).filename().string(), label;
    for (const char c : stem.substr(0, stem.find('.')))
        if (std::isalnum(static_cast<unsigned char>(c))) label += c;
    return label.empty() ? "parcellation" : label;
}

std::string derivative_prefix(const Session& session) {
    std::string out;
    for (const auto& [key, label] : parse_bids_name(session.dwi).entities)
        if (key != "desc") out += key + "-" + label + "_";
    return out;
}

}  // namespace arcuate::study
