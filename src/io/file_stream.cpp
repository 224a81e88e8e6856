#include "file_stream.hpp"

#include "arcuate/core/error.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace arcuate::io {

FileStream::FileStream(const std::string& partial, std::string path)
    : path_(std::move(path)), file_(std::fopen(partial.c_str(), "wbx"), std::fclose) {
    if (!file_) fail();
}

void FileStream::write(const void* bytes, std::size_t n) {
    if (std::fwrite(bytes, 1, n, file_.get()) != n) fail();
}

void FileStream::rewind() {
    if (std::fseek(file_.get(), 0, SEEK_SET) != 0) fail();
}

void FileStream::close() {
    if (std::fclose(file_.release()) != 0) fail();
}

void FileStream::fail() const {
    throw OutputError(fmt::format("cannot write {} ({}); check the folder's permissions and the free space", path_, std::strerror(errno)));
}

}  // namespace arcuate::io
