// The folder of a phantom's data set: whole or absent, and what every phantom writes into it.
#pragma once

#include "arcuate/core/parcellation.hpp"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <string>

namespace arcuate::study {

/// A folder in the making, beside its final place; gone again unless commit() is reached.
class PhantomFolder {
  public:
    /// Throws OutputError where `final_place` exists and is not empty, unless it holds a phantom and `overwrite` is set.
    PhantomFolder(std::filesystem::path final_place, bool overwrite);
    ~PhantomFolder();
    PhantomFolder(const PhantomFolder&) = delete;
    PhantomFolder& operator=(const PhantomFolder&) = delete;

    /// A path inside, its folder made.
    std::string file(const std::string& relative) const;
    void write_json(const std::string& relative, const nlohmann::ordered_json& json) const;
    /// dataset_description.json of a derivative in `folder`, which ends in a slash.
    void describe(const std::string& folder, const std::string& name) const;
    /// Brain mask and named nodes of a session among the derivatives; `stem` is such as "sub-01/ses-01/dwi/sub-01_ses-01_".
    void write_mask_and_nodes(const std::string& stem, const Mask& mask, const Parcellation& nodes) const;
    /// Writes what describes the data set as a whole and moves the folder to its place.
    void commit();

  private:
    std::filesystem::path final_, path_;
    bool committed_ = false;
};

}  // namespace arcuate::study
