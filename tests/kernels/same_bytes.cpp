// Prints the digest of same_bytes.hpp as this compiler and processor compute it.
#include "same_bytes.hpp"

#include <cinttypes>
#include <cstdio>

int main() {
    using namespace arcuate::test;
    Digest all;
    for (std::uint32_t item = 0; item < n_items; ++item) {
        const std::uint64_t digest = digest_of_item(item);
        all.add(static_cast<std::uint32_t>(digest));
        all.add(static_cast<std::uint32_t>(digest >> 32));
    }
    std::printf("%016" PRIx64 "\n", all.value);
}
