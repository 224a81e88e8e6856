// Connectome construction as one would write it on paper: every voxel is looked at, everything is double.
#pragma once

#include "arcuate/core/parcellation.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

namespace arcuate::reference {

/// Label of the nearest labelled voxel centre strictly closer than the radius; of equally near ones the first in memory. 0 for none.
inline std::int32_t nearest_label(const LabelImage& labels, const Vec3d& point, double radius_mm) {
    std::int32_t best = 0;
    double best_distance = radius_mm;
    const auto& size = labels.grid.size;
    for (std::int64_t z = 0; z < size[2]; ++z)
        for (std::int64_t y = 0; y < size[1]; ++y)
            for (std::int64_t x = 0; x < size[0]; ++x) {
                const auto label = labels.at(labels.grid.index(x, y, z));
                if (label == 0) continue;
                const Vec3d centre = transform_point(labels.grid.voxel_to_world, {double(x), double(y), double(z)});
                const double distance = std::hypot(centre[0] - point[0], centre[1] - point[1], centre[2] - point[2]);
                if (distance < best_distance) {
                    best_distance = distance;
                    best = label;
                }
            }
    return best;
}

inline Vec3d vertex(std::span<const float> streamline, std::size_t v) { return {streamline[3 * v], streamline[3 * v + 1], streamline[3 * v + 2]}; }

inline double segment_length(std::span<const float> streamline, std::size_t from) {
    const Vec3d a = vertex(streamline, from), b = vertex(streamline, from + 1);
    return std::hypot(b[0] - a[0], b[1] - a[1], b[2] - a[2]);
}

inline double streamline_length(std::span<const float> streamline) {
    double sum = 0;
    for (std::size_t v = 0; v + 1 < streamline.size() / 3; ++v) sum += segment_length(streamline, v);
    return sum;
}

/// Trilinear interpolation; nothing beyond half a voxel outside the outermost centres, or where a contributing voxel is not finite.
inline std::optional<double> sample(const ScalarImage& map, const Vec3d& point) {
    Vec3d v = transform_point(inverse(map.grid.voxel_to_world), point);
    for (int axis = 0; axis < 3; ++axis) {
        const auto last = static_cast<double>(map.grid.size[axis] - 1);
        if (!(v[axis] >= -0.5 && v[axis] <= last + 0.5)) return std::nullopt;
        v[axis] = std::fmin(std::fmax(v[axis], 0.0), last);
    }
    double sum = 0;
    for (int corner = 0; corner < 8; ++corner) {
        double weight = 1;
        std::array<std::int64_t, 3> at{};
        for (int axis = 0; axis < 3; ++axis) {
            const double floor = std::floor(v[axis]);
            const bool upper = corner >> axis & 1;
            weight *= upper ? v[axis] - floor : 1 - (v[axis] - floor);
            at[axis] = static_cast<std::int64_t>(floor) + upper;
        }
        if (weight > 0) sum += weight * static_cast<double>(map.at(map.grid.index(at[0], at[1], at[2])));
    }
    return std::isfinite(sum) ? std::optional(sum) : std::nullopt;
}

/// Integral of the map along the streamline by the trapezoid rule, over the length that had a value; NaN where none had.
inline double mean_along(std::span<const float> streamline, const ScalarImage& map) {
    double sum = 0, weights = 0;
    const std::size_t n = streamline.size() / 3;
    for (std::size_t v = 0; v < n; ++v) {
        const auto value = sample(map, vertex(streamline, v));
        if (!value) continue;
        double weight = 0;
        if (v > 0) weight += segment_length(streamline, v - 1) / 2;
        if (v + 1 < n) weight += segment_length(streamline, v) / 2;
        sum += weight * *value;
        weights += weight;
    }
    return weights > 0 ? sum / weights : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace arcuate::reference
