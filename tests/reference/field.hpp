// An image between its voxels, and spherical harmonic series, in double precision.
#pragma once

#include "arcuate/core/image.hpp"
#include "reference/spherical_harmonics.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace arcuate::reference {

using Series = std::vector<double>;

/// Amplitude of a series of spherical harmonics along a unit direction.
inline double amplitude(const Series& series, const Vec3d& d) {
    const auto y = spherical_harmonics(lmax_of_count(static_cast<long long>(series.size())), d[0], d[1], d[2]);
    double sum = 0;
    for (std::size_t j = 0; j < series.size(); ++j) sum += series[j] * y[j];
    return sum;
}

/// Values per voxel, interpolated linearly. A voxel whose values are all zero has no data.
class Field {
  public:
    explicit Field(const ScalarImage& image) : image_(image), world_to_voxel_(inverse(image.grid.voxel_to_world)) {}

    /// Values of the voxel nearest to the point; nothing where it has no data.
    std::optional<Series> nearest(const Vec3d& world) const {
        const Vec3d v = transform_point(world_to_voxel_, world);
        std::int64_t at[3];
        for (std::size_t axis = 0; axis < 3; ++axis) at[axis] = static_cast<std::int64_t>(std::floor(v[axis] + 0.5));
        if (!image_.grid.contains(at[0], at[1], at[2])) return {};
        Series out;
        for (std::int64_t j = 0; j < image_.volumes; ++j) out.push_back(image_.at(image_.grid.index(at[0], at[1], at[2]), j));
        if (std::all_of(out.begin(), out.end(), [](double x) { return x == 0; })) return {};
        return out;
    }
    bool has_data(const Vec3d& world) const { return nearest(world).has_value(); }

    /// Calls `corner(voxel, weight)` for those of the eight voxels around a point that are inside the image.
    template <class Corner>
    void around(const Vec3d& world, const Corner& corner) const {
        const Vec3d v = transform_point(world_to_voxel_, world);
        for (int k = 0; k < 8; ++k) {
            double weight = 1;
            std::int64_t at[3];
            for (int axis = 0; axis < 3; ++axis) {
                const double below = std::floor(v[axis]);
                const bool upper = k >> axis & 1;
                at[axis] = static_cast<std::int64_t>(below) + upper;
                weight *= upper ? v[axis] - below : 1 - (v[axis] - below);
            }
            if (image_.grid.contains(at[0], at[1], at[2])) corner(image_.grid.index(at[0], at[1], at[2]), weight);
        }
    }

    /// Nothing where the voxel nearest to the point has no data.
    std::optional<Series> at(const Vec3d& world) const {
        if (!has_data(world)) return {};
        Series out(static_cast<std::size_t>(image_.volumes));
        around(world, [&](std::int64_t voxel, double weight) {
            for (std::int64_t j = 0; j < image_.volumes; ++j) out[static_cast<std::size_t>(j)] += weight * image_.at(voxel, j);
        });
        return out;
    }

  private:
    const ScalarImage& image_;
    Affine world_to_voxel_;
};

}  // namespace arcuate::reference
