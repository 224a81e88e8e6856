#include "arcuate/core/error.hpp"

#include "text.hpp"
#include "tractogram_files.hpp"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

namespace arcuate::io {

namespace {

std::optional<std::int64_t> parse_integer(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

struct TckHeader {
    std::map<std::string, std::string> properties;  ///< repeated keys joined by line breaks
    std::int64_t offset = 0;                        ///< first byte of the first vertex
    bool is_double = false, big_endian = false;
};

[[noreturn]] void bad_header(const std::string& path, const std::string& why) {
    throw InputError(fmt::format("{} has a damaged header ({}); write the tractogram again", path, why));
}

TckHeader read_header(std::ifstream& file, const std::string& path) {
    constexpr std::string_view magic = "mrtrix tracks";
    char start[magic.size()] = {};
    file.read(start, sizeof start);
    if (std::string_view(start, sizeof start) != magic)
        bad_header(path, fmt::format("it does not begin with '{}'", magic));

    TckHeader header;
    std::string line;
    std::getline(file, line);
    for (;;) {
        if (!std::getline(file, line)) bad_header(path, "its END line is missing");
        const auto text = trimmed(line);
        if (text == "END") break;
        const auto colon = text.find(':');
        if (colon == std::string_view::npos) continue;
        const std::string key(trimmed(text.substr(0, colon)));
        const auto [entry, is_new] = header.properties.try_emplace(key, trimmed(text.substr(colon + 1)));
        if (!is_new) entry->second.append("\n").append(trimmed(text.substr(colon + 1)));
    }
    const auto header_end = static_cast<std::int64_t>(file.tellg());

    const auto type = header.properties.extract("datatype");
    if (type.empty()) bad_header(path, "it has no datatype");
    const std::string& name = type.mapped();
    if (name != "Float32LE" && name != "Float32BE" && name != "Float64LE" && name != "Float64BE")
        bad_header(path, fmt::format("its datatype is '{}', not Float32LE, Float32BE, Float64LE or Float64BE", name));
    header.is_double = name.starts_with("Float64");
    header.big_endian = name.ends_with("BE");

    const auto where = header.properties.extract("file");
    if (where.empty()) bad_header(path, "it has no 'file' line");
    const auto words = split_words(where.mapped());
    const auto offset = words.size() == 2 && words[0] == "." ? parse_integer(words[1]) : std::nullopt;
    if (!offset) bad_header(path, fmt::format("its 'file' line is '{}', not '. OFFSET'", where.mapped()));
    const auto size = static_cast<std::int64_t>(std::filesystem::file_size(path));
    if (*offset < header_end || *offset >= size)
        bad_header(path, fmt::format("its data would start at byte {} of {}, while the header ends at {}", *offset, size, header_end));
    header.offset = *offset;
    return header;
}

template <class T>
T to_native(T value, bool big_endian) {
    if (big_endian != (std::endian::native == std::endian::big)) {
        unsigned char bytes[sizeof(T)];
        std::memcpy(bytes, &value, sizeof value);
        for (std::size_t i = 0; i < sizeof(T) / 2; ++i) std::swap(bytes[i], bytes[sizeof(T) - 1 - i]);
        std::memcpy(&value, bytes, sizeof value);
    }
    return value;
}

/// Streams the vertices to `sink`; returns how many streamlines there were.
template <class T>
std::int64_t stream_vertices(std::ifstream& file, const TckHeader& header, const std::string& path, StreamlineSink& sink, std::int64_t batch) {
    constexpr std::size_t block_triplets = 1 << 16;
    std::vector<T> block(3 * block_triplets);
    Tractogram pending;  // whole streamlines, then the beginning of the next
    std::int64_t count = 0;
    const auto end_streamline = [&] {
        pending.offsets.push_back(pending.positions.size() / 3);
        ++count;
        if (pending.size() < batch) return;
        sink.append(pending.view());
        pending.positions.clear();
        pending.offsets.assign(1, 0);
    };
    for (;;) {
        file.read(reinterpret_cast<char*>(block.data()), static_cast<std::streamsize>(block.size() * sizeof(T)));
        const auto triplets = static_cast<std::size_t>(file.gcount()) / (3 * sizeof(T));
        for (std::size_t t = 0; t < triplets; ++t) {
            T p[3];
            for (std::size_t i = 0; i < 3; ++i) p[i] = to_native(block[3 * t + i], header.big_endian);
            if (std::isfinite(p[0]) && std::isfinite(p[1]) && std::isfinite(p[2])) {
                for (const T value : p) pending.positions.push_back(static_cast<float>(value));
            } else if (std::isnan(p[0]) && std::isnan(p[1]) && std::isnan(p[2])) {
                end_streamline();
            } else if (std::isinf(p[0]) && std::isinf(p[1]) && std::isinf(p[2])) {
                // NaN separates streamlines, so a last one may end with the file's end mark alone.
                if (pending.positions.size() / 3 > pending.offsets.back()) end_streamline();
                if (pending.size() > 0) sink.append(pending.view());
                return count;
            } else {
                throw InputError(fmt::format("streamline {} of {} has a vertex that is not finite (only one or two of its coordinates "
                                             "are NaN or infinite); write the tractogram again",
                                             count, path));
            }
        }
        if (triplets < block_triplets)
            throw InputError(fmt::format("{} is truncated (its end mark is missing after {} streamlines); copy or track it again", path, count));
    }
}

class TckReader : public TractogramReader {
  public:
    explicit TckReader(std::string path) : path_(std::move(path)), file_(path_, std::ios::binary) {
        if (!file_) throw InputError(fmt::format("cannot open {} ({}); check the path", path_, std::strerror(errno)));
        header_ = read_header(file_, path_);
        info_.format = "tck";
        // A count of 0 is what a program leaves that never came to write the true one; some write none.
        if (const auto entry = header_.properties.find("count"); entry != header_.properties.end())
            if (const auto promised = parse_integer(entry->second); promised && *promised != 0) info_.streamlines = promised;
        info_.properties = std::move(header_.properties);
    }
    void stream(StreamlineSink& sink, std::int64_t batch) override {
        file_.seekg(header_.offset);
        const auto count = header_.is_double ? stream_vertices<double>(file_, header_, path_, sink, batch)
                                             : stream_vertices<float>(file_, header_, path_, sink, batch);
        if (info_.streamlines.value_or(count) != count)
            throw InputError(fmt::format("{} is damaged (its header counts {} streamlines and there are {}); copy or track it again",
                                         path_, *info_.streamlines, count));
    }

  private:
    std::string path_;
    std::ifstream file_;
    TckHeader header_;
};

}  // namespace

Reader open_tck(const std::string& path) { return std::make_unique<TckReader>(path); }

}  // namespace arcuate::io
