// The values of maps along a streamline, and what they make together. Lanes::count maps on one grid are looked up at once.
#pragma once

#include "kernels/fixed_point.hpp"
#include "kernels/sample_map.hpp"
#include "kernels/select.hpp"
#include "kernels/streamline.hpp"
#include "kernels/voxel_walk.hpp"

namespace arcuate::kernels {

/// Calls take(values, weight) for every vertex inside the maps. Trapezoid rule: a vertex weighs half of each adjacent segment [mm].
template <class Lanes, class Take>
ARCUATE_HD void along_vertices(const float* p, std::int64_t n, const MapView& map, Take& take) {
    float before = 0;
    for (std::int64_t v = 0; v < n; ++v) {
        const float after = v + 1 < n ? segment_before(p, v + 1) : 0.0f;
        float values[Lanes::count];
        if (map.sample_lanes<Lanes>(vertex_of(p, v), values)) take(values, 0.5 * (static_cast<double>(before) + static_cast<double>(after)));
        before = after;
    }
}

/// Calls take(values, weight) for every stay in a voxel; the weight is its length [mm].
template <class Lanes, class Take>
struct VoxelsOfMap {
    const MapView& map;
    Take& take;

    ARCUATE_HD void operator()(const VoxelVisit& visit) {
        if (const float* const values = map.at(visit.x, visit.y, visit.z, Lanes::count)) take(values, static_cast<double>(visit.length_mm));
    }
};

template <class Lanes, class Take>
ARCUATE_HD void along_voxels(const float* p, std::int64_t n, const MapView& map, Take& take) {
    VoxelsOfMap<Lanes, Take> visit{map, take};
    VoxelWalk{narrowed(map.world_to_voxel)}(p, n, visit);
}

/// Mean and, where they are wanted, extremes of each map, and the values themselves where there is room to keep them. What is not finite is left out.
template <class Lanes>
struct GatherEach {
    static constexpr int lanes = Lanes::count;
    bool extremes = true;
    float* room[lanes]{};  ///< null where nobody wants them
    std::int64_t count[lanes]{};
    float low[lanes], high[lanes];

    ARCUATE_HD GatherEach() {
        ARCUATE_UNROLL
        for (int k = 0; k < lanes; ++k) {
            low[k] = infinity;
            high[k] = -infinity;
        }
    }
    ARCUATE_HD void operator()(const float* values, double weight) {
        bool finite[lanes], all = true;
        ARCUATE_UNROLL
        for (int k = 0; k < lanes; ++k) {
            finite[k] = is_finite(values[k]);
            all = all && finite[k];
        }
        if (all) {
            (Lanes::load(weights_) + Lanes::all(weight)).store(weights_);
            fma(Lanes::all(weight), Lanes::load(values), Lanes::load(sum_)).store(sum_);
        }
        ARCUATE_UNROLL
        for (int k = 0; k < lanes; ++k) {
            if (!finite[k]) continue;
            if (!all) {
                weights_[k] += weight;
                sum_[k] = fma(weight, static_cast<double>(values[k]), sum_[k]);
            }
            if (extremes) {
                low[k] = min(values[k], low[k]);
                high[k] = max(values[k], high[k]);
            }
            if (room[k]) room[k][count[k]] = values[k];
            ++count[k];
        }
    }
    ARCUATE_HD double weights(int k) const { return weights_[k]; }
    /// NaN where there is none.
    ARCUATE_HD double mean(int k) const { return weights_[k] > 0 ? sum_[k] / weights_[k] : static_cast<double>(detail::quiet_nan()); }

  private:
    double weights_[lanes]{}, sum_[lanes]{};
};

ARCUATE_HD double mean_along(const float* p, std::int64_t n, const MapView& map) {
    GatherEach<Double1> gather;
    along_vertices<Double1>(p, n, map, gather);
    return gather.mean(0);
}

/// Weight of one map's values up to one, which is given by its ordered bits.
struct WeightUpTo {
    std::int32_t lane;
    std::uint32_t bits;
    double weights = 0;

    ARCUATE_HD void operator()(const float* values, double weight) {
        if (is_finite(values[lane]) && ordered_bits(values[lane]) <= bits) weights += weight;
    }
};

/// The least value of one map up to which lies half of the length or more: its bits one by one, because the voxels of a streamline have no room to be sorted in.
template <class Lanes>
ARCUATE_HD float median_along_voxels(const float* p, std::int64_t n, const MapView& map, std::int32_t lane, double length_mm) {
    std::uint32_t bits = 0;
    ARCUATE_ROLLED
    for (std::uint32_t bit = 0x80000000u; bit != 0; bit >>= 1) {
        WeightUpTo below{lane, bits | (bit - 1u)};
        along_voxels<Lanes>(p, n, map, below);
        if (!(below.weights >= 0.5 * length_mm)) bits |= bit;
    }
    return float_of_ordered(bits);
}

}  // namespace arcuate::kernels
