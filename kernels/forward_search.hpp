// The region that a streamline heads for beyond its end (tck2connectome's -assignment_forward_search).
//
// From the end's voxel, of all neighbours of voxels looked at so far the cheapest is looked at next; the first with a region is it. A voxel costs its
// centre's distance from the end times 1 + angle / 45 degrees, the angle from the tangent there; beyond 45 degrees or the reach it is not looked at.
#pragma once

#include "kernels/assign_nodes.hpp"

namespace arcuate::kernels {

namespace detail {
/// Angle [rad] whose chord on the unit circle is 2s, for 0 <= s < 0.4: 2 asin(s), to 2e-15. From the chord, because the cosine of a small angle
/// has lost it.
ARCUATE_HD double angle_of_half_chord(double s) {
    const double z = s * s;
    double sum = 1.0;  // asin(s) / s = 1 + z 1/6 (1 + z 9/20 (1 + z 25/42 (...))), term k with (2k - 1)^2 / (2k (2k + 1))
    ARCUATE_UNROLL
    for (int k = 18; k > 0; --k) sum = 1.0 + z * ((2.0 * k - 1.0) * (2.0 * k - 1.0) / (2.0 * k * (2.0 * k + 1.0))) * sum;
    return 2.0 * s * sum;
}
}  // namespace detail

struct ForwardSearch {
    /// A voxel that waits to be looked at.
    struct Candidate {
        double cost;         ///< [mm]
        std::uint32_t cell;  ///< of the box around the end's voxel, x fastest
    };

    LabelGrid grid;
    double reach_mm;
    std::int32_t rx, ry, rz;      ///< the box reaches so many voxels to either side; what lies beyond is too far
    std::int32_t seen_words;      ///< 32-bit words that hold a bit for every cell of the box
    std::int32_t capacity;        ///< voxels that can be in reach at most
    std::uint32_t* seen;          ///< scratch (slots, seen_words)
    Candidate* waiting;           ///< scratch (slots, capacity)

    ARCUATE_HD std::int32_t operator()(const StreamlineEnd& end) const {
        DVec3 p;
        Voxel start;
        if (!grid.locate(end.vertex(0), p, start) || !grid.contains(start)) return 0;
        const DVec3 tangent = tangent_at(end);
        std::uint32_t* const bits = seen + end.slot * seen_words;
        for (std::int32_t w = 0; w < seen_words; ++w) bits[w] = 0;
        Candidate* const queue = waiting + end.slot * capacity;
        std::int32_t n = 0;
        const std::int32_t wx = 2 * rx + 1, wy = 2 * ry + 1;
        Voxel at{rx, ry, rz};  // in the box
        mark(bits, static_cast<std::uint32_t>(rx + wx * (ry + wy * rz)));
        while (true) {
            const Voxel voxel{start.x + at.x - rx, start.y + at.y - ry, start.z + at.z - rz};
            if (grid.contains(voxel)) {
                if (const std::int32_t node = grid.nodes[grid.index(voxel)]) return node;
                for (std::int32_t k = 0; k < 27; ++k) {
                    const Voxel next{at.x + k % 3 - 1, at.y + k / 3 % 3 - 1, at.z + k / 9 - 1};
                    if (next.x < 0 || next.y < 0 || next.z < 0 || next.x > 2 * rx || next.y > 2 * ry || next.z > 2 * rz) continue;
                    const auto cell = static_cast<std::uint32_t>(next.x + wx * (next.y + wy * next.z));
                    if (!mark(bits, cell)) continue;
                    const double cost = cost_of({start.x + next.x - rx - p.x, start.y + next.y - ry - p.y, start.z + next.z - rz - p.z}, tangent);
                    if (cost <= reach_mm && n < capacity) queue[n++] = {cost, cell};  // false for NaN; the second is always true
                }
            }
            if (n == 0) return 0;
            std::int32_t best = 0;
            for (std::int32_t k = 1; k < n; ++k)
                if (queue[k].cost < queue[best].cost || (queue[k].cost == queue[best].cost && queue[k].cell < queue[best].cell)) best = k;
            const auto cell = static_cast<std::int32_t>(queue[best].cell);
            --n;
            queue[best] = {queue[n].cost, queue[n].cell};  // not the unwritten bytes beside them
            at = {cell % wx, cell / wx % wy, cell / (wx * wy)};
        }
    }

  private:
    /// False where it was marked already.
    ARCUATE_HD static bool mark(std::uint32_t* bits, std::uint32_t cell) {
        const std::uint32_t bit = 1u << (cell & 31u), word = bits[cell >> 5];
        bits[cell >> 5] = word | bit;
        return (word & bit) == 0;
    }

    /// Out of the streamline: the last step, and by how much it differs from the one before, both of one length. NaN where there is no direction.
    ARCUATE_HD static DVec3 tangent_at(const StreamlineEnd& end) {
        if (end.n < 2) return scaled({0, 0, 0}, 0.0);
        const DVec3 last = widened(end.vertex(0) - end.vertex(1));
        if (end.n == 2) return scaled(last, 1.0);
        const DVec3 before = widened(end.vertex(1) - end.vertex(2));
        const double ratio = sqrt(dot(last, last)) / sqrt(dot(before, before));
        return scaled({last.x + (last.x - ratio * before.x), last.y + (last.y - ratio * before.y), last.z + (last.z - ratio * before.z)}, 1.0);
    }
    /// The unit vector along a, times s.
    ARCUATE_HD static DVec3 scaled(DVec3 a, double s) {
        const double by = s / sqrt(dot(a, a));
        return {by * a.x, by * a.y, by * a.z};
    }

    /// [mm]; NaN beyond the cone. `step`: from the end to the voxel's centre, in voxels.
    ARCUATE_HD double cost_of(DVec3 step, DVec3 tangent) const {
        constexpr double limit = 0x1.921fb54442d18p-1;  // 45 degrees
        const DVec3 mm = grid.in_mm(step), direction = scaled(mm, 1.0);
        const DVec3 chord{direction.x - tangent.x, direction.y - tangent.y, direction.z - tangent.z};
        const double half_chord = 0.5 * sqrt(dot(chord, chord));
        const double angle = half_chord < 0.4 ? detail::angle_of_half_chord(half_chord) : 4.0 * limit;
        return angle <= limit ? sqrt(dot(mm, mm)) * (1.0 + angle / limit) : static_cast<double>(detail::quiet_nan());
    }
};

}  // namespace arcuate::kernels
