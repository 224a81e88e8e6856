// What a software GPU's kernels may touch: the allocations of one device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace arcuate::software_gpu {

/// Of a device, with a byte for each of its bytes that says whether it was ever written.
struct Allocation {
    std::uintptr_t begin = 0, end = 0;
    std::uint8_t* written = nullptr;
};

/// Ordered by address; what a kernel sees is what there is when it starts.
using Allocations = std::vector<Allocation>;

inline const Allocation* find_allocation(const Allocations& all, std::uintptr_t address) {
    std::size_t low = 0, high = all.size();
    while (low < high) {
        const auto middle = (low + high) / 2;
        if (address < all[middle].begin)
            high = middle;
        else if (address >= all[middle].end)
            low = middle + 1;
        else
            return &all[middle];
    }
    return nullptr;
}

}  // namespace arcuate::software_gpu
