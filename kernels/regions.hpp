// Regions that end, forbid or require a streamline: images or spheres, in any number.
#pragma once

#include "kernels/vec3.hpp"

#include <cstdint>

namespace arcuate::kernels {

/// A mask on its own grid (a point belongs to the nearest voxel) or a ball.
struct Region {
    const std::uint8_t* inside;  ///< (nz, ny, nx); null: the ball
    int nx, ny, nz;
    Affine3 world_to_voxel;
    Vec3 centre;                 ///< [mm]
    float radius_squared;        ///< [mm2]

    ARCUATE_HOT bool contains(Vec3 world) const {
        if (!inside) {
            const Vec3 d = world - centre;
            return dot(d, d) <= radius_squared;
        }
        const Vec3 v = transform_point(world_to_voxel, world);
        if (!(v.x > -0.5f && v.y > -0.5f && v.z > -0.5f && v.x < static_cast<float>(nx) && v.y < static_cast<float>(ny) && v.z < static_cast<float>(nz)))
            return false;
        const int x = floor_int(v.x + 0.5f), y = floor_int(v.y + 0.5f), z = floor_int(v.z + 0.5f);
        return x < nx && y < ny && z < nz && inside[x + static_cast<std::int64_t>(nx) * (y + static_cast<std::int64_t>(ny) * z)];
    }
};

inline constexpr int max_include_regions = 64;  ///< of either kind; bits of a word

/// The include regions that a streamline has been in.
struct RegionVisits {
    std::uint64_t include = 0;   ///< bit per region
    std::int32_t ordered = 0;    ///< ordered regions entered so far, in their order
    bool out_of_order = false;
};

/// What a vertex in the regions means for its streamline.
enum class RegionVerdict : std::uint8_t { go_on, outside_mask, excluded, all_included };

/// The regions of a run: `masks` of them, then `excludes`, `includes`, `ordered`.
struct RegionSet {
    const Region* regions;
    int masks, excludes, includes, ordered;
    bool stop_at_include;   ///< end a streamline once all includes have been visited

    ARCUATE_HD bool in_mask(Vec3 p) const { return masks == 0 || any(0, masks, p); }
    ARCUATE_HD bool excluded(Vec3 p) const { return any(masks, excludes, p); }
    ARCUATE_HD bool required() const { return includes + ordered > 0; }

    ARCUATE_HD void visit(Vec3 p, RegionVisits& visits) const {
        const Region* r = regions + masks + excludes;
        for (int i = 0; i < includes; ++i)
            if (r[i].contains(p)) visits.include |= std::uint64_t{1} << i;
        r += includes;
        for (int i = 0; i < ordered; ++i) {
            if (!r[i].contains(p)) continue;
            // Where it is already, or the one before: nothing new. The next: one further. Any other comes out of order.
            if (i == visits.ordered) {
                ++visits.ordered;
            } else if (i != visits.ordered - 1) {
                visits.out_of_order = true;
            }
            break;
        }
    }
    ARCUATE_HD bool all_visited(const RegionVisits& visits) const {
        return count_bits(static_cast<std::uint32_t>(visits.include)) + count_bits(static_cast<std::uint32_t>(visits.include >> 32)) == includes &&
               visits.ordered == ordered && !visits.out_of_order;
    }

    /// Whatever the streamline visited before.
    ARCUATE_HD RegionVerdict at(Vec3 p) const { return !in_mask(p) ? RegionVerdict::outside_mask : excluded(p) ? RegionVerdict::excluded : RegionVerdict::go_on; }
    /// Where that is to go on.
    ARCUATE_HD RegionVerdict visited(Vec3 p, RegionVisits& visits) const {
        if (!required()) return RegionVerdict::go_on;
        visit(p, visits);
        return stop_at_include && all_visited(visits) ? RegionVerdict::all_included : RegionVerdict::go_on;
    }

  private:
    ARCUATE_HD bool any(int first, int count, Vec3 p) const {
        for (int i = first; i < first + count; ++i)
            if (regions[i].contains(p)) return true;
        return false;
    }
};

}  // namespace arcuate::kernels
