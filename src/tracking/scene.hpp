// What surrounds the field: seeds, regions and tissues on a device.
#pragma once

#include "arcuate/tracking/track.hpp"
#include "backend/buffer.hpp"
#include "kernels/track_streamline.hpp"

namespace arcuate::tracking {

/// [rad]
inline float radians(double degrees) { return static_cast<float>(degrees * (3.14159265358979323846 / 180)); }
/// Without cancellation for small angles.
inline float one_minus_cos(float angle) {
    const float half = kernels::sin(0.5f * angle);
    return 2.0f * half * half;
}

/// 2^32 times the share of the total up to each value, minus one; the last is all ones.
std::vector<std::uint32_t> cumulated(const std::vector<double>& values);

/// Seeds of finite sources; 0 where they have no end.
std::int64_t finite_seeds(std::span<const Seeds> seeds);

/// Whether a step is an arc with a vertex at each of its samples.
inline bool steps_along_arcs(const TrackOptions& o) { return o.algorithm == Algorithm::ifod2 || o.algorithm == Algorithm::nulldist2; }

/// Vertices that a half may have before it is cut; a longer one would exceed the maximum length.
std::int32_t most_vertices(const TrackOptions& resolved);

/// Owns the images that kernels::TrackRules views.
class Scene {
  public:
    /// `options` are resolved. Throws InputError for empty seeds or masks, tissues that do not add up, and seeds outside the field.
    Scene(const TrackInput& input, const TrackOptions& options, const Device& device);
    const kernels::TrackRules& rules() const { return rules_; }
    /// Of dynamic seeds.
    void set_seed_shares(std::span<const std::uint32_t> up_to) { seed_shares_.back().upload(up_to); }

  private:
    void add_tissues(const Anatomy& anatomy, const Device& device);
    void add_regions(const Regions& regions, const Device& device);
    void add_seeds(const TrackInput& input, const Device& device);

    kernels::TrackRules rules_{};
    Buffer<float> tissues_;
    std::vector<Buffer<std::uint8_t>> masks_;
    Buffer<kernels::Region> regions_;
    std::vector<Buffer<std::int32_t>> seed_voxels_;
    std::vector<Buffer<std::uint32_t>> seed_shares_;
    std::vector<Buffer<kernels::Vec3>> seed_points_;
    Buffer<kernels::SeedSource> seeds_;
};

}  // namespace arcuate::tracking
