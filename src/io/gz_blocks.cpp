#include "gz_blocks.hpp"

#include "arcuate/core/error.hpp"
#include "side_by_side.hpp"

#include <fmt/format.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <zlib.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace arcuate::io {

namespace {

// Small, so that a map of a megabyte divides among threads; large enough that a table of Huffman's code costs nothing.
constexpr std::size_t least_block_bytes = 1 << 17, most_block_bytes = 1 << 30, trailer_bytes = 8;
constexpr std::size_t fixed_bytes = 10 + 2 + 4;               // of the header: before the extra field, its length, the subfield's name and length
constexpr std::size_t most_blocks = (65535 - 4) / 4 - 1;

std::uint32_t number(const unsigned char* bytes) {
    return bytes[0] | static_cast<std::uint32_t>(bytes[1]) << 8 | static_cast<std::uint32_t>(bytes[2]) << 16 | static_cast<std::uint32_t>(bytes[3]) << 24;
}

bool read_at(int file, void* out, std::size_t n, std::int64_t offset) {
    auto* to = static_cast<unsigned char*>(out);
    while (n > 0) {
        const auto got = pread(file, to, n, offset);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        to += got, n -= static_cast<std::size_t>(got), offset += got;
    }
    return true;
}

}  // namespace

std::size_t GzBlocks::block_bytes_for(std::uint64_t bytes) {
    return std::max(least_block_bytes, static_cast<std::size_t>((bytes + most_blocks - 1) / most_blocks));
}

std::vector<unsigned char> GzBlocks::header(std::size_t block_bytes, const std::vector<std::size_t>& deflated) {
    std::vector<unsigned char> out{0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255};  // deflate, an extra field, no time, unknown system
    const auto put = [&](std::size_t value, int bytes) {
        for (int i = 0; i < bytes; ++i) out.push_back(static_cast<unsigned char>(value >> 8 * i));
    };
    const std::size_t length = 4 * (deflated.size() + 1);
    put(length + 4, 2);
    out.push_back('A'), out.push_back('r');
    put(length, 2);
    put(block_bytes, 4);
    for (const auto n : deflated) put(n, 4);
    return out;
}

std::optional<GzBlocks> GzBlocks::find(std::FILE* file, const unsigned char* start, std::size_t n, std::string path) {
    if (n < fixed_bytes + 8 || std::memcmp(start, "\x1f\x8b\x08\x04", 4) != 0 || std::memcmp(start + 12, "Ar", 2) != 0) return {};
    const std::size_t extra = start[10] | start[11] << 8, length = start[14] | start[15] << 8;
    if (extra != length + 4 || length % 4 != 0 || length < 8 || n < fixed_bytes + length) return {};
    GzBlocks out;
    out.path_ = std::move(path);
    out.file_ = fileno(file);
    out.block_bytes_ = number(start + fixed_bytes);
    auto at = static_cast<std::int64_t>(fixed_bytes + length);
    for (std::size_t i = 4; i < length; i += 4) {
        out.at_.push_back(at);
        at += number(start + fixed_bytes + i);
    }
    out.at_.push_back(at);

    struct stat status {};
    unsigned char trailer[trailer_bytes];
    if (out.block_bytes_ == 0 || out.block_bytes_ > most_block_bytes || fstat(out.file_, &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_size != at + static_cast<std::int64_t>(trailer_bytes) || !read_at(out.file_, trailer, trailer_bytes, at))
        return {};
    out.crc_at_end_ = number(trailer);
    // The file's length is known to 32 bits, and the last block's is below 2^30.
    out.last_bytes_ = static_cast<std::uint32_t>(number(trailer + 4) - (out.blocks() - 1) * out.block_bytes_);
    if (out.last_bytes_ == 0 || out.last_bytes_ > out.block_bytes_) return {};
    return out;
}

std::size_t GzBlocks::read_some(unsigned char* out, std::size_t n) {
    std::size_t done = 0;
    while (done < n) {
        if (given_ < begun_.size()) {
            const std::size_t piece = std::min(n - done, begun_.size() - given_);
            std::memcpy(out + done, begun_.data() + given_, piece);
            given_ += piece, done += piece;
            continue;
        }
        std::size_t whole = 0, bytes = 0;
        while (first_ + whole < blocks() && bytes + length(first_ + whole) <= n - done) bytes += length(first_ + whole++);
        if (whole > 0) {
            inflate(whole, out + done);
            done += bytes;
        } else if (first_ < blocks()) {
            begun_.resize(length(first_));
            given_ = 0;
            inflate(1, begun_.data());
        } else {
            break;
        }
    }
    return done;
}

void GzBlocks::inflate(std::size_t count, unsigned char* out) {
    std::vector<std::uint32_t> sums(count);
    side_by_side(count, [&](std::size_t i) {
        const std::size_t block = first_ + i, bytes = length(block);
        std::vector<unsigned char> deflated(static_cast<std::size_t>(at_[block + 1] - at_[block]));
        if (!read_at(file_, deflated.data(), deflated.size(), at_[block])) damaged(errno ? std::strerror(errno) : "it ends too early");
        const auto state = std::make_unique_for_overwrite<inflate_state>();
        isal_inflate_init(state.get());
        unsigned char* to = out + i * block_bytes_;
        state->next_in = deflated.data(), state->avail_in = static_cast<std::uint32_t>(deflated.size());
        state->next_out = to, state->avail_out = static_cast<std::uint32_t>(bytes);
        const int result = isal_inflate_stateless(state.get());
        // All but the last end in the middle of the stream, where its next block would begin.
        const bool last = block + 1 == blocks();
        if (result != (last ? ISAL_DECOMP_OK : ISAL_END_INPUT) || state->block_state != (last ? ISAL_BLOCK_FINISH : ISAL_BLOCK_NEW_HDR) || state->avail_in != 0 ||
            state->avail_out != 0)
            damaged("its compressed data is damaged");
        sums[i] = crc32_gzip_refl(0, to, bytes);
    });
    for (const auto sum : sums) crc_ = crc32_combine(crc_, sum, static_cast<z_off_t>(length(first_++)));
    if (first_ == blocks() && crc_ != crc_at_end_) damaged("its checksum does not match its contents");
}

void GzBlocks::damaged(const char* what) const { throw InputError(fmt::format("cannot read {} ({}); copy or download it again", path_, what)); }

}  // namespace arcuate::io
