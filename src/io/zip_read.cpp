#include "zip_read.hpp"

#include "arcuate/core/error.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace arcuate::io {

namespace {

constexpr std::uint32_t local_mark = 0x04034b50, directory_mark = 0x02014b50, end_mark = 0x06054b50, end64_mark = 0x06064b50, locator_mark = 0x07064b50;
constexpr std::size_t end_bytes = 22, locator_bytes = 20, end64_bytes = 56, directory_bytes = 46, local_bytes = 30;
// Deflate spends at least a bit per length/distance pair of at most 258 bytes, in practice 2: 1032 to 1 is its best.
constexpr std::int64_t best_ratio = 1032;

template <class T>
T number_at(std::string_view bytes, std::size_t at) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

[[noreturn]] void damaged_archive(const std::string& path, const std::string& why) {
    throw InputError(fmt::format("{} is damaged or truncated ({}); copy it again", path, why));
}

std::string bytes_at(const std::string& path, int file, std::int64_t at, std::size_t n) {
    std::string bytes(n, '\0');
    std::size_t done = 0;
    while (done < n) {
        const auto got = pread(file, bytes.data() + done, n - done, at + static_cast<std::int64_t>(done));
        if (got < 0) throw InputError(fmt::format("cannot read {} ({}); check the disk", path, std::strerror(errno)));
        if (got == 0) damaged_archive(path, "it ends within its directory");
        done += static_cast<std::size_t>(got);
    }
    return bytes;
}

/// The sizes that do not fit 32 bits stand in an extra field, in this order and only those.
void read_zip64(std::string_view extra, std::uint64_t& bytes, std::uint64_t& stored, std::uint64_t& header_at) {
    for (std::size_t at = 0; at + 4 <= extra.size();) {
        const auto id = number_at<std::uint16_t>(extra, at);
        const auto size = number_at<std::uint16_t>(extra, at + 2);
        at += 4;
        if (at + size > extra.size()) return;
        if (id == 1) {
            std::size_t field = at;
            for (auto* value : {&bytes, &stored, &header_at}) {
                if (*value != 0xffffffffu || field + 8 > at + size) continue;
                *value = number_at<std::uint64_t>(extra, field);
                field += 8;
            }
            return;
        }
        at += size;
    }
}

}  // namespace

ZipArchive::ZipArchive(const std::string& path) : path_(path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) throw InputError(fmt::format("cannot open {} ({}); check the path", path, std::strerror(errno)));
    file_ = std::shared_ptr<int>(new int(descriptor), [](int* d) {
        ::close(*d);
        delete d;
    });
    struct stat status {};
    if (fstat(descriptor, &status) != 0) throw InputError(fmt::format("cannot read {} ({}); check the disk", path, std::strerror(errno)));
    const std::int64_t file_bytes = status.st_size;

    // The end record is the last thing but for a comment of at most 65535 bytes.
    const std::int64_t tail_bytes = std::min<std::int64_t>(file_bytes, end_bytes + 65535);
    const std::int64_t tail_at = file_bytes - tail_bytes;
    const std::string tail = bytes_at(path, descriptor, tail_at, static_cast<std::size_t>(tail_bytes));
    std::int64_t end = tail_bytes - static_cast<std::int64_t>(end_bytes);
    while (end >= 0 && number_at<std::uint32_t>(tail, static_cast<std::size_t>(end)) != end_mark) --end;
    if (end < 0) damaged_archive(path, "the directory of a zip archive is missing at its end");
    const auto e = static_cast<std::size_t>(end);
    std::uint64_t count = number_at<std::uint16_t>(tail, e + 10), size = number_at<std::uint32_t>(tail, e + 12), at = number_at<std::uint32_t>(tail, e + 16);
    std::int64_t directory_end = tail_at + end;
    if (count == 0xffff || size == 0xffffffff || at == 0xffffffff) {
        const std::int64_t locator_at = directory_end - static_cast<std::int64_t>(locator_bytes);
        if (locator_at < 0) damaged_archive(path, "its directory has no place");
        const std::string locator = bytes_at(path, descriptor, locator_at, locator_bytes);
        const auto end64_at = number_at<std::uint64_t>(locator, 8);
        if (number_at<std::uint32_t>(locator, 0) != locator_mark || end64_at + end64_bytes > static_cast<std::uint64_t>(locator_at) || end64_at > static_cast<std::uint64_t>(locator_at))
            damaged_archive(path, "its directory has no place");
        const std::string end64 = bytes_at(path, descriptor, static_cast<std::int64_t>(end64_at), end64_bytes);
        if (number_at<std::uint32_t>(end64, 0) != end64_mark) damaged_archive(path, "its directory has no place");
        count = number_at<std::uint64_t>(end64, 32);
        size = number_at<std::uint64_t>(end64, 40);
        at = number_at<std::uint64_t>(end64, 48);
        directory_end = static_cast<std::int64_t>(end64_at);
    }
    const auto limit = static_cast<std::uint64_t>(directory_end);
    if (size > limit || at > limit - size || count > size / directory_bytes)
        damaged_archive(path, fmt::format("its directory of {} entries and {} bytes does not fit", count, size));
    directory_at_ = static_cast<std::int64_t>(at);

    const std::string directory = bytes_at(path, descriptor, directory_at_, static_cast<std::size_t>(size));
    std::size_t p = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        if (p + directory_bytes > directory.size() || number_at<std::uint32_t>(directory, p) != directory_mark)
            damaged_archive(path, "its directory is not one");
        const auto flags = number_at<std::uint16_t>(directory, p + 8);
        const auto method = number_at<std::uint16_t>(directory, p + 10);
        std::uint64_t stored = number_at<std::uint32_t>(directory, p + 20), bytes = number_at<std::uint32_t>(directory, p + 24),
                      header_at = number_at<std::uint32_t>(directory, p + 42);
        const std::size_t name_bytes = number_at<std::uint16_t>(directory, p + 28), extra_bytes = number_at<std::uint16_t>(directory, p + 30),
                          comment_bytes = number_at<std::uint16_t>(directory, p + 32);
        if (p + directory_bytes + name_bytes + extra_bytes + comment_bytes > directory.size()) damaged_archive(path, "its directory is not one");
        ZipEntry entry;
        entry.name = directory.substr(p + directory_bytes, name_bytes);
        read_zip64(std::string_view(directory).substr(p + directory_bytes + name_bytes, extra_bytes), bytes, stored, header_at);
        p += directory_bytes + name_bytes + extra_bytes + comment_bytes;
        if (entry.name.ends_with('/')) continue;  // a folder
        if (flags & 1) throw InputError(fmt::format("{} cannot be read (its entry {} is encrypted); write it without a password", path, entry.name));
        if (method != 0 && method != 8)
            throw InputError(fmt::format("{} cannot be read (its entry {} is compressed by method {}; stored and deflate can be read); write it with one of these", path,
                                         entry.name, method));
        entry.deflated = method == 8;
        entry.crc = number_at<std::uint32_t>(directory, p - comment_bytes - extra_bytes - name_bytes - directory_bytes + 16);
        if (header_at > at || stored > at - header_at)
            damaged_archive(path, fmt::format("its entry {} of {} bytes does not fit into the file", entry.name, stored));
        if (entry.deflated ? bytes / best_ratio > stored : bytes != stored)
            damaged_archive(path, fmt::format("its entry {} says that {} bytes hold {}", entry.name, stored, bytes));
        entry.stored_bytes = static_cast<std::int64_t>(stored);
        entry.bytes = static_cast<std::int64_t>(bytes);
        entry.header_at = static_cast<std::int64_t>(header_at);
        if (std::any_of(entries_.begin(), entries_.end(), [&](const ZipEntry& other) { return other.name == entry.name; }))
            damaged_archive(path, fmt::format("it has two entries {}", entry.name));
        entries_.push_back(std::move(entry));
    }
}

std::unique_ptr<ZipStream> ZipArchive::open(const ZipEntry& entry) const {
    // The local header repeats name and extra field; only their lengths matter here.
    const std::string local = bytes_at(path_, *file_, entry.header_at, local_bytes);
    if (number_at<std::uint32_t>(local, 0) != local_mark) damaged_archive(path_, fmt::format("its entry {} is not where the directory says", entry.name));
    const std::int64_t data_at = entry.header_at + static_cast<std::int64_t>(local_bytes) + number_at<std::uint16_t>(local, 26) + number_at<std::uint16_t>(local, 28);
    if (data_at > directory_at_ - entry.stored_bytes) damaged_archive(path_, fmt::format("its entry {} does not fit into the file", entry.name));
    return std::unique_ptr<ZipStream>(new ZipStream(path_, file_, entry, data_at));
}

ZipStream::ZipStream(const std::string& path, std::shared_ptr<int> file, ZipEntry entry, std::int64_t data_at)
    : path_(path), file_(std::move(file)), entry_(std::move(entry)), at_(data_at), stored_left_(entry_.stored_bytes), left_(entry_.bytes) {
    if (entry_.deflated) {
        if (inflateInit2(&z_, -15) != Z_OK) throw InputError(fmt::format("cannot read {} (zlib has no memory); close other programs", path_));
        input_.resize(1 << 16);
    }
}

ZipStream::~ZipStream() {
    if (entry_.deflated) inflateEnd(&z_);
}

void ZipStream::damaged(const std::string& why) const { damaged_archive(path_, fmt::format("its entry {} {}", entry_.name, why)); }

void ZipStream::fill() {
    const auto want = std::min<std::int64_t>(stored_left_, static_cast<std::int64_t>(input_.size()));
    const auto got = pread(*file_, input_.data(), static_cast<std::size_t>(want), at_);
    if (got <= 0) damaged("ends too early");
    at_ += got;
    stored_left_ -= got;
    z_.next_in = input_.data();
    z_.avail_in = static_cast<unsigned>(got);
}

void ZipStream::read(void* out, std::size_t n) {
    if (static_cast<std::uint64_t>(left_) < n) damaged("ends too early");
    auto* to = static_cast<unsigned char*>(out);
    for (std::size_t done = 0; done < n;) {
        const std::size_t piece = std::min<std::size_t>(n - done, 1 << 30);
        std::size_t got = 0;
        if (entry_.deflated) {
            if (z_.avail_in == 0 && stored_left_ > 0) fill();
            z_.next_out = to + done;
            z_.avail_out = static_cast<unsigned>(piece);
            const int code = inflate(&z_, Z_NO_FLUSH);
            got = piece - z_.avail_out;
            if ((code != Z_OK && code != Z_STREAM_END) || (got == 0 && (code == Z_STREAM_END || (z_.avail_in == 0 && stored_left_ == 0)))) damaged("is not what was compressed");
        } else {
            const auto result = pread(*file_, to + done, piece, at_);
            if (result <= 0) damaged("ends too early");
            got = static_cast<std::size_t>(result);
            at_ += result;
        }
        crc_ = static_cast<std::uint32_t>(crc32_z(crc_, to + done, got));
        done += got;
    }
    left_ -= static_cast<std::int64_t>(n);
    if (left_ == 0 && n > 0 && crc_ != entry_.crc) damaged("has another checksum than when it was written");
}

}  // namespace arcuate::io
