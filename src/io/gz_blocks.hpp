// A gzip file whose blocks can be found and inflated side by side. It is one member (RFC 1952) that every reader takes: the blocks of its deflate stream
// refer to nothing before them and end on a byte, and the header's extra field, which others skip, says how many bytes each has.
//
// The extra field is one subfield: "Ar", its length (2 bytes), then 4-byte numbers, the least byte first: how many bytes a block is inflated (the last may
// have fewer), and for each block how many it has in the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace arcuate::io {

class GzBlocks {
  public:
    /// As write_gzip() cuts `bytes`: so many that the index fits into a header.
    static std::size_t block_bytes_for(std::uint64_t bytes);
    /// The header, before the first block.
    static std::vector<unsigned char> header(std::size_t block_bytes, const std::vector<std::size_t>& deflated);

    /// The index of `file`; nothing where it has none or one that does not fit the file. `start` are the file's first `n` bytes. `path` is for messages.
    static std::optional<GzBlocks> find(std::FILE* file, const unsigned char* start, std::size_t n, std::string path);

    /// As many as there are of the `n` bytes that come next. Throws InputError where a block is damaged.
    std::size_t read_some(unsigned char* out, std::size_t n);

  private:
    std::size_t blocks() const { return at_.size() - 1; }
    std::size_t length(std::size_t block) const { return block + 1 < blocks() ? block_bytes_ : last_bytes_; }
    /// Blocks `first_`, first_ + 1 ... to `out`, which has room for them.
    void inflate(std::size_t count, unsigned char* out);
    [[noreturn]] void damaged(const char* what) const;

    std::string path_;
    int file_ = -1;
    std::size_t block_bytes_ = 0, last_bytes_ = 0;
    std::vector<std::int64_t> at_;      ///< where each block begins in the file, and where the last one ends
    std::size_t first_ = 0;             ///< the next block
    std::vector<unsigned char> begun_;  ///< a block of which the caller wanted a part
    std::size_t given_ = 0;             ///< of begun_
    unsigned long crc_ = 0, crc_at_end_ = 0;
};

}  // namespace arcuate::io
