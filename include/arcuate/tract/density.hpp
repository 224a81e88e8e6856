// Track density images: what streamlines do to the voxels that they pass through.
#pragma once

#include "arcuate/core/image.hpp"
#include "arcuate/core/tractogram.hpp"

#include <optional>
#include <string>
#include <vector>

namespace arcuate::tract {

/// What a voxel shows of the streamlines through it.
enum class Contrast { count, mean, colour };

/// Every streamline counts once in every voxel that its polyline passes through, however long it stays there: the exact traversal of what tckmap
/// approximates by vertices a tenth of a voxel apart. Sums over streamlines run in the order of the file, in double.
class DensityMap : public StreamlineSink {
  public:
    /// How many streamlines pass (count), or their summed directions (colour): per streamline and voxel the unit vector of (|dx|, |dy|, |dz|) walked there,
    /// in scanner axes.
    DensityMap(const Grid& grid, Contrast contrast);
    /// The mean over the streamlines through a voxel of what each has on average of `map` along its whole length (trapezoid rule). A streamline on which the
    /// map has no value does not take part.
    DensityMap(const Grid& grid, ScalarImage map);
    /// The mean over the streamlines through a voxel of their value of a quantity per streamline, by its name.
    DensityMap(const Grid& grid, std::string data_name);

    void append(const TractogramView& streamlines) override;

    /// Streamlines per voxel; of a mean, those that took part.
    LabelImage counts() const;
    /// Means, NaN where no streamline took part.
    ScalarImage means() const;
    /// (x, y, z) as three volumes.
    ScalarImage colours() const;

  private:
    struct Visit {
        std::int64_t voxel;
        Vec3d walked;  ///< |dx|, |dy|, |dz| [mm], scanner axes
    };
    void visit(std::span<const float> vertices);
    void add_segment(const Vec3d& a, const Vec3d& b, const Vec3d& walked);
    double value_of(const TractogramView& streamlines, std::int64_t s) const;

    Grid grid_;
    Contrast contrast_;
    Affine world_to_corner_;  ///< voxel coordinates in which voxel v is [v, v + 1)
    std::optional<ScalarImage> map_;
    std::string data_name_;
    std::vector<std::int32_t> counts_;
    std::vector<double> sums_;  ///< (voxels), or (3, voxels) of colours
    std::vector<Visit> visits_;
    std::vector<double> crossings_;
};

}  // namespace arcuate::tract
