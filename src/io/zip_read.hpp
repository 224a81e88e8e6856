// A zip archive read where it lies (APPNOTE 6.3, with zip64): entries are found in its directory, checked against the file, and streamed.
// Nothing is ever extracted to the disk, and names are only compared.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace arcuate::io {

struct ZipEntry {
    std::string name;
    bool deflated = false;
    std::uint32_t crc = 0;
    std::int64_t stored_bytes = 0;  ///< in the archive
    std::int64_t bytes = 0;         ///< uncompressed
    std::int64_t header_at = 0;     ///< where its local header begins
};

/// An entry's bytes in order. Checks their number and CRC where the last one is read.
class ZipStream {
  public:
    ~ZipStream();
    ZipStream(const ZipStream&) = delete;
    ZipStream& operator=(const ZipStream&) = delete;

    const ZipEntry& entry() const { return entry_; }
    /// The next n bytes. Throws InputError where there are fewer or they are damaged.
    void read(void* out, std::size_t n);

  private:
    friend class ZipArchive;
    ZipStream(const std::string& path, std::shared_ptr<int> file, ZipEntry entry, std::int64_t data_at);
    void fill();
    [[noreturn]] void damaged(const std::string& why) const;

    std::string path_;
    std::shared_ptr<int> file_;
    ZipEntry entry_;
    std::int64_t at_, stored_left_, left_;
    std::uint32_t crc_ = 0;
    z_stream z_{};
    std::vector<unsigned char> input_;
};

class ZipArchive {
  public:
    /// Throws InputError where `path` is no zip archive or its directory promises what the file does not hold.
    explicit ZipArchive(const std::string& path);
    const std::vector<ZipEntry>& entries() const { return entries_; }
    std::unique_ptr<ZipStream> open(const ZipEntry& entry) const;

  private:
    std::string path_;
    std::shared_ptr<int> file_;  ///< a descriptor, closed with the last that uses it
    std::int64_t directory_at_ = 0;
    std::vector<ZipEntry> entries_;
};

}  // namespace arcuate::io
