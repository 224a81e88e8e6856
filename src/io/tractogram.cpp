#include "arcuate/io/files.hpp"
#include "arcuate/io/tractogram.hpp"

#include "text.hpp"
#include "tractogram_files.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace arcuate::io {

namespace {

namespace fs = std::filesystem;


/// The first bytes of a file.
std::string beginning(const std::string& path) {
    if (fs::is_directory(path)) throw InputError(fmt::format("cannot open {} (it is a folder); give a tractogram file", path));
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "rb"), std::fclose};
    if (!file) throw InputError(fmt::format("cannot open {} ({}); check the path", path, std::strerror(errno)));
    char bytes[16] = {};
    const auto n = std::fread(bytes, 1, sizeof bytes, file.get());
    return {bytes, n};
}

Writer make_writer(const std::string& path, const TractogramOptions& options, const nlohmann::json& resume) {
    if (has_extension(path, ".tck")) return write_tck(path, options, resume);
    if (has_extension(path, ".trk")) return write_trk(path, options, resume);
    if (has_extension(path, ".trx")) return write_trx(path, options, resume);
    throw OutputError(fmt::format("cannot write {} (tractograms are written as .tck, .trk and .trx); choose such a name", path));
}

class Collector : public StreamlineSink {
  public:
    Tractogram all;
    void append(const TractogramView& streamlines) override {
        const std::uint64_t base = all.offsets.back();
        all.positions.insert(all.positions.end(), streamlines.positions.begin(), streamlines.positions.end());
        for (const auto offset : streamlines.offsets.subspan(1)) all.offsets.push_back(base + offset);
        const auto join = [](std::vector<DataArray>& to, std::span<const DataArray> from) {
            for (std::size_t i = 0; i < to.size(); ++i) to[i].values.insert(to[i].values.end(), from[i].values.begin(), from[i].values.end());
        };
        join(all.per_streamline, streamlines.per_streamline);
        join(all.per_vertex, streamlines.per_vertex);
    }
};

}  // namespace

Reader open_tractogram(const std::string& path) {
    const std::string start = beginning(path);
    if (start.starts_with("mrtrix tracks")) return open_tck(path);
    if (start.starts_with("TRACK")) return open_trk(path);
    if (start.starts_with("PK\x03\x04") || start.starts_with("PK\x05\x06")) return open_trx(path);
    if (start.starts_with("\x1f\x8b") && !has_extension(path, ".tt.gz")) return open_trk(path);
    const char* why = start.empty()                         ? "it is empty"
                      : has_extension(path, ".tt.gz")       ? "it is a .tt.gz of DSI Studio"
                      : start.starts_with("# vtk DataFile") ? "it is a .vtk"
                                                            : "it begins like none of them";
    throw InputError(fmt::format("{} is not a tractogram that can be read ({}; .tck, .trk, .trk.gz and .trx can); convert it with the program that wrote it", path, why));
}

TractogramInfo stream_tractogram(const std::string& path, StreamlineSink& sink, std::int64_t batch) {
    const auto reader = open_tractogram(path);
    reader->stream(sink, batch);
    return reader->info();
}

Tractogram read_tractogram(const std::string& path) {
    const auto reader = open_tractogram(path);
    Collector collector;
    collector.all.per_streamline = empty_arrays(reader->info().per_streamline);
    collector.all.per_vertex = empty_arrays(reader->info().per_vertex);
    collector.all.properties = reader->info().properties;
    reader->stream(collector);
    return std::move(collector.all);
}

Writer make_tractogram_writer(const std::string& path, const TractogramOptions& options) {
    if (!options.overwrite && fs::exists(path + ".partial"))
        throw OutputError(fmt::format("{}.partial exists (an interrupted run kept it); continue that run, delete the file, or add --force", path));
    return make_writer(path, options, nullptr);
}

Writer resume_tractogram_writer(const std::string& path, const TractogramOptions& options, const std::string& checkpoint) {
    try {
        return make_writer(path, options, nlohmann::json::parse(checkpoint));
    } catch (const nlohmann::json::exception& error) {
        throw InputError(fmt::format("cannot go on with {} (its checkpoint is damaged or that of another format: {}); start again", path, error.what()));
    }
}

std::vector<DataArray> empty_arrays(const std::vector<DataField>& fields) {
    std::vector<DataArray> arrays;
    for (const auto& field : fields) arrays.push_back({field, {}});
    return arrays;
}

void require_arrays(const TractogramView& view, const TractogramOptions& options, const std::string& path) {
    const auto check = [&](std::span<const DataArray> arrays, const std::vector<DataField>& fields, std::size_t rows) {
        bool fits = arrays.size() == fields.size();
        for (std::size_t i = 0; fits && i < fields.size(); ++i)
            fits = arrays[i].name == fields[i].name && arrays[i].values.size() == rows * static_cast<std::size_t>(fields[i].columns);
        if (!fits) throw InputError(fmt::format("cannot write {} (streamlines came without the data that were announced for them); announce what is appended", path));
    };
    check(view.per_streamline, options.per_streamline, static_cast<std::size_t>(view.size()));
    check(view.per_vertex, options.per_vertex, view.positions.size() / 3);
}

const Grid& required_grid(const TractogramOptions& options, const std::string& path) {
    if (!options.grid)
        throw InputError(fmt::format("cannot write {} (its format states the grid of an image, and none is known); give a reference image", path));
    for (const auto n : options.grid->size)
        if (n < 1 || n > 32767) throw InputError(fmt::format("cannot write {} (its format has no room for an image of {} voxels along an axis); use .tck", path, n));
    return *options.grid;
}

void refuse_vertex(std::int64_t streamline, const std::string& path) {
    throw InputError(fmt::format("streamline {} has a vertex that is not finite (no reader of {} could place it); remove it", streamline, path));
}

}  // namespace arcuate::io
