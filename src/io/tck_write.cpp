#include "arcuate/core/error.hpp"
#include "arcuate/core/provenance.hpp"

#include "resumable_file.hpp"
#include "text.hpp"
#include "tractogram_files.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <bit>
#include <cmath>
#include <limits>
#include <set>

static_assert(std::endian::native == std::endian::little, "files are written little-endian");

namespace arcuate::io {

namespace {

/// Header fields that the writer makes itself.
const std::set<std::string> own_fields{"count", "total_count", "timestamp", "datatype", "file"};

/// MRtrix pairs tractograms with their per-streamline files by this number. Here it is a fingerprint of the properties,
/// written like the time it is elsewhere, so that the same run gives the same file.
std::string timestamp_of(const std::string& fields) {
    const std::string hash = sha256_of(fields);
    const auto part = [&](std::size_t at) { return std::stoull(hash.substr(at, 8), nullptr, 16) % 1000000000; };
    return fmt::format("{}.{:09}", 1000000000 + part(0), part(8));
}

class TckWriter : public TractogramWriter {
  public:
    TckWriter(const std::string& path, const TractogramOptions& options, const nlohmann::json& resume) : path_(path), fields_(lines(path, options.properties)) {
        if (resume.is_null()) {
            file_.emplace(path, options.overwrite);
            file_->write(header(0));
        } else {
            file_.emplace(path, options.overwrite, resume.at("bytes").get<std::int64_t>());
            count_ = resume.at("streamlines").get<std::int64_t>();
        }
    }

    void append(const TractogramView& streamlines) override {
        for (std::int64_t s = 0; s < streamlines.size(); ++s) {
            const auto vertices = streamlines.streamline(s);
            for (const float value : vertices)
                if (!std::isfinite(value)) refuse_vertex(count_, path_);
            block_.insert(block_.end(), vertices.begin(), vertices.end());
            mark(std::numeric_limits<float>::quiet_NaN());
            ++count_;
            if (block_.size() >= 1 << 18) flush();
        }
    }

    std::string checkpoint() override {
        flush();
        file_->checkpoint();
        return nlohmann::ordered_json{{"format", "tck"}, {"streamlines", count_}, {"bytes", file_->bytes()}}.dump();
    }

    void commit(std::int64_t total_count, std::span<const StreamlineGroup>) override {
        mark(std::numeric_limits<float>::infinity());
        flush();
        file_->stream().rewind();
        file_->stream().write(header(total_count));
        file_->close();
        file_->commit();
    }

    std::int64_t size() const override { return count_; }

  private:
    /// The properties as header lines.
    static std::string lines(const std::string& path, const std::map<std::string, std::string>& properties) {
        std::string text;
        for (const auto& [key, value] : properties) {
            if (own_fields.contains(key)) continue;
            if (key.empty() || key.find_first_of(":\r\n") != std::string::npos)
                throw OutputError(fmt::format("cannot write {} (the property name '{}' is empty or has a colon or line break); rename it", path, key));
            for (const auto line : split_at(value, '\n')) text += fmt::format("{}: {}\n", key, line);
        }
        return text;
    }

    /// Always of the same length: numbers have a fixed width, and zeros fill up to the first vertex.
    std::string header(std::int64_t total_count) const {
        std::string text = "mrtrix tracks\ntimestamp: " + timestamp_of(fields_) + "\n" + fields_ +
                           fmt::format("count: {:010}\ntotal_count: {:010}\ndatatype: Float32LE\n", count_, total_count);
        const std::size_t offset = (text.size() + 64) / 16 * 16;  // room for the two lines below, aligned
        text += fmt::format("file: . {}\nEND\n", offset);
        text.resize(offset, '\0');
        return text;
    }

    void mark(float value) {
        for (int i = 0; i < 3; ++i) block_.push_back(value);
    }
    void flush() {
        file_->write(block_.data(), block_.size() * sizeof(float));
        block_.clear();
    }

    std::string path_, fields_;
    std::optional<ResumableFile> file_;
    std::int64_t count_ = 0;
    std::vector<float> block_;
};

}  // namespace

Writer write_tck(const std::string& path, const TractogramOptions& options, const nlohmann::json& resume) {
    return std::make_unique<TckWriter>(path, options, resume);
}

}  // namespace arcuate::io
