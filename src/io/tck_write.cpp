#include "arcuate/core/error.hpp"
#include "arcuate/core/provenance.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/tck.hpp"

#include "file_stream.hpp"
#include "text.hpp"

#include <fmt/format.h>

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

}  // namespace

struct TckWriter::Impl {
    OutputFile output;
    FileStream stream;
    std::string fields;  ///< the properties as header lines
    std::int64_t count = 0;
    std::vector<float> block;

    Impl(const std::string& path, const std::map<std::string, std::string>& properties, bool overwrite)
        : output(path, overwrite), stream(output.partial(), path) {
        for (const auto& [key, value] : properties) {
            if (own_fields.contains(key)) continue;
            if (key.empty() || key.find_first_of(":\r\n") != std::string::npos)
                throw OutputError(fmt::format("cannot write {} (the property name '{}' is empty or has a colon or line break); rename "
                                              "it", path, key));
            for (const auto line : split_at(value, '\n')) fields += fmt::format("{}: {}\n", key, line);
        }
        stream.write(header(0));
    }

    /// Always of the same length: numbers have a fixed width, and zeros fill up to the first vertex.
    std::string header(std::int64_t total_count) const {
        std::string text = "mrtrix tracks\ntimestamp: " + timestamp_of(fields) + "\n" + fields +
                           fmt::format("count: {:010}\ntotal_count: {:010}\ndatatype: Float32LE\n", count, total_count);
        const std::size_t offset = (text.size() + 64) / 16 * 16;  // room for the two lines below, aligned
        text += fmt::format("file: . {}\nEND\n", offset);
        text.resize(offset, '\0');
        return text;
    }

    void mark(float value) {
        for (int i = 0; i < 3; ++i) block.push_back(value);
    }
    void flush() {
        stream.write(block.data(), block.size() * sizeof(float));
        block.clear();
    }
};

TckWriter::TckWriter(const std::string& path, const std::map<std::string, std::string>& properties, bool overwrite) {
    if (!has_extension(path, ".tck")) throw OutputError(fmt::format("cannot write {} (tractograms are written as .tck); choose such a "
                                                                    "name", path));
    impl_ = std::make_unique<Impl>(path, properties, overwrite);
}

TckWriter::~TckWriter() = default;

void TckWriter::append(const TractogramView& streamlines) {
    for (std::int64_t s = 0; s < streamlines.size(); ++s) {
        const auto vertices = streamlines.streamline(s);
        for (const float value : vertices)
            if (!std::isfinite(value))
                throw InputError(fmt::format("streamline {} has a vertex that is not finite (in a .tck such values mean the end of a "
                                             "streamline); remove it", impl_->count));
        impl_->block.insert(impl_->block.end(), vertices.begin(), vertices.end());
        impl_->mark(std::numeric_limits<float>::quiet_NaN());
        ++impl_->count;
        if (impl_->block.size() >= 1 << 18) impl_->flush();
    }
}

void TckWriter::commit(std::int64_t total_count) {
    impl_->mark(std::numeric_limits<float>::infinity());
    impl_->flush();
    impl_->stream.rewind();
    impl_->stream.write(impl_->header(total_count));
    impl_->stream.close();
    impl_->output.commit();
}

}  // namespace arcuate::io
