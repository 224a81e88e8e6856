// How far each streamline goes in each fixel.
#pragma once

#include "kernels/fixel_lookup.hpp"
#include "kernels/voxel_walk.hpp"

namespace arcuate::kernels {

/// A fixel and a length in one word of 32 bits: the length takes the bits that the number of fixels leaves, 8 at least.
struct FixelLengthCode {
    std::int32_t length_bits;
    float quantum_mm;  ///< lengths are whole multiples of this; the largest stands for all above it

    ARCUATE_HD std::uint32_t largest() const { return (1u << length_bits) - 1u; }
    ARCUATE_HD std::uint32_t pack(std::int64_t fixel, std::uint32_t units) const { return static_cast<std::uint32_t>(fixel) << length_bits | units; }
    ARCUATE_HD std::uint32_t fixel(std::uint32_t word) const { return word >> length_bits; }
    ARCUATE_HD std::uint32_t units(std::uint32_t word) const { return word & largest(); }
};

/// One item: one streamline; how many fixels it can have at most.
struct BoundFixels {
    const float* positions;        ///< (n_vertices, 3) of this batch, world [mm]
    const std::uint64_t* offsets;  ///< (n + 1), vertices of the whole tractogram
    std::uint64_t first_vertex;    ///< the vertex that `positions` begins with
    VoxelWalk walk;
    std::uint32_t* bounds;  ///< out (n)

    ARCUATE_HD void operator()(std::int64_t i) const {
        bounds[i] = static_cast<std::uint32_t>(walk.bound(positions + 3 * (offsets[i] - first_vertex), static_cast<std::int64_t>(offsets[i + 1] - offsets[i])));
    }
};

/// One item: one streamline. Stays in the same fixel are added up, so that it has each fixel once, in the order of first visits.
struct FindFixels {
    const float* positions;
    const std::uint64_t* offsets;
    std::uint64_t first_vertex;
    VoxelWalk walk;
    FixelLookup lookup;
    FixelLengthCode code;
    const std::uint64_t* slots;  ///< (n + 1) where in `words` a streamline may write, as BoundFixels says
    std::uint32_t* words;        ///< out: fixel and length
    std::uint32_t* counts;       ///< out (n) words written

    struct Collect {
        const FindFixels& of;
        std::uint32_t* words;
        std::uint32_t count;

        ARCUATE_HD void operator()(const VoxelVisit& visit) {
            const std::int64_t fixel = of.lookup(visit.x, visit.y, visit.z, visit.chord);
            const std::uint32_t units = static_cast<std::uint32_t>(min(visit.length_mm / of.code.quantum_mm + 0.5f, static_cast<float>(of.code.largest())));
            if (fixel < 0 || units == 0) return;
            std::uint32_t k = count;
            while (k > 0 && of.code.fixel(words[k - 1]) != static_cast<std::uint32_t>(fixel)) --k;
            if (k == 0) {
                words[count++] = of.code.pack(fixel, units);
            } else {
                const std::uint32_t room = of.code.largest() - of.code.units(words[k - 1]);
                words[k - 1] += min(units, room);
            }
        }
    };

    ARCUATE_HD void operator()(std::int64_t i) const {
        Collect collect{*this, words + slots[i], 0};
        walk(positions + 3 * (offsets[i] - first_vertex), static_cast<std::int64_t>(offsets[i + 1] - offsets[i]), collect);
        counts[i] = collect.count;
    }
};

/// One item: one streamline; from its slot to where it stays.
struct PackFixels {
    const std::uint64_t* slots;    ///< (n + 1)
    const std::uint32_t* words;
    const std::uint32_t* packed;   ///< (n + 1) where each streamline's words begin
    std::uint32_t* out;

    ARCUATE_HD void operator()(std::int64_t i) const {
        const std::uint32_t* const from = words + slots[i];
        for (std::uint32_t k = packed[i]; k < packed[i + 1]; ++k) out[k] = from[k - packed[i]];
    }
};

/// One item: one streamline; its lengths into the sums per fixel.
struct SumLengths {
    const std::uint32_t* packed;
    const std::uint32_t* words;
    FixelLengthCode code;
    std::int64_t* units;           ///< (n_fixels) length of all streamlines

    ARCUATE_HD void operator()(std::int64_t i) const {
        for (std::uint32_t k = packed[i]; k < packed[i + 1]; ++k) add_relaxed(units + code.fixel(words[k]), code.units(words[k]));
    }
};

}  // namespace arcuate::kernels
