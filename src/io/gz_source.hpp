// Bytes of a file, gunzipped where it is gzipped.
#pragma once

#include "gz_blocks.hpp"

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct inflate_state;

namespace arcuate::io {

/// A stream: memory does not grow with the file. Gzip members that follow each other are one stream (RFC 1952); what follows them is ignored.
class GzSource {
  public:
    explicit GzSource(std::string path);
    GzSource(GzSource&&) noexcept;
    ~GzSource();

    /// As many of `n` bytes as there are. Throws InputError where the compressed stream is cut short or damaged.
    std::size_t read_some(void* out, std::size_t n);

    /// Moves forward to byte `offset` of the uncompressed contents; false where there are fewer.
    bool skip_to(std::int64_t offset);

  private:
    /// Reads on where all input is used up; false at the end of the file.
    bool refill();
    [[noreturn]] void damaged(const char* what) const;

    std::string path_;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
    std::vector<unsigned char> input_;
    const unsigned char* next_ = nullptr;  ///< input that is not used yet
    std::size_t left_ = 0;
    std::int64_t position_ = 0;            ///< uncompressed bytes given out
    bool ended_ = false;                   ///< of the gzip members
    std::unique_ptr<inflate_state> inflate_;  ///< null: the file is not gzipped, or has blocks
    std::optional<GzBlocks> blocks_;          ///< of a file with an index, inflated side by side
};

}  // namespace arcuate::io
