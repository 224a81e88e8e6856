// A file being written, every write of which is checked: a full disk becomes an OutputError, never a short file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace arcuate::io {

class FileStream {
  public:
    /// Creates `partial`; errors speak of `path`, which is what the user asked for.
    FileStream(const std::string& partial, std::string path);
    /// Goes on with `partial` after its first `bytes`; the rest is cut off. Throws InputError where it has fewer.
    FileStream(const std::string& partial, std::string path, std::int64_t bytes);

    void write(const void* bytes, std::size_t n);
    void write(std::string_view text) { write(text.data(), text.size()); }
    void write(std::span<const unsigned char> bytes) { write(bytes.data(), bytes.size()); }
    /// To a byte already written, to overwrite a header of the same length.
    void seek(std::int64_t to);
    void rewind() { seek(0); }
    /// What was written so far is on the disk when this returns.
    void sync();
    /// Flushes and closes; until this returns, nothing is sure.
    void close();

  private:
    [[noreturn]] void fail() const;

    std::string path_;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

}  // namespace arcuate::io
