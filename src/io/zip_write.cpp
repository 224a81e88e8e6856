#include "zip_write.hpp"

namespace arcuate::io {

namespace {

template <class T>
void put(std::string& bytes, T value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

constexpr std::uint32_t far = 0xffffffff;  ///< the true value stands in the zip64 field
constexpr std::uint16_t date = 1 << 5 | 1;  ///< 1980-01-01, the first there is: the same data gives the same bytes

std::uint16_t version_needed(const ZipEntry& entry) { return is_zip64(entry) ? 45 : 20; }

/// What a local header and the directory say of an entry in the same words.
void put_attributes(std::string& bytes, const ZipEntry& entry, std::uint16_t version, std::size_t extra_bytes) {
    const bool big = is_zip64(entry);
    put(bytes, version);
    put(bytes, std::uint16_t{0x0800});  // names are UTF-8
    put(bytes, static_cast<std::uint16_t>(entry.deflated ? 8 : 0));
    put(bytes, std::uint16_t{0});
    put(bytes, date);
    put(bytes, entry.crc);
    put(bytes, big ? far : static_cast<std::uint32_t>(entry.stored_bytes));
    put(bytes, big ? far : static_cast<std::uint32_t>(entry.bytes));
    put(bytes, static_cast<std::uint16_t>(entry.name.size()));
    put(bytes, static_cast<std::uint16_t>(extra_bytes));
}

}  // namespace

bool is_zip64(const ZipEntry& entry) {
    // Deflate adds at most 5 bytes per 16 KiB to what it cannot compress.
    constexpr std::int64_t limit = 0x7fffffff;
    return entry.bytes > (entry.deflated ? limit - (1 << 20) : limit);
}

std::string zip_local_header(const ZipEntry& entry) {
    const bool big = is_zip64(entry);
    std::string bytes;
    put(bytes, std::uint32_t{0x04034b50});
    put_attributes(bytes, entry, version_needed(entry), big ? 20 : 0);
    bytes += entry.name;
    if (big) {
        put(bytes, std::uint16_t{1});
        put(bytes, std::uint16_t{16});
        put(bytes, entry.bytes);
        put(bytes, entry.stored_bytes);
    }
    return bytes;
}

std::string zip_directory(std::span<const ZipEntry> entries, std::int64_t at) {
    std::string bytes;
    for (const auto& entry : entries) {
        const bool big = is_zip64(entry), distant = entry.header_at >= std::int64_t{far};
        std::string extra;
        if (big || distant) {
            put(extra, std::uint16_t{1});
            put(extra, static_cast<std::uint16_t>(16 * big + 8 * distant));
            if (big) put(extra, entry.bytes);
            if (big) put(extra, entry.stored_bytes);
            if (distant) put(extra, entry.header_at);
        }
        const auto version = static_cast<std::uint16_t>(distant ? 45 : version_needed(entry));
        put(bytes, std::uint32_t{0x02014b50});
        put(bytes, static_cast<std::uint16_t>(3 << 8 | version));  // made on Unix
        put_attributes(bytes, entry, version, extra.size());
        put(bytes, std::uint16_t{0});                 // no comment
        put(bytes, std::uint32_t{0});                 // first disk, no internal attributes
        put(bytes, std::uint32_t{0100644u << 16});    // a regular file, rw-r--r--
        put(bytes, distant ? far : static_cast<std::uint32_t>(entry.header_at));
        bytes += entry.name + extra;
    }
    const auto size = static_cast<std::int64_t>(bytes.size());
    const std::uint64_t count = entries.size();
    const bool far_end = at >= std::int64_t{far} || count >= 0xffff;
    if (far_end) {
        const std::int64_t end64_at = at + size;
        put(bytes, std::uint32_t{0x06064b50});
        put(bytes, std::uint64_t{44});
        put(bytes, std::uint16_t{3 << 8 | 45});
        put(bytes, std::uint16_t{45});
        put(bytes, std::uint64_t{0});  // both disk numbers
        put(bytes, count);
        put(bytes, count);
        put(bytes, size);
        put(bytes, at);
        put(bytes, std::uint32_t{0x07064b50});
        put(bytes, std::uint32_t{0});
        put(bytes, end64_at);
        put(bytes, std::uint32_t{1});
    }
    put(bytes, std::uint32_t{0x06054b50});
    put(bytes, std::uint32_t{0});
    const auto short_count = static_cast<std::uint16_t>(far_end ? 0xffff : count);
    put(bytes, short_count);
    put(bytes, short_count);
    put(bytes, static_cast<std::uint32_t>(size));
    put(bytes, far_end ? far : static_cast<std::uint32_t>(at));
    put(bytes, std::uint16_t{0});
    return bytes;
}

}  // namespace arcuate::io
