// What FixelLengths keeps, for the iterations over it.
#pragma once

#include "arcuate/weights/sift2.hpp"
#include "weights/fixel_lookup.hpp"

#include <vector>

namespace arcuate::weights {

struct FixelLengths::Impl {
    /// Consecutive streamlines.
    struct Chunk {
        std::int64_t first, size;       ///< streamlines
        Buffer<std::uint32_t> packed;   ///< (size + 1) where each streamline's words begin
        Buffer<std::uint32_t> words;    ///< fixel and length: FixelLengthCode

        std::int64_t bytes() const { return static_cast<std::int64_t>(4 * (packed.size() + words.size())); }
    };
    using Visit = std::function<void(const Chunk&)>;

    Impl(const Fixels& fixels, const Device& on, std::int64_t chunk_size, std::int64_t memory);
    /// The streamlines [begin, end) of `all`, of which the first has the id `first`.
    Chunk find(const TractogramView& all, std::int64_t begin, std::int64_t end, std::int64_t first) const;
    void add(Chunk chunk);
    /// Every streamline once: those that are kept, then the others, as `again` gives them.
    void for_each(const StreamlineSource& again, const Visit& visit) const;

    Device device;
    std::int64_t chunk, memory;
    LookupOnDevice lookup;
    kernels::FixelLengthCode code{};
    std::vector<Chunk> kept;  ///< the first streamlines, as many as fit `memory`
    std::int64_t streamlines = 0, kept_streamlines = 0, kept_bytes = 0, pairs = 0;
    Buffer<std::int64_t> units;   ///< (n_fixels) summed lengths, in quanta
};

}  // namespace arcuate::weights
