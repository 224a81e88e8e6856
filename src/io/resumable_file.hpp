// A file being written that vanishes with its run until the first checkpoint, and stays for the next run from then on.
#pragma once

#include "arcuate/io/files.hpp"

#include "file_stream.hpp"

#include <unistd.h>

#include <optional>

namespace arcuate::io {

class ResumableFile {
  public:
    /// New where `bytes` is nothing; else the one that checkpoint() left, cut to `bytes`.
    ResumableFile(const std::string& path, bool overwrite, std::optional<std::int64_t> bytes = {})
        : output_(bytes ? OutputFile::resumed(path, overwrite) : OutputFile(path, overwrite)),
          stream_(bytes ? FileStream(output_.partial(), path, *bytes) : FileStream(output_.partial(), path)),
          bytes_(bytes.value_or(0)) {}

    void write(const void* bytes, std::size_t n) {
        stream_.write(bytes, n);
        bytes_ += static_cast<std::int64_t>(n);
    }
    void write(std::string_view text) { write(text.data(), text.size()); }
    std::int64_t bytes() const { return bytes_; }  ///< appended so far
    FileStream& stream() { return stream_; }       ///< to overwrite what was written
    const std::string& where() const { return output_.partial(); }

    void checkpoint() {
        stream_.sync();
        output_.keep();
    }
    void close() { stream_.close(); }
    /// After close(): the file is `path`.
    void commit() {
        output_.commit();
        remove_left_over();
    }
    /// After close(): its contents went into another file.
    void remove() {
        unlink(output_.partial().c_str());
        remove_left_over();
    }

  private:
    /// A file of the same name that an earlier run kept and nobody took up.
    void remove_left_over() const { unlink((output_.path() + ".partial").c_str()); }

    OutputFile output_;
    FileStream stream_;
    std::int64_t bytes_;
};

}  // namespace arcuate::io
