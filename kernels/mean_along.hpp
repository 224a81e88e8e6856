// The mean of a map along a streamline.
#pragma once

#include "kernels/sample_map.hpp"

namespace arcuate::kernels {

ARCUATE_HD Vec3 vertex_of(const float* p, std::int64_t v) { return {p[3 * v], p[3 * v + 1], p[3 * v + 2]}; }
/// Length of the segment that ends at vertex v [mm].
ARCUATE_HD float segment_before(const float* p, std::int64_t v) { return length(vertex_of(p, v) - vertex_of(p, v - 1)); }

/// Trapezoid rule: a vertex weighs half of each adjacent segment. Vertices at which the map has no value are left out; NaN where all are.
ARCUATE_HD double mean_along(const float* p, std::int64_t n, const MapView& map) {
    double weights = 0, sum = 0;
    float before = 0;
    for (std::int64_t v = 0; v < n; ++v) {
        const float after = v + 1 < n ? segment_before(p, v + 1) : 0.0f;
        float value = 0;
        if (map.sample(vertex_of(p, v), value)) {
            const double weight = 0.5 * (static_cast<double>(before) + static_cast<double>(after));
            weights += weight;
            sum = fma(weight, static_cast<double>(value), sum);
        }
        before = after;
    }
    return weights > 0 ? sum / weights : static_cast<double>(float_of(0x7fc00000u));
}

}  // namespace arcuate::kernels
