#include "study/phantom_folder.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/core/provenance.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/tables.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <fstream>

namespace arcuate::study {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* dataset_name = "Arcuate phantom";

bool holds_phantom(const fs::path& folder) {
    std::ifstream stream(folder / "dataset_description.json");
    const Json description = Json::parse(stream, nullptr, false);
    return description.is_object() && description.value("Name", "") == dataset_name;
}

Json description(const std::string& name, const std::string& type) {
    return {{"Name", name},
            {"BIDSVersion", "1.9.0"},
            {"DatasetType", type},
            {"GeneratedBy", Json::array({{{"Name", "Arcuate"}, {"Version", version()}, {"Description", "arcuate phantom"}}})}};
}

}  // namespace

PhantomFolder::PhantomFolder(fs::path final_place, bool overwrite) : final_(std::move(final_place)) {
    if (!final_.has_filename()) final_ = final_.parent_path();  // a trailing slash
    std::error_code error;
    if (fs::exists(final_, error) && !(fs::is_directory(final_, error) && fs::is_empty(final_, error))) {
        if (!overwrite)
            throw OutputError(fmt::format("{} exists already (and is not an empty folder); add --force or choose another", final_.string()));
        if (!holds_phantom(final_))
            throw OutputError(fmt::format("{} is not replaced (it holds something else than a phantom); choose another folder", final_.string()));
    }
    const fs::path parent = final_.has_parent_path() ? final_.parent_path() : fs::path(".");
    fs::create_directories(parent, error);
    path_ = parent / fmt::format(".{}.partial-{}", final_.filename().string(), getpid());
    if (!fs::create_directory(path_, error))
        throw OutputError(fmt::format("cannot write into {} ({}); choose another folder", parent.string(), error ? error.message() : "a left-over is there"));
}

PhantomFolder::~PhantomFolder() {
    std::error_code ignored;
    if (!committed_) fs::remove_all(path_, ignored);
}

std::string PhantomFolder::file(const std::string& relative) const {
    const fs::path whole = path_ / relative;
    fs::create_directories(whole.parent_path());
    return whole.string();
}

void PhantomFolder::write_json(const std::string& relative, const Json& json) const { io::write_text(file(relative), json.dump(2) + "\n", false); }

void PhantomFolder::describe(const std::string& folder, const std::string& name) const {
    write_json(folder + "dataset_description.json", description(name, "derivative"));
}

void PhantomFolder::write_mask_and_nodes(const std::string& stem, const Mask& mask, const Parcellation& nodes) const {
    io::Table names{{"index", "name"}};
    for (const auto& node : nodes.nodes) names.push_back({std::to_string(node.label), node.name});
    io::write_mask(file("derivatives/masks/" + stem + "desc-brain_mask.nii.gz"), mask, false);
    io::write_labels(file("derivatives/parcels/" + stem + "desc-nodes_dseg.nii.gz"), nodes.labels, false);
    io::write_table(file("derivatives/parcels/" + stem + "desc-nodes_dseg.tsv"), names, false);
}

void PhantomFolder::commit() {
    write_json("dataset_description.json", description(dataset_name, "raw"));
    describe("derivatives/masks/", "Masks of the Arcuate phantom");
    describe("derivatives/parcels/", "Nodes of the Arcuate phantom");
    std::error_code error;
    fs::remove_all(final_, error);
    fs::rename(path_, final_, error);
    if (error) throw OutputError(fmt::format("cannot write {} ({}); check the folder's permissions", final_.string(), error.message()));
    committed_ = true;
}

}  // namespace arcuate::study
