#include "gz_source.hpp"
#include "text.hpp"
#include "tractogram_files.hpp"
#include "trk_header.hpp"

#include <bit>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>

#include <algorithm>

namespace arcuate::io {

namespace {

template <class T>
void swap_bytes(T& value) {
    auto* bytes = reinterpret_cast<unsigned char*>(&value);
    std::reverse(bytes, bytes + sizeof value);
}

void swap_numbers(TrkHeader& h) {
    for (int i = 0; i < 3; ++i) {
        swap_bytes(h.dim[i]);
        swap_bytes(h.voxel_size[i]);
    }
    for (auto& row : h.vox_to_ras)
        for (auto& value : row) swap_bytes(value);
    swap_bytes(h.scalars);
    swap_bytes(h.properties);
    swap_bytes(h.count);
    swap_bytes(h.version);
    swap_bytes(h.header_size);
}

class TrkReader : public TractogramReader {
  public:
    explicit TrkReader(const std::string& path) : path_(path), source_(path) {
        if (source_.read_some(&header_, sizeof header_) < sizeof header_ || std::string_view(header_.id, 5) != "TRACK")
            throw InputError(fmt::format("{} is not a .trk tractogram (it has no header of one); convert it with the program that wrote it", path));
        if (header_.header_size != 1000) {
            swap_numbers(header_);
            swapped_ = true;
        }
        if (header_.header_size != 1000)
            throw InputError(fmt::format("{} has a damaged header (it gives its own size as neither byte order of 1000); copy it again", path));
        if (header_.version < 1 || header_.version > 3)
            throw InputError(fmt::format("{} is a .trk of version {} (versions 1 and 2 can be read); convert it with the program that wrote it", path, header_.version));
        if (header_.version == 1) header_.vox_to_ras[3][3] = 0;  // the field came with version 2
        if (header_.count < 0) throw InputError(fmt::format("{} has a damaged header (it counts {} streamlines); copy it again", path, header_.count));

        to_world_ = trk_to_world(header_, path);
        info_.format = "trk";
        if (header_.count > 0) info_.streamlines = header_.count;
        info_.per_vertex = trk_fields(header_.scalar_name, header_.scalars, "scalars", path);
        info_.per_streamline = trk_fields(header_.property_name, header_.properties, "properties", path);
        if (header_.dim[0] > 0 && header_.dim[1] > 0 && header_.dim[2] > 0 && header_.vox_to_ras[3][3] != 0)
            info_.grid = Grid{{header_.dim[0], header_.dim[1], header_.dim[2]}, trk_affine(header_)};
        // An uncompressed file tells at once whether it can hold what it promises.
        if (has_extension(path, ".trk")) {
            const auto bytes = static_cast<std::int64_t>(std::filesystem::file_size(path)) - 1000;
            if (std::int64_t{header_.count} * (4 + 4 * header_.properties) > bytes) truncated(0);
        }
    }

    void stream(StreamlineSink& sink, std::int64_t batch) override {
        Tractogram pending;
        pending.per_streamline = empty_arrays(info_.per_streamline);
        pending.per_vertex = empty_arrays(info_.per_vertex);
        std::int64_t done = 0;
        for (; header_.count == 0 || done < header_.count; ++done) {
            std::int32_t vertices = 0;
            const std::size_t got = source_.read_some(&vertices, 4);
            if (got == 0 && header_.count == 0) break;
            if (got < 4) truncated(done);
            if (swapped_) swap_bytes(vertices);
            if (vertices < 0) throw InputError(fmt::format("{} is damaged (its streamline {} would have {} vertices); copy it again", path_, done, vertices));
            read_vertices(pending, vertices, done);
            row_.resize(static_cast<std::size_t>(header_.properties));
            read(row_.data(), row_.size(), done);
            take(pending.per_streamline, row_.data());
            pending.offsets.push_back(pending.positions.size() / 3);
            if (pending.size() == batch) {
                sink.append(pending.view());
                pending.clear();
            }
        }
        if (pending.size() > 0) sink.append(pending.view());
        char more;
        if (source_.read_some(&more, 1) != 0)
            throw InputError(fmt::format("{} is damaged (its header counts {} streamlines and there is more behind them); copy it again", path_, done));
    }

  private:
    [[noreturn]] void truncated(std::int64_t done) const {
        throw InputError(done == 0 ? fmt::format("{} is truncated (its header counts {} streamlines, which it cannot hold); copy it again", path_, header_.count)
                                   : fmt::format("{} is truncated (it ends within streamline {}); copy it again", path_, done));
    }

    void read(float* out, std::size_t n, std::int64_t streamline) {
        if (source_.read_some(out, n * sizeof(float)) < n * sizeof(float)) truncated(streamline);
        if (swapped_)
            for (std::size_t i = 0; i < n; ++i) swap_bytes(out[i]);
    }

    static void take(std::vector<DataArray>& arrays, const float* row) {
        for (auto& array : arrays) {
            array.values.insert(array.values.end(), row, row + array.columns);
            row += array.columns;
        }
    }

    /// Piece by piece, so that a forged number of vertices costs no more memory than the file has bytes.
    void read_vertices(Tractogram& pending, std::int32_t vertices, std::int64_t streamline) {
        const std::size_t width = 3 + static_cast<std::size_t>(header_.scalars);
        const std::int32_t piece = static_cast<std::int32_t>(std::max<std::size_t>(1, (1 << 16) / width));
        for (std::int32_t left = vertices; left > 0; left -= piece) {
            const auto n = static_cast<std::size_t>(std::min(left, piece));
            row_.resize(n * width);
            read(row_.data(), row_.size(), streamline);
            for (std::size_t v = 0; v < n; ++v) {
                const float* p = row_.data() + v * width;
                if (!std::isfinite(p[0]) || !std::isfinite(p[1]) || !std::isfinite(p[2]))
                    throw InputError(fmt::format("streamline {} of {} has a vertex that is not finite; write the tractogram again", streamline, path_));
                for (const double x : transform_point(to_world_, {p[0], p[1], p[2]})) pending.positions.push_back(static_cast<float>(x));
                take(pending.per_vertex, p + 3);
            }
        }
    }

    std::string path_;
    GzSource source_;
    TrkHeader header_{};
    bool swapped_ = false;
    Affine to_world_;
    std::vector<float> row_;
};

}  // namespace

Reader open_trk(const std::string& path) { return std::make_unique<TrkReader>(path); }

}  // namespace arcuate::io
