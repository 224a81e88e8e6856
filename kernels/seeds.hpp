// Where streamlines start. A seed is a function of (run seed, streamline id) and the images alone: no state, no order.
#pragma once

#include "kernels/philox.hpp"
#include "kernels/tissues.hpp"

namespace arcuate::kernels {

enum class SeedKind : std::uint8_t { voxels, weighted_voxels, random_per_voxel, grid_per_voxel, sphere, points, interface, fixels };

/// One source of seeds.
struct SeedSource {
    SeedKind kind;
    const std::int32_t* voxels;     ///< (count, 3) voxel coordinates; fixels: of each fixel's voxel
    const std::uint32_t* up_to;     ///< (count) weighted, fixels: 2^32 times the cumulated share of each, minus one
    const Vec3* points;             ///< (count) [mm]
    const Vec3* directions;         ///< (count) fixels: unit
    std::uint32_t count;
    std::uint32_t per_voxel;        ///< finite sources: seeds per voxel; grid: along each axis
    Affine3 voxel_to_world, world_to_voxel;
    Vec3 centre;                    ///< [mm]
    float radius;                   ///< [mm]
    std::uint32_t share_up_to;      ///< several endless sources: 2^32 times the cumulated share of this one, minus one
    std::int64_t end;               ///< finite sources: one past the last id that this one serves
};

struct SeedSources {
    const SeedSource* sources;
    int count;
    bool finite;
    TissueImage tissues;            ///< for seeds on the interface, and of fixels

    /// False where a source cannot give a point (an interface that is not found). A seed of a fixel comes with the direction of it; others leave it zero.
    ARCUATE_HD bool operator()(const Philox& random, Vec3& position, Vec3& direction) const {
        int s = 0;
        std::int64_t first = 0;
        if (count > 1 && finite) {
            const auto id = static_cast<std::int64_t>(random.item);
            while (s + 1 < count && id >= sources[s].end) ++s;
            first = s > 0 ? sources[s - 1].end : 0;
        } else if (count > 1) {
            const std::uint32_t draw = random(0xffffffffu).v[0];
            while (s + 1 < count && draw > sources[s].share_up_to) ++s;
        }
        return from(sources[s], static_cast<std::int64_t>(random.item) - first, random, position, direction);
    }

  private:
    ARCUATE_HD bool from(const SeedSource& s, std::int64_t number, const Philox& random, Vec3& position, Vec3& direction) const {
        const Random4 r = random(0);
        switch (s.kind) {
            case SeedKind::voxels: position = in_voxel(s, uniform_below(r.v[0], s.count), jitter(r)); return true;
            case SeedKind::weighted_voxels: position = in_voxel(s, weighted(s, r.v[0]), jitter(r)); return true;
            case SeedKind::random_per_voxel: position = in_voxel(s, static_cast<std::uint32_t>(number / s.per_voxel), jitter(r)); return true;
            case SeedKind::grid_per_voxel: {
                const std::int64_t n = s.per_voxel, cell = number % (n * n * n);
                const auto at = [&](std::int64_t i) { return (static_cast<float>(i) + 0.5f) / static_cast<float>(n) - 0.5f; };
                position = in_voxel(s, static_cast<std::uint32_t>(number / (n * n * n)), {at(cell / (n * n)), at(cell / n % n), at(cell % n)});
                return true;
            }
            case SeedKind::sphere: position = in_ball(s, r); return true;
            case SeedKind::points: position = s.points[number]; return true;
            case SeedKind::fixels: return in_fixel(s, random, position, direction);
            default: return on_interface(s, random, position);
        }
    }

    ARCUATE_HD static Vec3 jitter(const Random4& r) { return {uniform(r.v[1]) - 0.5f, uniform(r.v[2]) - 0.5f, uniform(r.v[3]) - 0.5f}; }

    ARCUATE_HD static Vec3 in_voxel(const SeedSource& s, std::uint32_t voxel, Vec3 offset) {
        const std::int32_t* v = s.voxels + 3 * static_cast<std::int64_t>(voxel);
        return transform_point(s.voxel_to_world, {static_cast<float>(v[0]) + offset.x, static_cast<float>(v[1]) + offset.y, static_cast<float>(v[2]) + offset.z});
    }

    /// The first voxel (or fixel) whose cumulated share reaches the draw.
    ARCUATE_HD static std::uint32_t weighted(const SeedSource& s, std::uint32_t draw) {
        std::uint32_t low = 0, high = s.count - 1;
        while (low < high) {
            const std::uint32_t middle = low + (high - low) / 2;
            if (s.up_to[middle] >= draw) high = middle;
            else low = middle + 1;
        }
        return low;
    }

    /// Uniform in the ball: the cube of the distance is uniform. One draw, because the next ones belong to the first direction.
    ARCUATE_HD static Vec3 in_ball(const SeedSource& s, const Random4& r) {
        Vec3 d;
        uniform_direction(r.v[0], r.v[1], d.x, d.y, d.z);
        return fma(s.radius * pow(uniform(r.v[2]), 1.0f / 3.0f), d, s.centre);
    }

    /// A point in the voxel of a fixel. Where there are tissues, points in fluid are drawn again, and those in grey matter moved to the interface, if
    /// that is in the same voxel: streamlines that begin deep in grey matter end before they have begun.
    ARCUATE_HD bool in_fixel(const SeedSource& s, const Philox& random, Vec3& position, Vec3& direction) const {
        for (std::uint32_t attempt = 0; attempt < 100; ++attempt) {
            const Random4 r = Philox{random.seed, random.item, random.purpose, attempt}(0);
            const std::uint32_t fixel = weighted(s, r.v[0]);
            position = in_voxel(s, fixel, jitter(r));
            direction = s.directions[fixel];
            if (!tissues.fractions) return true;
            const Tissues t = tissues.at(position);
            if (!t.valid || t.csf > t.wm + t.gm()) continue;
            if (t.wm > t.gm()) return true;
            if (!move_to_interface(tissues, position)) continue;
            const Vec3 v = transform_point(s.world_to_voxel, position);
            const std::int32_t* const own = s.voxels + 3 * static_cast<std::int64_t>(fixel);
            if (floor_int(v.x + 0.5f) == own[0] && floor_int(v.y + 0.5f) == own[1] && floor_int(v.z + 0.5f) == own[2]) return true;
        }
        return false;
    }

    /// A point of the seed image moved to the interface, then up to two voxels along it, and back onto it.
    ARCUATE_HD bool on_interface(const SeedSource& s, const Philox& random, Vec3& position) const {
        for (std::uint32_t attempt = 0; attempt < 100; ++attempt) {
            const Philox again{random.seed, random.item, random.purpose, attempt};
            const Random4 r = again(0), side = again(0xfffffffeu);
            Vec3 p = in_voxel(s, uniform_below(r.v[0], s.count), jitter(r));
            if (!move_to_interface(tissues, p)) continue;
            const Vec3 gradient = interface_gradient(tissues, p);
            const float size = length(gradient);
            if (!(size > 1e-6f)) continue;
            const Frame frame = frame_around((1.0f / size) * gradient);
            const float reach = 4.0f * tissues.voxel_mm;
            p = fma(reach * (uniform(side.v[0]) - 0.5f), frame.u, fma(reach * (uniform(side.v[1]) - 0.5f), frame.v, p));
            if (!move_to_interface(tissues, p)) continue;
            position = p;
            return true;
        }
        return false;
    }
};

}  // namespace arcuate::kernels
