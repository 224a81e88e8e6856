#include "gzip.hpp"

#include "arcuate/core/error.hpp"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <future>
#include <thread>
#include <vector>

namespace arcuate::io {

namespace {

constexpr std::size_t block_bytes = 1 << 20;
// Noise in the low bits of floats does not repeat: runs of one byte (the background) and Huffman's code are what there is to gain. ISA-L's level 1 finds both
// at 1.2 GB/s, five times the speed of zlib's run-length strategy, in files 2% larger (a tensor 1.68 MB for 1.65, FODs 13.0 for 12.7); its level 3 is slower than zlib.
constexpr std::uint32_t level = 1, level_bytes = ISAL_DEF_LVL1_DEFAULT;

struct Block {
    std::vector<unsigned char> deflated;
    std::uint32_t crc = 0;
};

/// Raw deflate of one block; all but the last end on a byte boundary (a flush), so that the blocks concatenate to one stream.
Block deflate_block(std::span<const unsigned char> bytes, bool last) {
    Block block;
    block.deflated.resize(bytes.size() + bytes.size() / 8 + 1024);  // Huffman's code of noise is hardly longer than the noise
    std::vector<unsigned char> scratch(level_bytes);
    isal_zstream z{};
    isal_deflate_stateless_init(&z);
    z.level = level;
    z.level_buf = scratch.data();
    z.level_buf_size = level_bytes;
    z.end_of_stream = last;
    z.flush = last ? NO_FLUSH : FULL_FLUSH;
    z.next_in = const_cast<unsigned char*>(bytes.data());
    z.avail_in = static_cast<std::uint32_t>(bytes.size());
    z.next_out = block.deflated.data();
    z.avail_out = static_cast<std::uint32_t>(block.deflated.size());
    if (isal_deflate_stateless(&z) != COMP_OK || z.avail_in > 0) throw OutputError("cannot compress (ISA-L refused a block); write .nii instead");
    block.deflated.resize(z.total_out);
    block.crc = crc32_gzip_refl(0, bytes.data(), bytes.size());
    return block;
}

}  // namespace

void write_gzip(FileStream& stream, std::span<const std::span<const unsigned char>> parts) {
    constexpr unsigned char header[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};  // deflate, no time, unknown system (RFC 1952)
    stream.write(header, sizeof header);

    std::vector<std::span<const unsigned char>> blocks;
    for (auto part : parts)
        for (; !part.empty(); part = part.subspan(std::min(block_bytes, part.size()))) blocks.push_back(part.first(std::min(block_bytes, part.size())));

    unsigned long crc = 0;
    std::uint32_t length = 0;  // modulo 2^32, as the format has it
    const std::size_t at_once = std::max(1u, std::thread::hardware_concurrency());
    for (std::size_t first = 0; first < blocks.size(); first += at_once) {
        const std::size_t end = std::min(first + at_once, blocks.size());
        std::vector<std::future<Block>> pending;
        for (std::size_t i = first; i < end; ++i)
            pending.push_back(std::async(i + 1 == end ? std::launch::deferred : std::launch::async, deflate_block, blocks[i], i + 1 == blocks.size()));
        for (std::size_t i = end; i-- > first;) pending[i - first].wait();  // the deferred one, which is the last, runs here
        for (std::size_t i = first; i < end; ++i) {
            const Block block = pending[i - first].get();
            crc = crc32_combine(crc, block.crc, static_cast<long>(blocks[i].size()));
            length += static_cast<std::uint32_t>(blocks[i].size());
            stream.write(block.deflated.data(), block.deflated.size());
        }
    }
    unsigned char trailer[8];
    for (int i = 0; i < 4; ++i) {
        trailer[i] = static_cast<unsigned char>(crc >> 8 * i);
        trailer[4 + i] = static_cast<unsigned char>(length >> 8 * i);
    }
    stream.write(trailer, sizeof trailer);
}

}  // namespace arcuate::io
