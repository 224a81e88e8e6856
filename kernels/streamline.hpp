// Streamlines of a batch as kernels see them.
#pragma once

#include "kernels/vec3.hpp"

#include <cstdint>

namespace arcuate::kernels {

ARCUATE_HD Vec3 vertex_of(const float* p, std::int64_t v) { return {p[3 * v], p[3 * v + 1], p[3 * v + 2]}; }
/// Length of the segment that ends at vertex v [mm].
ARCUATE_HD float segment_before(const float* p, std::int64_t v) { return length(vertex_of(p, v) - vertex_of(p, v - 1)); }

struct StreamlinesView {
    const float* positions;        ///< (n_vertices, 3) of this batch, world [mm]
    const std::uint64_t* offsets;  ///< (n + 1), vertices of the whole tractogram
    std::uint64_t first_vertex;    ///< the vertex that `positions` begins with

    ARCUATE_HD std::int64_t first(std::int64_t i) const { return static_cast<std::int64_t>(offsets[i] - first_vertex); }
    ARCUATE_HD const float* vertices(std::int64_t i) const { return positions + 3 * first(i); }
    ARCUATE_HD std::int64_t size(std::int64_t i) const { return static_cast<std::int64_t>(offsets[i + 1] - offsets[i]); }
};

}  // namespace arcuate::kernels
