// Small kernels that show what launch() does.
#pragma once

#include "kernels/math.hpp"

namespace arcuate::test {

/// Counts each item's visits, and notes its own index.
struct Visit {
    std::int64_t* visits;
    std::int64_t* index;
    ARCUATE_HD void operator()(std::int64_t i) const {
        kernels::add_relaxed(visits + i, 1);
        index[i] = i;
    }
};

/// Adds i to one cell that all items share, and -i to another.
struct AddToSharedCells {
    std::int64_t* cells;
    ARCUATE_HD void operator()(std::int64_t i) const {
        kernels::add_relaxed(cells, i);
        kernels::add_relaxed(cells + 1, -i);
    }
};

/// out = in + 1.
struct AddOne {
    const float* in;
    float* out;
    ARCUATE_HD void operator()(std::int64_t i) const { out[i] = in[i] + 1.0f; }
};

}  // namespace arcuate::test
