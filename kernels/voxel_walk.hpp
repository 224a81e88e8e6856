// The voxels that a streamline passes through, and how far it goes in each: exact intersections of its segments with the voxels' faces.
#pragma once

#include "kernels/vec3.hpp"

#include <cstdint>

namespace arcuate::kernels {

/// One stay in one voxel, between entering it (or beginning there) and leaving it (or ending there).
struct VoxelVisit {
    std::int32_t x, y, z;  ///< may be outside the image
    float length_mm;       ///< of the path inside the voxel
    Vec3 chord;            ///< from entry to exit, world [mm]
};

/// A streamline is a polyline; a voxel reaches half a step around its centre. Segments with a vertex that is not finite, or more than 16000 voxels from
/// voxel (0,0,0), are left out.
struct VoxelWalk {
    Affine3 world_to_voxel;

    /// At least as many visits as operator() makes: one and the number of faces crossed, for every piece without a gap.
    ARCUATE_HD std::int32_t bound(const float* positions, std::int64_t n) const {
        std::int32_t visits = 0;
        bool inside = false;
        std::int32_t before[3] = {0, 0, 0};
        for (std::int64_t v = 0; v < n; ++v) {
            const Vec3 p = transform_point(world_to_voxel, vertex(positions, v));
            if (!is_near(p)) {
                inside = false;
                continue;
            }
            const std::int32_t here[3] = {floor_int(p.x + 0.5f), floor_int(p.y + 0.5f), floor_int(p.z + 0.5f)};
            visits += inside ? distance(here[0], before[0]) + distance(here[1], before[1]) + distance(here[2], before[2]) : 1;
            for (int axis = 0; axis < 3; ++axis) before[axis] = here[axis];
            inside = true;
        }
        return visits;
    }

    /// Calls visit(VoxelVisit) for every stay, in order.
    template <class Visit>
    ARCUATE_HD void operator()(const float* positions, std::int64_t n, Visit& visit) const {
        VoxelVisit stay{};
        Vec3 entry{}, last{}, last_voxel{};
        bool inside = false;
        for (std::int64_t v = 0; v < n; ++v) {
            const Vec3 world = vertex(positions, v);
            const Vec3 p = transform_point(world_to_voxel, world);
            if (!is_near(p)) {
                if (inside) leave(stay, entry, last, visit);
                inside = false;
                continue;
            }
            if (!inside) {
                stay = {floor_int(p.x + 0.5f), floor_int(p.y + 0.5f), floor_int(p.z + 0.5f), 0.0f, {}};
                entry = world;
                inside = true;
            } else {
                segment(last, world, last_voxel, p, stay, entry, visit);
            }
            last = world;
            last_voxel = p;
        }
        if (inside) leave(stay, entry, last, visit);
    }

  private:
    ARCUATE_HD static Vec3 vertex(const float* p, std::int64_t v) { return {p[3 * v], p[3 * v + 1], p[3 * v + 2]}; }
    ARCUATE_HD static std::int32_t distance(std::int32_t a, std::int32_t b) { return a > b ? a - b : b - a; }
    ARCUATE_HD static bool is_near(Vec3 p) {
        constexpr float far = 16000.0f;
        return p.x > -far && p.x < far && p.y > -far && p.y < far && p.z > -far && p.z < far;  // false for NaN
    }
    template <class Visit>
    ARCUATE_HD static void leave(VoxelVisit& stay, Vec3 entry, Vec3 exit, Visit& visit) {
        stay.chord = exit - entry;
        visit(stay);
    }

    /// From a to b (voxel coordinates u to w): as many steps along each axis as there are faces between the two voxels, the nearest face first. Counting
    /// faces, not positions, ends the walk in b's voxel however the positions round.
    template <class Visit>
    ARCUATE_HD static void segment(Vec3 a, Vec3 b, Vec3 u, Vec3 w, VoxelVisit& stay, Vec3& entry, Visit& visit) {
        const float whole = length(b - a);
        const float from[3] = {u.x, u.y, u.z}, to[3] = {w.x, w.y, w.z};
        std::int32_t* const at[3] = {&stay.x, &stay.y, &stay.z};
        std::int32_t left[3], step[3];
        float next[3], between[3];  // where on the segment, 0 at a and 1 at b, it meets the next face of each axis; distance of faces
        for (int axis = 0; axis < 3; ++axis) {
            const std::int32_t end = floor_int(to[axis] + 0.5f);
            left[axis] = distance(end, *at[axis]);
            step[axis] = end < *at[axis] ? -1 : 1;
            next[axis] = 2.0f;
            between[axis] = 0.0f;
            if (left[axis] > 0) {
                const float rise = to[axis] - from[axis];
                next[axis] = (static_cast<float>(*at[axis]) + 0.5f * static_cast<float>(step[axis]) - from[axis]) / rise;
                between[axis] = static_cast<float>(step[axis]) / rise;
            }
        }
        float t = 0.0f;
        while (left[0] + left[1] + left[2] > 0) {
            int axis = left[0] > 0 ? 0 : (left[1] > 0 ? 1 : 2);
            for (int k = axis + 1; k < 3; ++k)
                if (left[k] > 0 && next[k] < next[axis]) axis = k;
            const float face = min(1.0f, max(t, next[axis]));
            stay.length_mm += (face - t) * whole;
            const Vec3 point = fma(face, b - a, a);
            leave(stay, entry, point, visit);
            entry = point;
            stay.length_mm = 0.0f;
            *at[axis] += step[axis];
            next[axis] += between[axis];
            --left[axis];
            t = face;
        }
        stay.length_mm += (1.0f - t) * whole;
    }
};

}  // namespace arcuate::kernels
