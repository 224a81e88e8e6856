// What a connectome needs of each streamline beside its regions: the length, and what maps, directions and files say of it.
#pragma once

#include "kernels/coherence.hpp"
#include "kernels/mean_along.hpp"

namespace arcuate::kernels {

/// In which column of `values` each statistic of a map goes; -1 for those that nobody wants.
struct MapColumns {
    std::int32_t mean = -1, median = -1, min = -1, max = -1;
};

/// Maps on one grid: one, or up to four side by side, so that a vertex looks for its voxels once.
struct MapGroup {
    static constexpr std::int32_t most = Double4::count;
    MapView map;  ///< with values (nz, ny, nx, 1 or 4)
    std::int32_t maps;
    bool extremes;  ///< wanted of any
    MapColumns columns[most];
};

struct DirectionsColumns {
    DirectionsView directions;
    std::int32_t mean, sd;  ///< of the alignment
};

/// Columns of `values` that are there always.
inline constexpr std::int32_t length_column = 0, inverse_length_column = 1, first_map_column = 2;

/// One item: one streamline. Sums over its vertices run from the first to the last, in double: a thousand terms added up in float lose 1e-5.
struct MeasureStreamline {
    StreamlinesView streamlines;
    const MapGroup* groups;
    std::int32_t n_groups;
    const DirectionsColumns* directions;
    std::int32_t n_directions;
    const float* given;    ///< (n_given, n) values from files, which go to the last columns
    std::int32_t n_given;
    std::int64_t n;
    bool precise;          ///< a voxel's value times the length in it, instead of interpolation at vertices
    std::int32_t columns;
    float* room;           ///< scratch (n_vertices, medians)
    std::int32_t medians;  ///< over vertices, in a group at most
    double* lengths;       ///< out (n) [mm]; NaN where a vertex is not finite or the streamline is longer than any in a body (4096 mm)
    double* values;        ///< out (n, columns): length, 1 / length, the statistics, what files give; NaN where undefined

    ARCUATE_HD void operator()(std::int64_t i) const {
        const float* const p = streamlines.vertices(i);
        const std::int64_t size = streamlines.size(i);
        double length_mm = 0;
        for (std::int64_t v = 1; v < size; ++v) length_mm += static_cast<double>(segment_before(p, v));
        if (!(length_mm < 4096)) length_mm = none();
        if (size == 1 && !(is_finite(p[0]) && is_finite(p[1]) && is_finite(p[2]))) length_mm = none();
        lengths[i] = length_mm;
        double* const row = values + i * columns;
        row[length_column] = length_mm;
        row[inverse_length_column] = length_mm > 0x1p-10 ? 1.0 / length_mm : none();
        float* const mine = room + medians * streamlines.first(i);
        for (std::int32_t g = 0; g < n_groups; ++g) {
            if (groups[g].maps == 1) along<Double1>(groups[g], p, size, mine, row);
            else along<Double4>(groups[g], p, size, mine, row);
        }
        for (std::int32_t d = 0; d < n_directions; ++d) {
            Coherence coherence{directions[d].directions};
            VoxelWalk{directions[d].directions.world_to_voxel}(p, size, coherence);
            if (directions[d].mean >= 0) row[directions[d].mean] = coherence.mean();
            if (directions[d].sd >= 0) row[directions[d].sd] = coherence.sd();
        }
        for (std::int32_t g = 0; g < n_given; ++g) row[columns - n_given + g] = static_cast<double>(given[g * n + i]);
    }

  private:
    ARCUATE_HD static double none() { return static_cast<double>(detail::quiet_nan()); }

    template <class Lanes>
    ARCUATE_HD void along(const MapGroup& group, const float* p, std::int64_t size, float* mine, double* row) const {
        GatherEach<Lanes> gather;
        gather.extremes = group.extremes;
        ARCUATE_UNROLL
        for (int k = 0; k < Lanes::count; ++k) {
            if (precise || group.columns[k].median < 0) continue;
            gather.room[k] = mine;
            mine += size;
        }
        if (precise)
            along_voxels<Lanes>(p, size, group.map, gather);
        else
            along_vertices<Lanes>(p, size, group.map, gather);
        ARCUATE_UNROLL
        for (int k = 0; k < Lanes::count; ++k) {
            const MapColumns& c = group.columns[k];
            const bool any = gather.count[k] > 0;
            if (c.mean >= 0) row[c.mean] = gather.mean(k);
            if (c.min >= 0) row[c.min] = any ? static_cast<double>(gather.low[k]) : none();
            if (c.max >= 0) row[c.max] = any ? static_cast<double>(gather.high[k]) : none();
            if (c.median < 0) continue;
            if (!any)
                row[c.median] = none();
            else if (precise)
                row[c.median] = static_cast<double>(median_along_voxels<Lanes>(p, size, group.map, k, gather.weights(k)));
            else
                row[c.median] = static_cast<double>(quantile(gather.room[k], static_cast<int>(gather.count[k]), 1, 2).value());
        }
    }
};

}  // namespace arcuate::kernels
