// Which regions a streamline connects. The ways are tck2connectome's: the region at an end, the nearest within a radius, the last one that the
// streamline went through, the one it heads for (kernels/forward_search.hpp), or all that it touches.
#pragma once

#include "kernels/label_grid.hpp"
#include "kernels/streamline.hpp"

namespace arcuate::kernels {

/// One end of a streamline: vertex `at`, and `inwards` to the next vertex, +1 or -1.
struct StreamlineEnd {
    const float* vertices;
    std::int64_t n, at, inwards;
    std::int64_t slot;  ///< 2 x place in the launch, + 1 for the second end

    ARCUATE_HD Vec3 vertex(std::int64_t steps) const { return vertex_of(vertices, at + steps * inwards); }
};

/// The region of the voxel that the end lies in.
struct EndVoxel {
    LabelGrid grid;

    ARCUATE_HD std::int32_t operator()(const StreamlineEnd& end) const { return grid.node_at(end.vertex(0)); }
};

/// A voxel relative to the one that a point lies in.
struct SearchOffset {
    std::int32_t x, y, z;
    double nearest2;  ///< squared distance [mm2] that its centre has at least from any point of the voxel at (0,0,0)
};

/// The region of the nearest labelled voxel centre, if it is closer than a radius. Of centres at the same distance, the one of the lowest voxel
/// index (x fastest) wins.
struct RadialSearch {
    LabelGrid grid;
    const std::int32_t* decided;  ///< (nz, ny, nx): the answer where it is the same for every point of the voxel, -1 elsewhere
    const SearchOffset* offsets;  ///< ascending in nearest2; all that can hold a centre closer than the radius
    std::int32_t n_offsets;
    double radius2;               ///< [mm2]
    bool own_is_nearest;          ///< of a point well inside a voxel, that one's centre is nearest and closer than the radius

    ARCUATE_HD std::int32_t operator()(const StreamlineEnd& end) const {
        DVec3 p;
        Voxel at;
        if (!grid.locate(end.vertex(0), p, at)) return 0;
        if (grid.contains(at)) {
            if (const std::int32_t node = decided[grid.index(at)]; node >= 0) return node;
            if (const std::int32_t own = grid.nodes[grid.index(at)]; own != 0 && own_is_nearest && is_well_inside(p, at)) return own;
        }
        double best2 = radius2;
        std::int32_t best = 0;
        std::int64_t best_voxel = 0;
        for (std::int32_t k = 0; k < n_offsets && offsets[k].nearest2 <= best2; ++k) {
            const Voxel v{at.x + offsets[k].x, at.y + offsets[k].y, at.z + offsets[k].z};
            if (!grid.contains(v)) continue;
            const std::int64_t voxel = grid.index(v);
            const std::int32_t node = grid.nodes[voxel];
            if (node == 0) continue;
            const DVec3 mm = grid.in_mm({v.x - p.x, v.y - p.y, v.z - p.z});
            const double distance2 = dot(mm, mm);
            if (distance2 < best2 || (best != 0 && distance2 == best2 && voxel < best_voxel)) {
                best2 = distance2;
                best = node;
                best_voxel = voxel;
            }
        }
        return best;
    }

  private:
    /// Clear of rounding, and of axes that are not quite at right angles.
    ARCUATE_HD static bool is_well_inside(DVec3 p, Voxel at) { return abs(p.x - at.x) < 0.499 && abs(p.y - at.y) < 0.499 && abs(p.z - at.z) < 0.499; }
};

/// The first region met on the way inwards, vertex by vertex, for `reach_mm` at most (0: to the middle). The first end looks at the first
/// (n + 1) / 2 vertices, the second at the last n - n / 2 - 1: tck2connectome's halves, which leave out vertex n / 2 where n is even.
struct ReverseSearch {
    LabelGrid grid;
    double reach_mm;

    ARCUATE_HD std::int32_t operator()(const StreamlineEnd& end) const {
        const std::int64_t vertices = end.inwards > 0 ? (end.n + 1) / 2 : end.n - end.n / 2 - 1;
        double walked_mm = 0;
        for (std::int64_t k = 0; k < vertices; ++k) {
            const Vec3 here = end.vertex(k);
            if (const std::int32_t node = grid.node_at(here)) return node;
            if (k + 1 == end.n || reach_mm == 0) continue;
            walked_mm += static_cast<double>(length(here - end.vertex(k + 1)));
            if (walked_mm > reach_mm) return 0;
        }
        return 0;
    }
};

/// One item: one streamline.
template <class Search>
struct AssignEnds {
    StreamlinesView streamlines;
    const double* lengths;  ///< (n) [mm]; NaN for what is no streamline
    Search search;
    std::int32_t* nodes;  ///< out (n, 2): 1 + the node's row, 0 for none

    ARCUATE_HD void operator()(std::int64_t i) const {
        const float* const p = streamlines.vertices(i);
        const std::int64_t n = streamlines.size(i);
        const bool usable = n > 0 && lengths[i] == lengths[i];
        nodes[2 * i] = usable ? search(StreamlineEnd{p, n, 0, 1, 2 * i}) : 0;
        nodes[2 * i + 1] = usable ? search(StreamlineEnd{p, n, n - 1, -1, 2 * i + 1}) : 0;
    }
};

/// One item: one streamline; every region that has a vertex in it, ascending.
struct AssignAllVoxels {
    StreamlinesView streamlines;
    const double* lengths;
    LabelGrid grid;
    std::int32_t* nodes;   ///< out (n_vertices): a streamline's regions begin where its vertices do
    std::int32_t* counts;  ///< out (n) how many

    ARCUATE_HD void operator()(std::int64_t i) const {
        const float* const p = streamlines.vertices(i);
        std::int32_t* const mine = nodes + streamlines.first(i);
        std::int32_t count = 0;
        const std::int64_t n = lengths[i] == lengths[i] ? streamlines.size(i) : 0;
        for (std::int64_t v = 0; v < n; ++v) {
            const std::int32_t node = grid.node_at(vertex_of(p, v));
            if (node == 0) continue;
            std::int32_t k = count;
            while (k > 0 && mine[k - 1] > node) --k;
            if (k > 0 && mine[k - 1] == node) continue;
            for (std::int32_t later = count++; later > k; --later) mine[later] = mine[later - 1];
            mine[k] = node;
        }
        counts[i] = count;
    }
};

}  // namespace arcuate::kernels
