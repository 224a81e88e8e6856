// What a connectome needs of each streamline: the nodes at its ends, its length, and the mean of every map along it.
#pragma once

#include "kernels/assign_nodes.hpp"
#include "kernels/sample_map.hpp"

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
        ends[2 * i] = n > 0 ? search(vertex(p, 0)) : 0;
        ends[2 * i + 1] = n > 0 ? search(vertex(p, n - 1)) : 0;
        double length_mm = 0;
        for (std::int64_t v = 1; v < n; ++v) length_mm += segment(p, v);
        lengths[i] = length_mm;
        if (!(length_mm < 0x1p32)) ends[2 * i] = ends[2 * i + 1] = 0;  // a vertex is not finite, or nowhere near a body
        for (std::int32_t m = 0; m < n_maps; ++m) means[i * n_maps + m] = mean_along(p, n, maps[m]);
    }

  private:
    ARCUATE_HD static Vec3 vertex(const float* p, std::int64_t v) { return {p[3 * v], p[3 * v + 1], p[3 * v + 2]}; }
    /// Length of the segment that ends at vertex v [mm].
    ARCUATE_HD static float segment(const float* p, std::int64_t v) { return length(vertex(p, v) - vertex(p, v - 1)); }

    /// Trapezoid rule: a vertex weighs half of each adjacent segment. Vertices at which the map has no value are left out.
    ARCUATE_HD static double mean_along(const float* p, std::int64_t n, const MapView& map) {
        double weights = 0, sum = 0;
        float before = 0;
        for (std::int64_t v = 0; v < n; ++v) {
            const float after = v + 1 < n ? segment(p, v + 1) : 0.0f;
            float value = 0;
            if (map.sample(vertex(p, v), value)) {
                const double weight = 0.5 * (static_cast<double>(before) + static_cast<double>(after));
                weights += weight;
                sum = fma(weight, static_cast<double>(value), sum);
            }
            before = after;
        }
        return weights > 0 ? sum / weights : static_cast<double>(float_of(0x7fc00000u));
    }
};

}  // namespace arcuate::kernels
