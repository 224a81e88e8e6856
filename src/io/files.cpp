#include "arcuate/io/files.hpp"

#include "arcuate/core/error.hpp"

#include "file_stream.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <list>
#include <mutex>

namespace arcuate::io {

namespace {

namespace fs = std::filesystem;

// ---- partial files that a signal must take along ---------------------------------------------------------------------
// The handler may touch only lock-free atomics and memory that is never freed: names live in a list that only grows.
constexpr std::array ending_signals{SIGINT, SIGTERM, SIGHUP};
std::array<std::atomic<const char*>, 256> partial_files{};
static_assert(std::atomic<const char*>::is_always_lock_free);

extern "C" void remove_partial_files(int signal) {
    for (const auto& slot : partial_files)
        if (const char* name = slot.load()) unlink(name);
    raise(signal);  // SA_RESETHAND restored the default action, which ends the process once this handler returns
}

void remember_partial(const std::string& name) {
    static std::mutex mutex;
    static auto& names = *new std::list<std::string>;  // outlives static destruction
    const std::lock_guard lock(mutex);
    if (names.empty())
        for (const int signal : ending_signals) {
            // A program that handles the signal itself keeps its handler, and one that ignores it keeps ignoring it.
            struct sigaction current {};
            if (sigaction(signal, nullptr, &current) != 0 || (current.sa_flags & SA_SIGINFO) || current.sa_handler != SIG_DFL) continue;
            struct sigaction ours {};
            ours.sa_handler = remove_partial_files;
            ours.sa_flags = static_cast<int>(SA_RESETHAND);
            sigaction(signal, &ours, nullptr);
        }
    names.push_back(name);
    for (auto& slot : partial_files) {
        const char* empty = nullptr;
        if (slot.compare_exchange_strong(empty, names.back().c_str())) return;
    }
}

void forget_partial(const std::string& name) {
    for (auto& slot : partial_files) {
        const char* held = slot.load();
        if (held && name == held) slot.store(nullptr);
    }
}

// ---- paths -------------------------------------------------------------------------------------------------------------
/// Folder, name and extension; ".nii.gz" is one extension.
struct PathParts {
    fs::path folder;
    std::string stem, extension;
};

PathParts split_path(const std::string& path) {
    const fs::path whole(path);
    PathParts parts{whole.parent_path(), whole.stem().string(), whole.extension().string()};
    if (parts.extension == ".gz") {
        const fs::path inner(parts.stem);
        parts.extension = inner.extension().string() + parts.extension;
        parts.stem = inner.stem().string();
    }
    return parts;
}

std::string partial_name(const std::string& path) {
    static std::atomic<unsigned> counter{0};
    const auto parts = split_path(path);
    return (parts.folder / fmt::format(".{}.partial-{}-{}{}", parts.stem, getpid(), counter++, parts.extension)).string();
}

nlohmann::ordered_json core_json(const Provenance& provenance) {
    nlohmann::ordered_json json;
    json["command"] = provenance.command;
    json["version"] = version();
    auto& parameters = json["parameters"] = nlohmann::ordered_json::object();
    for (const auto& [name, value] : provenance.parameters) parameters[name] = value;
    auto& inputs = json["inputs"] = nlohmann::ordered_json::array();
    // Not the path: the same input gives the same bytes wherever it lies. Its path stands in the sidecar.
    for (const auto& input : provenance.inputs) inputs.push_back({{"role", input.role}, {"sha256", input.sha256}});
    return json;
}

/// Command lines and paths may hold bytes that are no UTF-8.
std::string dump(const nlohmann::ordered_json& json, int indent) {
    return json.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

void require_writable(const std::string& path, bool overwrite) {
    const fs::path whole(path);
    if (whole.filename().empty()) throw OutputError(fmt::format("cannot write '{}' (it names no file); give a file name", path));
    const fs::path folder = whole.has_parent_path() ? whole.parent_path() : fs::path(".");
    std::error_code error;
    if (!fs::is_directory(folder, error))
        throw OutputError(fmt::format("cannot write {} (the folder {} does not exist); create it first", path, folder.string()));
    if (access(folder.c_str(), W_OK | X_OK) != 0)
        throw OutputError(fmt::format("cannot write {} (the folder {} is not writable: {}); choose another folder", path, folder.string(),
                                      std::strerror(errno)));
    const auto status = fs::status(whole, error);
    if (!fs::exists(status)) return;
    if (!fs::is_regular_file(status))
        throw OutputError(fmt::format("cannot write {} (it exists and is not a regular file); choose another name", path));
    if (!overwrite) throw OutputError(fmt::format("{} exists already (outputs are not overwritten unasked); add --force or choose "
                                                  "another name", path));
}

OutputFile::OutputFile(std::string path, bool overwrite) : OutputFile(std::move(path), overwrite, false) {}

OutputFile::OutputFile(std::string path, bool overwrite, bool resumed) : path_(std::move(path)), kept_(resumed) {
    require_writable(path_, overwrite);
    partial_ = resumed ? path_ + ".partial" : partial_name(path_);
    if (!resumed) remember_partial(partial_);
}

OutputFile::~OutputFile() {
    if (committed_ || kept_) return;
    unlink(partial_.c_str());
    forget_partial(partial_);
}

void OutputFile::commit() {
    if (std::rename(partial_.c_str(), path_.c_str()) != 0)
        throw OutputError(fmt::format("cannot write {} ({}); check the folder's permissions", path_, std::strerror(errno)));
    committed_ = true;
    forget_partial(partial_);
}

void OutputFile::keep() {
    if (kept_) return;
    const std::string name = path_ + ".partial";
    if (std::rename(partial_.c_str(), name.c_str()) != 0)
        throw OutputError(fmt::format("cannot write {} ({}); check the folder's permissions", name, std::strerror(errno)));
    forget_partial(partial_);
    partial_ = name;
    kept_ = true;
}

void write_text(const std::string& path, const std::string& text, bool overwrite) {
    OutputFile output(path, overwrite);
    FileStream stream(output.partial(), path);
    stream.write(text);
    stream.close();
    output.commit();
}

std::string provenance_core_json(const Provenance& provenance) { return dump(core_json(provenance), -1); }

std::string sidecar_path(const std::string& output_path) {
    const auto parts = split_path(output_path);
    return (parts.folder / (parts.stem + ".json")).string();
}

void write_sidecar(const std::string& output_path, const Provenance& provenance, bool overwrite, const MapDescription& map) {
    nlohmann::ordered_json json;
    if (!map.description.empty()) {
        json["Description"] = map.description;
        if (!map.units.empty()) json["Units"] = map.units;
        auto& model = json["Model"];
        model["Description"] = map.model;
        for (const auto& [name, value] : provenance.parameters) model["Parameters"][name] = value;
        if (!map.representation.empty()) {
            auto& encoding = json["OrientationEncoding"];
            encoding["Type"] = map.representation;
            encoding["Reference"] = "xyz";  // scanner axes
            encoding["EncodingAxis"] = 3;
            if (map.representation != "dec") encoding["AntipodalSymmetry"] = true;
            if (!map.order.empty()) encoding["Order"] = map.order;
            if (map.representation == "sh") {
                encoding["SphericalHarmonicBasis"] = "MRtrix3";
                encoding["SphericalHarmonicDegree"] = map.lmax;
            }
        }
    }
    json["GeneratedBy"] = {{{"Name", "Arcuate"}, {"Version", version()}, {"Description", "arcuate " + provenance.command}}};
    auto& sources = json["Sources"] = nlohmann::ordered_json::array();
    for (const auto& input : provenance.inputs) sources.push_back(input.path);
    auto& core = json["Provenance"] = core_json(provenance);
    for (std::size_t i = 0; i < provenance.inputs.size(); ++i) core["inputs"][i]["path"] = provenance.inputs[i].path;
    json["Run"] = {{"command_line", provenance.command_line},
                   {"device", provenance.device},
                   {"threads", provenance.threads},
                   {"seconds", provenance.seconds}};
    write_text(sidecar_path(output_path), dump(json, 2) + "\n", overwrite);
}

}  // namespace arcuate::io
