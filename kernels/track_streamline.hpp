// The tracking loop: one seed, two halves, the rules that end them, and the vertices that are kept. What decides each step is the Algorithm.
#pragma once

#include "kernels/ifod2.hpp"

namespace arcuate::kernels {

/// A mask on its own grid; a point belongs to the nearest voxel.
struct MaskView {
    const std::uint8_t* inside;  ///< (nz, ny, nx); null: everything is inside
    int nx, ny, nz;
    Affine3 world_to_voxel;

    ARCUATE_HD bool contains(Vec3 world) const {
        if (!inside) return true;
        const Vec3 v = transform_point(world_to_voxel, world);
        if (!(v.x > -0.5f && v.y > -0.5f && v.z > -0.5f && v.x < static_cast<float>(nx) && v.y < static_cast<float>(ny) && v.z < static_cast<float>(nz)))
            return false;
        const int x = floor_int(v.x + 0.5f), y = floor_int(v.y + 0.5f), z = floor_int(v.z + 0.5f);
        return x < nx && y < ny && z < nz && inside[x + static_cast<std::int64_t>(nx) * (y + static_cast<std::int64_t>(ny) * z)];
    }
};

/// Seeds uniform in the volume of some voxels.
struct SeedVoxels {
    const std::int32_t* voxels;  ///< (count, 3) voxel coordinates
    std::uint32_t count;
    Affine3 voxel_to_world;

    /// A voxel of the list, then a point of the voxel: a function of (run seed, streamline id) alone.
    ARCUATE_HD Vec3 operator()(const Philox& random) const {
        const Random4 r = random(0);
        const std::int32_t* voxel = voxels + 3 * static_cast<std::int64_t>(uniform_below(r.v[0], count));
        return transform_point(voxel_to_world, {static_cast<float>(voxel[0]) + (uniform(r.v[1]) - 0.5f), static_cast<float>(voxel[1]) + (uniform(r.v[2]) - 0.5f),
                                                static_cast<float>(voxel[2]) + (uniform(r.v[3]) - 0.5f)});
    }
};

// The same order as tracking/track.hpp's Stop and Outcome; track.cpp asserts it.
enum class HalfEnd : std::uint8_t { exit_image, exit_mask, calibrator, model, length_exceeded, not_tracked };
enum class SeedEnd : std::uint8_t { accepted, invalid_seed, no_propagation, too_short };

/// What became of one seed.
struct StreamlineRecord {
    std::int32_t vertices;  ///< kept
    SeedEnd outcome;
    HalfEnd stop[2];        ///< of the first and the second half
    StepCounts counts;
    float length;           ///< of the kept vertices' polyline [mm]
};

/// Tracks the streamlines of ids [first_id, first_id + n): index i of the launch is streamline first_id + i.
template <class Algorithm>
struct TrackStreamline {
    Algorithm algorithm;
    SeedVoxels seeds;
    MaskView mask;
    std::uint64_t run_seed;
    std::uint64_t first_id;
    float min_length, max_length;  ///< [mm]
    int downsample;                ///< every n-th vertex of a half is kept, and its last
    bool unidirectional;
    int capacity;                  ///< vertices that a slot holds
    float* slots;                  ///< (n, capacity, 3), vertices in order from one end to the other
    StreamlineRecord* records;     ///< (n)

    ARCUATE_HD void operator()(std::int64_t i) const {
        const std::uint64_t id = first_id + static_cast<std::uint64_t>(i);
        Vec3* kept = reinterpret_cast<Vec3*>(slots + 3 * i * capacity);
        StreamlineRecord record{0, SeedEnd::invalid_seed, {HalfEnd::not_tracked, HalfEnd::not_tracked}, {}, 0.0f};
        const Philox seed_random{run_seed, id, Purpose::seed, 0};
        const Vec3 seed = seeds(seed_random);
        typename Algorithm::State start;
        if (mask.contains(seed) && algorithm.start(seed, seed_random, start)) {
            kept[0] = seed;
            record.vertices = 1;
            record.stop[0] = track_half(id, Purpose::forward_half, start, kept, record);
            if (!unidirectional && record.stop[0] != HalfEnd::length_exceeded) {
                // The second half continues from the seed, so what there is turns round.
                for (int a = 0, b = record.vertices - 1; a < b; ++a, --b) {
                    const Vec3 t = kept[a];
                    kept[a] = kept[b];
                    kept[b] = t;
                }
                start.direction = -start.direction;
                record.stop[1] = track_half(id, Purpose::backward_half, start, kept, record);
            }
            record.outcome = record.vertices < 2             ? SeedEnd::no_propagation
                             : record.length < min_length ? SeedEnd::too_short
                                                             : SeedEnd::accepted;
        }
        records[i] = record;
    }

    /// Appends to `kept` until the half ends. The last vertex in `kept` is the seed.
    ARCUATE_HD HalfEnd track_half(std::uint64_t id, Purpose purpose, typename Algorithm::State state, Vec3* kept, StreamlineRecord& record) const {
        Vec3 vertices[max_arc_samples], last = kept[record.vertices - 1];
        int since_kept = 0;
        const auto keep = [&](Vec3 vertex) {  // true where the streamline is as long as it may be
            since_kept = 0;
            const Vec3 from = kept[record.vertices - 1];
            const float segment = length(vertex - from);
            const bool full = record.length + segment >= max_length;
            if (full && segment > 0.0f) vertex = fma((max_length - record.length) / segment, vertex - from, from);
            record.length = full ? max_length : record.length + segment;
            kept[record.vertices++] = vertex;
            return full || record.vertices >= capacity - 1;  // one place stays for the end of a half
        };
        for (std::uint32_t step = 0;; ++step) {
            const StepEnd end = algorithm.step(state, Philox{run_seed, id, purpose, step}, vertices, record.counts);
            HalfEnd stop = HalfEnd::not_tracked;
            if (end != StepEnd::none) {
                stop = end == StepEnd::exit_image ? HalfEnd::exit_image : end == StepEnd::calibrator ? HalfEnd::calibrator : HalfEnd::model;
            } else {
                for (int v = 0; v < algorithm.params.samples && stop == HalfEnd::not_tracked; ++v) {
                    if (!mask.contains(vertices[v])) {
                        stop = HalfEnd::exit_mask;  // the vertex outside is not kept
                    } else {
                        last = vertices[v];
                        if (++since_kept == downsample && keep(last)) return HalfEnd::length_exceeded;
                    }
                }
            }
            if (stop != HalfEnd::not_tracked) return since_kept > 0 && keep(last) ? HalfEnd::length_exceeded : stop;
        }
    }
};

/// Copies the vertices of chosen slots to one array without gaps.
struct PackStreamlines {
    const float* slots;            ///< (n, capacity, 3)
    int capacity;
    const std::int32_t* chosen;    ///< slot of each packed streamline
    const std::int64_t* offsets;   ///< (count + 1) first vertex of each in `packed`
    float* packed;                 ///< (vertices, 3)

    ARCUATE_HD void operator()(std::int64_t s) const {
        const float* from = slots + 3 * static_cast<std::int64_t>(chosen[s]) * capacity;
        float* to = packed + 3 * offsets[s];
        const std::int64_t values = 3 * (offsets[s + 1] - offsets[s]);
        for (std::int64_t v = 0; v < values; ++v) to[v] = from[v];
    }
};

}  // namespace arcuate::kernels
