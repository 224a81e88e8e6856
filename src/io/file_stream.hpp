// A file being written, every write of which is checked: a full disk becomes an OutputError, never a short file.
#pragma once

#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

namespace arcuate::io {

class FileStream {
  public:
    /// Creates `partial`; errors speak of `path`, which is what the user asked for.
    FileStream(const std::string& partial, std::string path);

    void write(const void* bytes, std::size_t n);
    void write(std::string_view text) { write(text.data(), text.size()); }
    /// Back to the first byte, to overwrite a header of the same length.
    void rewind();
    /// Flushes and closes; until this returns, nothing is sure.
    void close();

  private:
    [[noreturn]] void fail() const;

    std::string path_;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

}  // namespace arcuate::io
