#include "study/bids_name.hpp"

#include <algorithm>
#include <filesystem>

namespace arcuate::study {

namespace fs = std::filesystem;

std::string BidsName::label(const std::string& key) const {
    for (const auto& [k, l] : entities)
        if (k == key) return l;
    return {};
}

BidsName parse_bids_name(const std::string& path) {
    BidsName out;
    std::string name = fs::path(path).filename().string();
    if (const auto dot = name.find('.'); dot != std::string::npos) {
        out.extension = name.substr(dot);
        name.resize(dot);
    }
    for (std::size_t begin = 0; begin <= name.size();) {
        const auto end = std::min(name.find('_', begin), name.size());
        const auto part = name.substr(begin, end - begin);
        if (const auto dash = part.find('-'); dash != std::string::npos)
            out.entities.emplace_back(part.substr(0, dash), part.substr(dash + 1));
        else if (end < name.size())
            out.entities.emplace_back(part, part);  // not BIDS, but a part that two names may differ in
        else
            out.suffix = part;
        begin = end + 1;
    }
    return out;
}

std::string inherited(const std::string& path, const std::string& extension) {
    const BidsName wanted = parse_bids_name(path);
    for (fs::path folder = fs::absolute(path).lexically_normal().parent_path(); !folder.empty(); folder = folder.parent_path()) {
        std::string best;
        std::size_t best_entities = 0;
        for (const auto& file : files_in(folder.string())) {
            const BidsName name = parse_bids_name(file);
            if (name.suffix != wanted.suffix || name.extension != extension) continue;
            const auto shared = [&](const auto& entity) { return wanted.label(entity.first) == entity.second; };
            if (!std::all_of(name.entities.begin(), name.entities.end(), shared)) continue;
            if (best.empty() || name.entities.size() > best_entities) {
                best = file;
                best_entities = name.entities.size();
            }
        }
        if (!best.empty()) return best;
        // The folder above that of the subject is the data set's; nothing above it belongs to the data set.
        const std::string subject = wanted.label("sub");
        const bool inside = std::any_of(folder.begin(), folder.end(), [&](const fs::path& part) { return part.string() == "sub-" + subject; });
        if (!inside || folder == folder.root_path()) break;
    }
    return {};
}

std::vector<std::string> files_in(const std::string& folder) {
    std::vector<std::string> out;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error))
        if (!entry.is_directory(error)) out.push_back(entry.path().string());
    std::sort(out.begin(), out.end());
    return out;
}

std::vector<std::string> folders_in(const std::string& folder, const std::string& prefix) {
    std::vector<std::string> out;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error))
        if (entry.is_directory(error) && entry.path().filename().string().starts_with(prefix)) out.push_back(entry.path().string());
    std::sort(out.begin(), out.end());
    return out;
}

std::string without_prefix(const std::string& label, const std::string& prefix) { return label.starts_with(prefix) ? label.substr(prefix.size()) : label; }

}  // namespace arcuate::study
