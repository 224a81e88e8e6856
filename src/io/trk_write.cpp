#include "resumable_file.hpp"
#include "tractogram_files.hpp"
#include "trk_header.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

namespace arcuate::io {

namespace {

class TrkWriter : public TractogramWriter {
  public:
    TrkWriter(const std::string& path, const TractogramOptions& options, const nlohmann::json& resume)
        : path_(path), options_(options),
          header_(make_trk_header(required_grid(options, path), options.per_vertex, options.per_streamline, path)) {
        // The header holds single precision; coordinates are made with what a reader will find there.
        to_file_ = inverse(trk_to_world(header_, path));
        if (resume.is_null()) {
            file_.emplace(path, options.overwrite);
            file_->write(&header_, sizeof header_);
        } else {
            file_.emplace(path, options.overwrite, resume.at("bytes").get<std::int64_t>());
            count_ = resume.at("streamlines").get<std::int64_t>();
        }
    }

    void append(const TractogramView& streamlines) override {
        require_arrays(streamlines, options_, path_);
        for (std::int64_t s = 0; s < streamlines.size(); ++s) {
            const auto vertices = streamlines.streamline(s);
            const auto first = streamlines.offsets[static_cast<std::size_t>(s)];
            if (vertices.size() / 3 > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
                throw InputError(fmt::format("streamline {} has more vertices than a .trk can count; use .trx", count_));
            put(static_cast<std::int32_t>(vertices.size() / 3));
            for (std::size_t v = 0; v < vertices.size() / 3; ++v) {
                const float* p = vertices.data() + 3 * v;
                if (!std::isfinite(p[0]) || !std::isfinite(p[1]) || !std::isfinite(p[2])) refuse_vertex(count_, path_);
                for (const double x : transform_point(to_file_, {p[0], p[1], p[2]})) put(static_cast<float>(x));
                put_row(streamlines.per_vertex, first + v);
            }
            put_row(streamlines.per_streamline, static_cast<std::uint64_t>(s));
            if (++count_ > std::numeric_limits<std::int32_t>::max())
                throw InputError(fmt::format("cannot write {} (a .trk counts at most {} streamlines); use .trx", path_, std::numeric_limits<std::int32_t>::max()));
            if (block_.size() >= 1 << 20) flush();
        }
    }

    std::string checkpoint() override {
        flush();
        file_->checkpoint();
        return nlohmann::ordered_json{{"format", "trk"}, {"streamlines", count_}, {"bytes", file_->bytes()}}.dump();
    }

    void commit(std::int64_t, std::span<const StreamlineGroup>) override {
        flush();
        header_.count = static_cast<std::int32_t>(count_);
        file_->stream().rewind();
        file_->stream().write(&header_, sizeof header_);
        file_->close();
        file_->commit();
    }

    std::int64_t size() const override { return count_; }

  private:
    template <class T>
    void put(T value) {
        block_.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    void put_row(std::span<const DataArray> arrays, std::uint64_t row) {
        for (const auto& array : arrays)
            for (std::int64_t c = 0; c < array.columns; ++c)
                put(static_cast<float>(array.values[row * static_cast<std::size_t>(array.columns) + static_cast<std::size_t>(c)]));
    }
    void flush() {
        file_->write(block_);
        block_.clear();
    }

    std::string path_;
    TractogramOptions options_;
    TrkHeader header_;
    Affine to_file_;
    std::optional<ResumableFile> file_;
    std::int64_t count_ = 0;
    std::string block_;
};

}  // namespace

Writer write_trk(const std::string& path, const TractogramOptions& options, const nlohmann::json& resume) {
    return std::make_unique<TrkWriter>(path, options, resume);
}

}  // namespace arcuate::io
