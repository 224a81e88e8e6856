// TRX: a zip of arrays (github.com/tee-ar-ex/trx-spec). Every array grows in a file of its own, and commit() puts them together. Positions, by far the
// largest, grow within the archive itself, behind a header.json of fixed length, so that they are written once.
#include "data_type.hpp"
#include "resumable_file.hpp"
#include "tractogram_files.hpp"
#include "zip_write.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <deque>

namespace arcuate::io {

namespace {

// Coordinates and weights are noise in their low bits: as for maps (gzip.cpp), more than the first level costs time and saves little.
constexpr int deflate_level = 1;

std::string array_name(const std::string& folder, const DataField& field) {
    return folder + field.name + (field.columns > 1 ? "." + std::to_string(field.columns) : "") + "." + std::string(name_of(field.type));
}

void require_name(const std::string& name, const std::string& path) {
    if (name.empty() || name.find_first_of("./\\") != std::string::npos)
        throw OutputError(fmt::format("cannot write {} (a name of data or of a group cannot be empty or hold a dot or slash: '{}'); rename it", path, name));
}

/// An array in the making.
struct Part {
    Part(std::string in_archive, DataType of, const std::string& path, bool overwrite, std::optional<std::int64_t> bytes, std::int64_t skip, std::uint32_t checksum)
        : name(std::move(in_archive)), type(of), file(path, overwrite, bytes), before(skip), crc(checksum) {}

    std::string name;  ///< in the archive
    DataType type;
    ResumableFile file;
    std::int64_t before;  ///< bytes of the file that are not the array's
    std::uint32_t crc;
    std::string block{};

    std::int64_t bytes() const { return file.bytes() - before; }
    void flush() {
        crc = static_cast<std::uint32_t>(crc32_z(crc, reinterpret_cast<const unsigned char*>(block.data()), block.size()));
        file.write(block);
        block.clear();
    }
};

class TrxWriter : public TractogramWriter {
  public:
    TrxWriter(const std::string& path, const TractogramOptions& options, const nlohmann::json& resume)
        : path_(path), options_(options), compress_(options.compress), position_type_(options.float16 ? DataType::float16 : DataType::float32) {
        required_grid(options, path);
        for (const auto* fields : {&options.per_streamline, &options.per_vertex})
            for (const auto& field : *fields) require_name(field.name, path);
        const DataField positions{"positions", 3, position_type_};
        const std::string name = array_name("", positions);
        // header.json (three counts may grow by 20 digits) and the local headers of both, at their longest, then the first vertex at a multiple of 64.
        options_.properties["total_count"] = count_text(0);
        first_vertex_ = compress_ ? 0 : static_cast<std::int64_t>((header_json().size() + 3 * 20 + 30 + 11 + 30 + name.size() + 20 + 63) / 64 * 64);
        if (!resume.is_null()) {
            streamlines_ = resume.at("streamlines").get<std::int64_t>();
            vertices_ = resume.at("vertices").get<std::int64_t>();
        }
        add(name, position_type_, "", first_vertex_, resume);
        add("offsets.uint64", DataType::uint64, ".offsets", 0, resume);
        for (const auto& field : options.per_streamline) add(array_name("dps/", field), field.type, ".dps-" + field.name, 0, resume);
        for (const auto& field : options.per_vertex) add(array_name("dpv/", field), field.type, ".dpv-" + field.name, 0, resume);
        if (!resume.is_null() && resume.at("parts").size() != parts_.size())
            throw InputError(fmt::format("cannot go on with {} (its checkpoint is of other arrays); start again", path));
    }

    void append(const TractogramView& streamlines) override {
        require_arrays(streamlines, options_, path_);
        auto& positions = parts_[0];
        for (std::int64_t s = 0; s < streamlines.size(); ++s) {
            const auto vertices = streamlines.streamline(s);
            for (const float value : vertices) {
                if (!std::isfinite(value)) refuse_vertex(streamlines_ + s, path_);
                if (position_type_ == DataType::float16 && !encode(position_type_, static_cast<double>(value), positions.block))
                    throw InputError(fmt::format("streamline {} has a coordinate of {} mm, which half precision cannot hold; write {} in single precision", streamlines_ + s, value, path_));
            }
            if (position_type_ == DataType::float32) positions.block.append(reinterpret_cast<const char*>(vertices.data()), vertices.size_bytes());
            if (positions.block.size() >= 1 << 20) positions.flush();
            const std::uint64_t begin = static_cast<std::uint64_t>(vertices_) + (streamlines.offsets[static_cast<std::size_t>(s)] - streamlines.offsets[0]);
            put_offset(begin);
        }
        std::size_t part = 2;
        for (const auto arrays : {streamlines.per_streamline, streamlines.per_vertex})
            for (const auto& array : arrays) {
                for (const double value : array.values)
                    if (!encode(parts_[part].type, value, parts_[part].block))
                        throw InputError(fmt::format("cannot write {} (its data '{}' are stored as {}, which cannot hold {}); choose another type", path_, array.name,
                                                     name_of(parts_[part].type), value));
                ++part;
            }
        for (auto& p : parts_)
            if (p.block.size() >= 1 << 20) p.flush();
        streamlines_ += streamlines.size();
        if (streamlines.size() > 0) vertices_ += static_cast<std::int64_t>(streamlines.offsets.back() - streamlines.offsets[0]);
    }

    std::string checkpoint() override {
        nlohmann::ordered_json json{{"format", "trx"}, {"streamlines", streamlines_}, {"vertices", vertices_}};
        auto& parts = json["parts"] = nlohmann::ordered_json::array();
        for (auto& part : parts_) {
            part.flush();
            part.file.checkpoint();
            parts.push_back({{"array", part.name}, {"bytes", part.file.bytes()}, {"crc", part.crc}});
        }
        return json.dump();
    }

    void commit(std::int64_t total_count, std::span<const StreamlineGroup> groups) override {
        options_.properties["total_count"] = count_text(total_count);
        put_offset(static_cast<std::uint64_t>(vertices_));  // the sentinel
        for (auto& part : parts_) part.flush();
        if (compress_) return commit_compressed(groups);

        auto& archive = parts_[0].file;
        std::int64_t at = archive.bytes();
        // The two entries before and around the positions: header.json takes what the other's header leaves.
        ZipEntry positions{parts_[0].name, false, parts_[0].crc, parts_[0].bytes(), parts_[0].bytes(), 0};
        const auto positions_header = zip_local_header(positions).size();
        ZipEntry header{"header.json", false, 0, 0, 0, 0};
        std::string json = header_json();
        json.resize(static_cast<std::size_t>(first_vertex_) - positions_header - zip_local_header(header).size(), ' ');
        header.bytes = header.stored_bytes = static_cast<std::int64_t>(json.size());
        header.crc = static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const unsigned char*>(json.data()), json.size()));
        positions.header_at = first_vertex_ - static_cast<std::int64_t>(positions_header);

        std::vector<ZipEntry> entries{header, positions};
        auto& stream = archive.stream();
        for (std::size_t i = 1; i < parts_.size(); ++i) entries.push_back(copy(parts_[i], stream, at));
        for (auto& entry : group_entries(groups, stream, at)) entries.push_back(std::move(entry));
        stream.write(zip_directory(entries, at));
        stream.rewind();
        stream.write(zip_local_header(header) + json + zip_local_header(positions));
        archive.close();
        archive.commit();
        for (std::size_t i = 1; i < parts_.size(); ++i) parts_[i].file.remove();
    }

    std::int64_t size() const override { return streamlines_; }

  private:
    void add(const std::string& name, DataType type, const std::string& suffix, std::int64_t before, const nlohmann::json& resume) {
        std::optional<std::int64_t> bytes;
        std::uint32_t crc = 0;
        if (!resume.is_null()) {
            const auto& saved = resume.at("parts").at(parts_.size());
            if (saved.at("array").get<std::string>() != name) throw InputError(fmt::format("cannot go on with {} (its checkpoint is of other arrays); start again", path_));
            bytes = saved.at("bytes").get<std::int64_t>();
            crc = saved.at("crc").get<std::uint32_t>();
        }
        parts_.emplace_back(name, type, path_ + suffix, options_.overwrite || !suffix.empty(), bytes, before, crc);
        if (!bytes) parts_.back().file.write(std::string(static_cast<std::size_t>(before), '\0'));
    }

    static std::string count_text(std::int64_t count) { return fmt::format("{:010}", count); }  // as in .tck
    void put_offset(std::uint64_t offset) { parts_[1].block.append(reinterpret_cast<const char*>(&offset), sizeof offset); }

    std::string header_json() const {
        nlohmann::ordered_json json;
        const Grid& grid = *options_.grid;
        json["DIMENSIONS"] = grid.size;
        for (std::size_t i = 0; i < 3; ++i) {
            const auto& row = grid.voxel_to_world.linear[i];
            json["VOXEL_TO_RASMM"].push_back({row[0], row[1], row[2], grid.voxel_to_world.offset[i]});
        }
        json["VOXEL_TO_RASMM"].push_back({0.0, 0.0, 0.0, 1.0});
        json["NB_VERTICES"] = vertices_;
        json["NB_STREAMLINES"] = streamlines_;
        // Not in the specification, which lets a header have more: what .tck has in its header.
        if (!options_.properties.empty()) json["PROPERTIES"] = options_.properties;
        return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    }

    /// The bytes of a finished file as an entry at `at`, which moves on.
    ZipEntry copy(Part& part, FileStream& to, std::int64_t& at) {
        part.file.close();
        ZipEntry entry{part.name, compress_, part.crc, part.bytes(), part.bytes(), at};
        to.write(zip_local_header(entry));
        const std::unique_ptr<std::FILE, int (*)(std::FILE*)> from{std::fopen(part.file.where().c_str(), "rb"), std::fclose};
        if (!from) throw OutputError(fmt::format("cannot read {} again (it was written just now); check the folder", part.file.where()));
        const std::int64_t data_at = at + static_cast<std::int64_t>(zip_local_header(entry).size());
        if (compress_) entry.stored_bytes = deflate_into(from.get(), to);
        else {
            std::string block(1 << 20, '\0');
            std::int64_t copied = 0;
            while (const auto n = std::fread(block.data(), 1, block.size(), from.get())) {
                to.write(block.data(), n);
                copied += static_cast<std::int64_t>(n);
            }
            if (copied != entry.bytes) throw OutputError(fmt::format("cannot read {} again (it has other bytes than were written); check the disk", part.file.where()));
        }
        finish(entry, to, data_at, at);
        return entry;
    }

    /// Rewrites the local header, now that the compressed size is known.
    static void finish(const ZipEntry& entry, FileStream& to, std::int64_t data_at, std::int64_t& at) {
        to.seek(entry.header_at);
        to.write(zip_local_header(entry));
        at = data_at + entry.stored_bytes;
        to.seek(at);
    }

    std::int64_t deflate_into(std::FILE* from, FileStream& to) const {
        z_stream z{};
        if (deflateInit2(&z, deflate_level, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) != Z_OK) throw OutputError(fmt::format("cannot write {} (zlib has no memory); close other programs", path_));
        const std::unique_ptr<z_stream, int (*)(z_stream*)> end{&z, deflateEnd};
        std::vector<unsigned char> in(1 << 16), out(1 << 16);
        std::int64_t written = 0;
        for (int code = Z_OK; code != Z_STREAM_END;) {
            if (z.avail_in == 0) {
                z.next_in = in.data();
                z.avail_in = static_cast<unsigned>(std::fread(in.data(), 1, in.size(), from));
            }
            z.next_out = out.data();
            z.avail_out = static_cast<unsigned>(out.size());
            code = deflate(&z, z.avail_in == 0 ? Z_FINISH : Z_NO_FLUSH);
            to.write(out.data(), out.size() - z.avail_out);
            written += static_cast<std::int64_t>(out.size() - z.avail_out);
        }
        return written;
    }

    /// Small enough to be entries from memory, and always stored.
    ZipEntry put_entry(const std::string& name, const std::string& bytes, FileStream& to, std::int64_t& at) const {
        const auto size = static_cast<std::int64_t>(bytes.size());
        const ZipEntry entry{name, false, static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size())), size, size, at};
        const std::string header = zip_local_header(entry);
        to.write(header);
        to.write(bytes);
        at += static_cast<std::int64_t>(header.size()) + size;
        return entry;
    }

    std::vector<ZipEntry> group_entries(std::span<const StreamlineGroup> groups, FileStream& to, std::int64_t& at) const {
        std::vector<ZipEntry> entries;
        for (const auto& group : groups) {
            require_name(group.name, path_);
            entries.push_back(put_entry("groups/" + group.name + ".uint32", std::string(reinterpret_cast<const char*>(group.members.data()), 4 * group.members.size()), to, at));
            for (const auto& array : group.data) {
                std::string bytes;
                for (const double value : array.values) encode(array.type, value, bytes);
                entries.push_back(put_entry(array_name("dpg/" + group.name + "/", array), bytes, to, at));
            }
        }
        return entries;
    }

    void commit_compressed(std::span<const StreamlineGroup> groups) {
        OutputFile output(path_, options_.overwrite);
        FileStream stream(output.partial(), path_);
        std::int64_t at = 0;
        std::vector<ZipEntry> entries{put_entry("header.json", header_json(), stream, at)};
        for (auto& part : parts_) entries.push_back(copy(part, stream, at));
        for (auto& entry : group_entries(groups, stream, at)) entries.push_back(std::move(entry));
        stream.write(zip_directory(entries, at));
        stream.close();
        output.commit();
        for (auto& part : parts_) part.file.remove();
    }

    std::string path_;
    TractogramOptions options_;
    bool compress_;
    DataType position_type_;
    std::int64_t first_vertex_ = 0;  ///< byte of the archive
    std::int64_t streamlines_ = 0, vertices_ = 0;
    std::deque<Part> parts_;  ///< positions, offsets, then the data in the order of the options
};

}  // namespace

Writer write_trx(const std::string& path, const TractogramOptions& options, const nlohmann::json& resume) {
    return std::make_unique<TrxWriter>(path, options, resume);
}

}  // namespace arcuate::io
