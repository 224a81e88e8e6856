// Items that differ much in length, on a GPU: threads take the next as soon as their own has ended, so that none waits for the longest of its warp.
#pragma once

#include "kernels/macros.hpp"

#include <cstdint>

namespace arcuate::kernels {

/// Where a warp's threads wait for each other. The compiler brings them together where a branch ends, but not those that go round a loop once more with those that leave it by
/// another way: without this each would go on alone as soon as two have begun their items at different times.
ARCUATE_HD void together() {
#if defined(__CUDA_ARCH__)
    __syncwarp();
#endif
}

/// What one team does of n items. `Kernel::Walk` goes through an item step by step; beginning one and its steps stand in one loop, once, since both are large.
template <class Kernel>
ARCUATE_HD void walk_items(const Kernel& kernel, std::int64_t n) {
    typename Kernel::Walk walk(kernel);
    for (;;) {
        together();
        if (walk.going()) {
            walk.step();
            continue;
        }
        const std::int64_t i = walk.take();
        if (i >= n) return;
        walk.begin(i);
    }
}

}  // namespace arcuate::kernels
