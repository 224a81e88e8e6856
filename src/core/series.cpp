#include "arcuate/core/series.hpp"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace arcuate {

std::shared_ptr<std::byte> allocate_series(std::size_t bytes) {
    constexpr std::size_t large_page = std::size_t{2} << 20;
    const bool large = bytes >= large_page;
    const std::size_t alignment = large ? large_page : 64, size = (bytes + alignment - 1) / alignment * alignment;
    auto* const memory = static_cast<std::byte*>(std::aligned_alloc(alignment, size > 0 ? size : alignment));
    if (!memory) throw std::bad_alloc();
    if (large) madvise(memory, size, MADV_HUGEPAGE);  // advice: where it is not taken, pages are small
    return {memory, [](std::byte* p) { std::free(p); }};
}

}  // namespace arcuate
