// From streamlines to edges: sums that do not depend on the order in which streamlines arrive.
#pragma once

#include "kernels/math.hpp"

#include <cstdint>

namespace arcuate::kernels {

/// Place of an unordered pair of nodes (rows, from 0) in a packed triangle with its diagonal.
ARCUATE_HD std::int64_t edge_of(std::int32_t a, std::int32_t b) {
    const std::int64_t low = a < b ? a : b, high = a < b ? b : a;
    return high * (high + 1) / 2 + low;
}

/// To the nearest multiple of 1 / scale, halves away from zero.
ARCUATE_HD std::int64_t to_fixed(double value, double scale) {
    const double scaled = value * scale;
    return static_cast<std::int64_t>(scaled + (scaled < 0 ? -0.5 : 0.5));
}

/// One item: one streamline. Sums are 64-bit fixed point; ConnectomeBuilder says with which scales and why they do not overflow.
struct AddToEdges {
    const std::int32_t* ends;  ///< (n, 2): 1 + the node's row, 0 for none
    const double* lengths;     ///< (n) [mm]
    const double* means;       ///< (n, n_maps), NaN for none
    std::int32_t n_maps;
    std::int64_t n_edges;
    const float* weights;         ///< (n) of the streamlines, or null: all 1
    double length_scale, weight_scale;
    const double* map_scales;     ///< (n_maps)
    std::int64_t* counts;         ///< (n_edges) streamlines
    std::int64_t* weight_sums;    ///< (n_edges)
    std::int64_t* length_sums;    ///< (n_edges) weight x length
    std::int64_t* map_weights;    ///< (n_maps, n_edges) weights of the streamlines that have a mean
    std::int64_t* map_sums;       ///< (n_maps, n_edges) weight x mean

    ARCUATE_HD void operator()(std::int64_t i) const {
        const std::int32_t a = ends[2 * i], b = ends[2 * i + 1];
        if (a == 0 || b == 0) return;
        const std::int64_t edge = edge_of(a - 1, b - 1);
        add_relaxed(counts + edge, 1);
        const double weight = weights ? static_cast<double>(weights[i]) : 1.0;
        add_relaxed(weight_sums + edge, to_fixed(weight, weight_scale));
        add_relaxed(length_sums + edge, to_fixed(weight * lengths[i], length_scale));
        for (std::int32_t m = 0; m < n_maps; ++m) {
            const double mean = means[i * n_maps + m];
            if (!(mean == mean)) continue;
            add_relaxed(map_weights + m * n_edges + edge, to_fixed(weight, weight_scale));
            add_relaxed(map_sums + m * n_edges + edge, to_fixed(weight * mean, map_scales[m]));
        }
    }
};

}  // namespace arcuate::kernels
