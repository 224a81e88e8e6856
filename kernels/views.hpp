// Arrays that somebody else owns, with their shape.
#pragma once

#include "kernels/macros.hpp"

#include <cstdint>

namespace arcuate::kernels {

/// (rows, columns), each row contiguous, `stride` values from one row to the next. Row: an item; column: its values.
template <class T>
struct RowsView {
    T* data;
    std::int64_t columns;
    std::int64_t stride;

    ARCUATE_HD T* row(std::int64_t i) const { return data + i * stride; }
};

}  // namespace arcuate::kernels
