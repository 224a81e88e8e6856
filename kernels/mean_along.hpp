// The values of a map along a streamline, and what they make together.
#pragma once

#include "kernels/fixed_point.hpp"
#include "kernels/sample_map.hpp"
#include "kernels/select.hpp"
#include "kernels/streamline.hpp"
#include "kernels/voxel_walk.hpp"

namespace arcuate::kernels {

/// Calls take(value, weight) for every vertex at which the map has a value. Trapezoid rule: a vertex weighs half of each adjacent segment [mm].
template <class Take>
ARCUATE_HD void along_vertices(const float* p, std::int64_t n, const MapView& map, Take& take) {
    float before = 0;
    for (std::int64_t v = 0; v < n; ++v) {
        const float after = v + 1 < n ? segment_before(p, v + 1) : 0.0f;
        float value = 0;
        if (map.sample(vertex_of(p, v), value)) take(value, 0.5 * (static_cast<double>(before) + static_cast<double>(after)));
        before = after;
    }
}

/// Calls take(value, weight) for every stay in a voxel that has a value; the weight is its length [mm].
template <class Take>
struct VoxelsOfMap {
    const MapView& map;
    Take& take;

    ARCUATE_HD void operator()(const VoxelVisit& visit) {
        float value = 0;
        if (map.at(visit.x, visit.y, visit.z, value)) take(value, static_cast<double>(visit.length_mm));
    }
};

template <class Take>
ARCUATE_HD void along_voxels(const float* p, std::int64_t n, const MapView& map, Take& take) {
    VoxelsOfMap<Take> visit{map, take};
    VoxelWalk{narrowed(map.world_to_voxel)}(p, n, visit);
}

/// Mean, extremes and, where there is room to keep them, the values themselves.
struct Gather {
    float* room;
    std::int64_t count = 0;
    double weights = 0, sum = 0;
    float low = infinity, high = -infinity;

    ARCUATE_HD void operator()(float value, double weight) {
        weights += weight;
        sum = fma(weight, static_cast<double>(value), sum);
        low = min(value, low);
        high = max(value, high);
        if (room) room[count] = value;
        ++count;
    }
    /// NaN where there is none.
    ARCUATE_HD double mean() const { return weights > 0 ? sum / weights : static_cast<double>(detail::quiet_nan()); }
};

ARCUATE_HD double mean_along(const float* p, std::int64_t n, const MapView& map) {
    Gather gather{nullptr};
    along_vertices(p, n, map, gather);
    return gather.mean();
}

/// Weight of the values up to one, which is given by its ordered bits.
struct WeightUpTo {
    std::uint32_t bits;
    double weights = 0;

    ARCUATE_HD void operator()(float value, double weight) {
        if (ordered_bits(value) <= bits) weights += weight;
    }
};

/// The least value up to which lies half of the length or more: its bits one by one, because the voxels of a streamline have no room to be sorted in.
ARCUATE_HD float median_along_voxels(const float* p, std::int64_t n, const MapView& map, double length_mm) {
    std::uint32_t bits = 0;
    ARCUATE_ROLLED
    for (std::uint32_t bit = 0x80000000u; bit != 0; bit >>= 1) {
        WeightUpTo below{bits | (bit - 1u)};
        along_voxels(p, n, map, below);
        if (!(below.weights >= 0.5 * length_mm)) bits |= bit;
    }
    return float_of_ordered(bits);
}

}  // namespace arcuate::kernels
