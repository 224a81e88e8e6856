// Items that differ much in length, on a GPU: threads take the next as soon as their own has ended, so that none waits for the longest of its warp.
#pragma once

#include "kernels/macros.hpp"

#include <cstdint>

namespace arcuate::kernels {

/// What one team does of n items. `Kernel::Walk` goes through an item step by step; beginning one and its steps stand in one loop, once, since both are large.
template <class Kernel>
ARCUATE_HD void walk_items(const Kernel& kernel, std::int64_t n) {
    typename Kernel::Walk walk(kernel);
    for (;;) {
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
