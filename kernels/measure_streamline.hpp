// What a connectome needs of each streamline: the nodes at its ends, its length, and the mean of every map along it.
#pragma once

#include "kernels/assign_nodes.hpp"
#include "kernels/mean_along.hpp"

namespace arcuate::kernels {

/// One item: one streamline. Sums over its vertices run from the first to the last, in double: a thousand terms added up in float lose 1e-5.
struct MeasureStreamline {
    const float* positions;        ///< (n_vertices, 3) of this batch, world [mm]
    const std::uint64_t* offsets;  ///< (n + 1), vertices of the whole tractogram
    std::uint64_t first_vertex;    ///< the vertex that `positions` begins with
    NodeSearch search;
    const MapView* maps;
    std::int32_t n_maps;
    std::int32_t* ends;  ///< out (n, 2): 1 + the node's row, 0 for none
    double* lengths;     ///< out (n) [mm]
    double* means;       ///< out (n, n_maps); NaN where the map has no value along the streamline

    ARCUATE_HD void operator()(std::int64_t i) const {
        const float* p = positions + 3 * (offsets[i] - first_vertex);
        const auto n = static_cast<std::int64_t>(offsets[i + 1] - offsets[i]);
        ends[2 * i] = n > 0 ? search(vertex_of(p, 0)) : 0;
        ends[2 * i + 1] = n > 0 ? search(vertex_of(p, n - 1)) : 0;
        double length_mm = 0;
        for (std::int64_t v = 1; v < n; ++v) length_mm += segment_before(p, v);
        lengths[i] = length_mm;
        if (!(length_mm < 0x1p32)) ends[2 * i] = ends[2 * i + 1] = 0;  // a vertex is not finite, or nowhere near a body
        for (std::int32_t m = 0; m < n_maps; ++m) means[i * n_maps + m] = mean_along(p, n, maps[m]);
    }
};

}  // namespace arcuate::kernels
