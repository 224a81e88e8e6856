// Rows of numbers that turn with space, each by a block-diagonal matrix: coefficients of spherical harmonics by one block per order, a tensor or a vector by one.
#pragma once

#include "kernels/math.hpp"

#include <cstdint>

namespace arcuate::kernels {

struct MapBlocks {
    static constexpr int largest = 33;  ///< of the blocks: spherical harmonics of order 16

    const double* matrices;     ///< the blocks, one after the other, row-major
    const std::int32_t* sizes;  ///< (blocks)
    std::int32_t blocks, columns;
    float* rows;                ///< (n, columns), in place

    ARCUATE_HD void operator()(std::int64_t i) const {
        float* values = rows + i * columns;
        const double* matrix = matrices;
        double out[largest];
        for (std::int32_t b = 0; b < blocks; ++b) {
            const std::int32_t size = sizes[b];
            for (std::int32_t r = 0; r < size; ++r, matrix += size) {
                double sum = 0;
                for (std::int32_t c = 0; c < size; ++c) sum = fma(matrix[c], static_cast<double>(values[c]), sum);
                out[r] = sum;
            }
            for (std::int32_t r = 0; r < size; ++r) values[r] = static_cast<float>(out[r]);
            values += size;
        }
    }
};

}  // namespace arcuate::kernels
