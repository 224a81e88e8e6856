// Bytes of a file, gunzipped where it is gzipped.
#pragma once

#include "arcuate/core/error.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

namespace arcuate::io {

class GzSource {
  public:
    explicit GzSource(std::string path) : path_(std::move(path)), file_(gzopen(path_.c_str(), "rb"), gzclose_r) {
        if (!file_) throw InputError(fmt::format("cannot open {} ({}); check the path", path_, std::strerror(errno)));
        gzbuffer(file_.get(), 1 << 18);
    }

    /// As many of `n` bytes as there are. Throws InputError where the compressed stream is cut short or damaged.
    std::size_t read_some(void* out, std::size_t n) {
        std::size_t done = 0;
        while (done < n) {
            const auto piece = static_cast<unsigned>(std::min<std::size_t>(n - done, 1 << 30));
            const int got = gzread(file_.get(), static_cast<char*>(out) + done, piece);
            if (got < 0) fail();
            done += static_cast<std::size_t>(got);
            if (static_cast<unsigned>(got) < piece) break;
        }
        int error = Z_OK;
        gzerror(file_.get(), &error);
        if (error < 0) fail();
        return done;
    }

    /// Moves forward to byte `offset` of the uncompressed contents; false where there are fewer.
    bool skip_to(std::int64_t offset) { return gzseek(file_.get(), offset, SEEK_SET) == offset; }

  private:
    [[noreturn]] void fail() const {
        int error = Z_OK;
        const char* text = gzerror(file_.get(), &error);
        if (error == Z_BUF_ERROR)
            throw InputError(fmt::format("{} is truncated (its compressed data ends too early); copy or download it again", path_));
        throw InputError(fmt::format("cannot read {} ({}); copy or download it again", path_, error == Z_ERRNO ? std::strerror(errno) : text));
    }

    std::string path_;
    std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
};

}  // namespace arcuate::io
