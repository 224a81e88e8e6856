// What a connectome needs of each streamline beside its regions: the length, and statistics of every map along it.
#pragma once

#include "kernels/mean_along.hpp"

namespace arcuate::kernels {

/// A map, and in which column of `values` each statistic goes; -1 for those that nobody wants.
struct MapColumns {
    MapView map;
    std::int32_t mean, median, min, max;
};

/// Columns of `values` that are there always.
inline constexpr std::int32_t length_column = 0, inverse_length_column = 1, first_map_column = 2;

/// One item: one streamline. Sums over its vertices run from the first to the last, in double: a thousand terms added up in float lose 1e-5.
struct MeasureStreamline {
    StreamlinesView streamlines;
    const MapColumns* maps;
    std::int32_t n_maps;
    bool precise;          ///< a voxel's value times the length in it, instead of interpolation at vertices
    std::int32_t columns;
    float* room;           ///< scratch (n_vertices); null where no median over vertices is wanted
    double* lengths;       ///< out (n) [mm]; NaN where a vertex is not finite or the streamline is longer than any in a body (4096 mm)
    double* values;        ///< out (n, columns): length, 1 / length, the maps' statistics; NaN where undefined

    ARCUATE_HD void operator()(std::int64_t i) const {
        const float* const p = streamlines.vertices(i);
        const std::int64_t n = streamlines.size(i);
        const auto none = static_cast<double>(detail::quiet_nan());
        double length_mm = 0;
        for (std::int64_t v = 1; v < n; ++v) length_mm += static_cast<double>(segment_before(p, v));
        if (!(length_mm < 4096)) length_mm = none;
        if (n == 1 && !(is_finite(p[0]) && is_finite(p[1]) && is_finite(p[2]))) length_mm = none;
        lengths[i] = length_mm;
        double* const row = values + i * columns;
        row[length_column] = length_mm;
        row[inverse_length_column] = length_mm > 0x1p-10 ? 1.0 / length_mm : none;
        for (std::int32_t m = 0; m < n_maps; ++m) {
            const MapColumns& c = maps[m];
            Gather gather{room && !precise && c.median >= 0 ? room + streamlines.first(i) : nullptr};
            if (precise)
                along_voxels(p, n, c.map, gather);
            else
                along_vertices(p, n, c.map, gather);
            const bool any = gather.count > 0;
            if (c.mean >= 0) row[c.mean] = gather.mean();
            if (c.min >= 0) row[c.min] = any ? static_cast<double>(gather.low) : none;
            if (c.max >= 0) row[c.max] = any ? static_cast<double>(gather.high) : none;
            if (c.median < 0) continue;
            if (!any)
                row[c.median] = none;
            else if (precise)
                row[c.median] = static_cast<double>(median_along_voxels(p, n, c.map, gather.weights));
            else
                row[c.median] = static_cast<double>(quantile(gather.room, static_cast<int>(gather.count), 1, 2).value());
        }
    }
};

}  // namespace arcuate::kernels
