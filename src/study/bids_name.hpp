// A BIDS file name taken apart: sub-01_ses-02_run-1_dwi.nii.gz has the entities sub, ses and run, the suffix dwi and the extension .nii.gz.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace arcuate::study {

struct BidsName {
    std::vector<std::pair<std::string, std::string>> entities;  ///< (key, label) in the order of the name
    std::string suffix;
    std::string extension;  ///< from the first dot on

    /// The label, or empty.
    std::string label(const std::string& key) const;
    bool is_image(const std::string& with_suffix) const { return suffix == with_suffix && (extension == ".nii" || extension == ".nii.gz"); }
};

/// Of the last component of a path.
BidsName parse_bids_name(const std::string& path);

/// The file with `extension` that belongs to `path` by the inheritance principle: in its folder or one above, up to that which holds the subject's (or,
/// without a subject, its own), a file of the same suffix whose entities all are among those of `path`. The nearest folder wins, then the
/// most entities. Empty where there is none.
std::string inherited(const std::string& path, const std::string& extension);

/// The files in a folder, by name; none where there is no such folder.
std::vector<std::string> files_in(const std::string& folder);
/// The folders in it whose names begin with `prefix`, by name.
std::vector<std::string> folders_in(const std::string& folder, const std::string& prefix);

/// "sub-01" and "01" -> "01".
std::string without_prefix(const std::string& label, const std::string& prefix);

}  // namespace arcuate::study
