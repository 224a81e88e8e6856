#include "file_stream.hpp"

#include "arcuate/core/error.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace arcuate::io {

FileStream::FileStream(const std::string& partial, std::string path)
    : path_(std::move(path)), file_(std::fopen(partial.c_str(), "wbx"), std::fclose) {
    if (!file_) fail();
}

FileStream::FileStream(const std::string& partial, std::string path, std::int64_t bytes)
    : path_(std::move(path)), file_(std::fopen(partial.c_str(), "r+b"), std::fclose) {
    if (!file_)
        throw InputError(fmt::format("cannot go on with {} (its partial file {} cannot be opened: {}); start again", path_, partial, std::strerror(errno)));
    struct stat status {};
    if (fstat(fileno(file_.get()), &status) != 0) fail();
    if (status.st_size < bytes)
        throw InputError(fmt::format("cannot go on with {} (its partial file {} has {} bytes and the checkpoint says {}); start again", path_, partial,
                                     status.st_size, bytes));
    if (ftruncate(fileno(file_.get()), bytes) != 0) fail();
    seek(bytes);
}

void FileStream::write(const void* bytes, std::size_t n) {
    if (std::fwrite(bytes, 1, n, file_.get()) != n) fail();
}

void FileStream::seek(std::int64_t to) {
    if (fseeko(file_.get(), to, SEEK_SET) != 0) fail();
}

void FileStream::sync() {
    if (std::fflush(file_.get()) != 0 || fsync(fileno(file_.get())) != 0) fail();
}

void FileStream::close() {
    if (std::fclose(file_.release()) != 0) fail();
}

void FileStream::fail() const {
    throw OutputError(fmt::format("cannot write {} ({}); check the folder's permissions and the free space", path_, std::strerror(errno)));
}

}  // namespace arcuate::io
