// What FixelLengths keeps, for the iterations over it.
#pragma once

#include "arcuate/weights/sift2.hpp"
#include "weights/fixel_lookup.hpp"

#include <vector>

namespace arcuate::weights {

struct FixelLengths::Impl {
    Impl(const Fixels& fixels, const Device& on, std::int64_t chunk_size, bool sums_only);
    void add(const TractogramView& all, std::int64_t begin, std::int64_t end);

    /// Consecutive streamlines.
    struct Chunk {
        std::int64_t first, size;       ///< streamlines
        Buffer<std::uint32_t> packed;   ///< (size + 1) where each streamline's words begin
        Buffer<std::uint32_t> words;    ///< fixel and length: FixelLengthCode
    };

    Device device;
    std::int64_t chunk;
    bool sums_only;
    LookupOnDevice lookup;
    kernels::FixelLengthCode code{};
    std::vector<Chunk> chunks;
    std::int64_t streamlines = 0, pairs = 0;
    Buffer<std::int64_t> units;   ///< (n_fixels) summed lengths, in quanta
    Buffer<std::int64_t> counts;  ///< (n_fixels) streamlines
};

}  // namespace arcuate::weights
