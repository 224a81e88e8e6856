// Connectome construction as one would write it on paper: every voxel is looked at, everything is double.
#pragma once

#include "arcuate/core/parcellation.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

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

using Voxel = std::array<std::int64_t, 3>;

inline Voxel voxel_of(const Grid& grid, const Vec3d& point) {
    const Vec3d v = transform_point(inverse(grid.voxel_to_world), point);
    return {static_cast<std::int64_t>(std::floor(v[0] + 0.5)), static_cast<std::int64_t>(std::floor(v[1] + 0.5)), static_cast<std::int64_t>(std::floor(v[2] + 0.5))};
}

/// Label of the voxel that the point lies in, 0 outside.
inline std::int32_t label_at(const LabelImage& labels, const Vec3d& point) {
    const Voxel v = voxel_of(labels.grid, point);
    return labels.grid.contains(v[0], v[1], v[2]) ? labels.at(labels.grid.index(v[0], v[1], v[2])) : 0;
}

/// The streamline turned so that the end in question is its first vertex.
inline std::vector<Vec3d> from_end(std::span<const float> streamline, bool last) {
    std::vector<Vec3d> out;
    for (std::size_t v = 0; v < streamline.size() / 3; ++v) out.push_back(vertex(streamline, v));
    if (last) std::reverse(out.begin(), out.end());
    return out;
}

inline double distance(const Vec3d& a, const Vec3d& b) { return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]); }

inline std::int32_t reverse_label(const LabelImage& labels, std::span<const float> streamline, bool last, double reach_mm) {
    const auto line = from_end(streamline, last);
    const std::size_t half = last ? line.size() - line.size() / 2 - 1 : (line.size() + 1) / 2;
    double walked = 0;
    for (std::size_t v = 0; v < half; ++v) {
        if (const auto label = label_at(labels, line[v])) return label;
        if (v + 1 < line.size()) walked += distance(line[v], line[v + 1]);
        if (reach_mm > 0 && walked > reach_mm) return 0;
    }
    return 0;
}

inline std::int32_t forward_label(const LabelImage& labels, std::span<const float> streamline, bool last, double reach_mm) {
    const auto line = from_end(streamline, last);
    const Grid& grid = labels.grid;
    const Voxel start = voxel_of(grid, line[0]);
    if (!grid.contains(start[0], start[1], start[2])) return 0;
    Vec3d tangent{0, 0, 0};
    for (std::size_t axis = 0; line.size() > 1 && axis < 3; ++axis) {
        tangent[axis] = line[0][axis] - line[1][axis];
        if (line.size() > 2) tangent[axis] = 2 * tangent[axis] - distance(line[0], line[1]) / distance(line[1], line[2]) * (line[1][axis] - line[2][axis]);
    }
    const auto cost = [&](const Voxel& v) {
        const Vec3d centre = transform_point(grid.voxel_to_world, {double(v[0]), double(v[1]), double(v[2])});
        double dot = 0;
        for (std::size_t axis = 0; axis < 3; ++axis) dot += tangent[axis] * (centre[axis] - line[0][axis]);
        const double mm = distance(centre, line[0]), angle = std::acos(dot / mm / std::hypot(tangent[0], tangent[1], tangent[2])) / std::atan(1.0);
        return angle <= 1 ? mm * (1 + angle) : std::nan("");
    };
    std::set<Voxel> seen{start};
    std::set<std::pair<double, Voxel>> waiting{{0.0, start}};
    while (!waiting.empty()) {
        const Voxel at = waiting.begin()->second;
        waiting.erase(waiting.begin());
        if (!grid.contains(at[0], at[1], at[2])) continue;
        if (const auto label = labels.at(grid.index(at[0], at[1], at[2]))) return label;
        for (int k = 0; k < 27; ++k) {
            const Voxel next{at[0] + k % 3 - 1, at[1] + k / 3 % 3 - 1, at[2] + k / 9 - 1};
            if (!seen.insert(next).second) continue;
            if (const double c = cost(next); c <= reach_mm) waiting.emplace(c, next);
        }
    }
    return 0;
}

inline std::vector<std::int32_t> all_labels(const LabelImage& labels, std::span<const float> streamline) {
    std::set<std::int32_t> out;
    for (std::size_t v = 0; v < streamline.size() / 3; ++v)
        if (const auto label = label_at(labels, vertex(streamline, v))) out.insert(label);
    return {out.begin(), out.end()};
}

/// A value and how much it weighs.
struct Weighted {
    double value, weight;
};

/// The map at the vertices that have a value; each weighs half of its adjacent segments.
inline std::vector<Weighted> at_vertices(std::span<const float> streamline, const ScalarImage& map) {
    std::vector<Weighted> out;
    const std::size_t n = streamline.size() / 3;
    for (std::size_t v = 0; v < n; ++v)
        if (const auto value = sample(map, vertex(streamline, v)))
            out.push_back({*value, (v > 0 ? segment_length(streamline, v - 1) / 2 : 0) + (v + 1 < n ? segment_length(streamline, v) / 2 : 0)});
    return out;
}

/// The stretches of a streamline between voxels' faces, by cutting each segment at all of them.
struct Stretch {
    Voxel voxel;
    Vec3d step;  ///< [mm]
    double mm;
};
inline std::vector<Stretch> stretches(std::span<const float> streamline, const Grid& grid) {
    const Affine back = inverse(grid.voxel_to_world);
    std::vector<Stretch> out;
    for (std::size_t v = 0; v + 1 < streamline.size() / 3; ++v) {
        const Vec3d p = vertex(streamline, v), q = vertex(streamline, v + 1), a = transform_point(back, p), b = transform_point(back, q);
        std::set<double> cuts{0, 1};
        for (std::size_t axis = 0; axis < 3; ++axis)
            for (double face = std::floor(std::min(a[axis], b[axis])) - 0.5; face < std::max(a[axis], b[axis]); ++face)
                if (const double t = (face - a[axis]) / (b[axis] - a[axis]); t > 0 && t < 1) cuts.insert(t);
        for (auto cut = cuts.begin(); std::next(cut) != cuts.end(); ++cut) {
            const double middle = (*cut + *std::next(cut)) / 2, part = *std::next(cut) - *cut;
            const Vec3d step{part * (q[0] - p[0]), part * (q[1] - p[1]), part * (q[2] - p[2])};
            out.push_back({voxel_of(grid, {p[0] + middle * (q[0] - p[0]), p[1] + middle * (q[1] - p[1]), p[2] + middle * (q[2] - p[2])}), step, part * distance(p, q)});
        }
    }
    return out;
}

/// The voxels that the streamline passes through; each weighs the length in it.
inline std::vector<Weighted> in_voxels(std::span<const float> streamline, const ScalarImage& map) {
    std::vector<Weighted> out;
    for (const auto& [at, step, mm] : stretches(streamline, map.grid)) {
        if (!map.grid.contains(at[0], at[1], at[2])) continue;
        const double value = map.at(map.grid.index(at[0], at[1], at[2]));
        if (std::isfinite(value)) out.push_back({value, mm});
    }
    return out;
}

/// |cos| of the angle between what the streamline goes in a voxel, from where it enters to where it leaves it, and the best aligned of the voxel's directions.
inline std::vector<Weighted> alignments(std::span<const float> streamline, const ScalarImage& directions) {
    const auto parts = stretches(streamline, directions.grid);
    std::vector<Weighted> out;
    for (std::size_t i = 0, next = 0; i < parts.size(); i = next) {
        Vec3d chord{0, 0, 0};
        double mm = 0;
        for (; next < parts.size() && parts[next].voxel == parts[i].voxel; ++next) {
            mm += parts[next].mm;
            for (std::size_t axis = 0; axis < 3; ++axis) chord[axis] += parts[next].step[axis];
        }
        const auto& at = parts[i].voxel;
        if (!directions.grid.contains(at[0], at[1], at[2])) continue;
        double best = -1;
        for (std::int64_t k = 0; k < directions.volumes; k += 3) {
            double dot = 0, squares = 0;
            for (std::int64_t axis = 0; axis < 3; ++axis) {
                const double d = directions.at(directions.grid.index(at[0], at[1], at[2]), k + axis);
                dot += d * chord[static_cast<std::size_t>(axis)];
                squares += d * d;
            }
            if (squares > 0) best = std::max(best, std::fabs(dot) / std::sqrt(squares) / std::hypot(chord[0], chord[1], chord[2]));
        }
        if (best >= 0) out.push_back({best, mm});
    }
    return out;
}

/// The value of two in the middle, halved; each value counts once.
inline double median(std::vector<Weighted> values) {
    std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
    const std::size_t n = values.size();
    return (values[(n - 1) / 2].value + values[n / 2].value) / 2;
}

/// The least value up to which lies half of the weight.
inline double weighted_median(std::vector<Weighted> values) {
    std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
    double total = 0, so_far = 0;
    for (const auto& v : values) total += v.weight;
    for (const auto& v : values)
        if ((so_far += v.weight) >= total / 2) return v.value;
    return std::nan("");
}

}  // namespace arcuate::reference
