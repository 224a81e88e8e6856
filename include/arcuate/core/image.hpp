// An image on a regular grid: a series of volumes with a place in the scanner.
#pragma once

#include "arcuate/core/affine.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace arcuate {

/// Where voxels are: shape and voxel-to-world map.
struct Grid {
    std::array<std::int64_t, 3> size{0, 0, 0};  ///< voxels along each image axis
    Affine voxel_to_world;                      ///< voxel index -> scanner RAS+ [mm]

    std::int64_t voxels() const { return size[0] * size[1] * size[2]; }
    std::int64_t index(std::int64_t x, std::int64_t y, std::int64_t z) const { return x + size[0] * (y + size[1] * z); }
    bool contains(std::int64_t x, std::int64_t y, std::int64_t z) const {
        return x >= 0 && y >= 0 && z >= 0 && x < size[0] && y < size[1] && z < size[2];
    }
};

/// Same shape, and voxel centres that agree to within `tolerance_mm` in all eight corners of the grid.
bool same_grid(const Grid& a, const Grid& b, double tolerance_mm = 1e-2);

/// Throws InputError, naming both, unless same_grid. `a_name` and `b_name` say what the images are, e.g. "mask m.nii.gz".
void require_same_grid(const Grid& a, const std::string& a_name, const Grid& b, const std::string& b_name);

/// Geometric mean of the voxel sizes [mm]: the length that step sizes and track lengths are multiples of.
double mean_voxel_size(const Grid& grid);

/// A series of `volumes` volumes on one grid; x runs fastest, then y, z, volume.
template <class T>
struct Image {
    Grid grid;
    std::int64_t volumes = 1;
    std::vector<T> data;  ///< (volumes, z, y, x), x fastest

    Image() = default;
    Image(const Grid& on, std::int64_t n_volumes, T fill = T{})
        : grid(on), volumes(n_volumes), data(static_cast<std::size_t>(on.voxels() * n_volumes), fill) {}

    T& at(std::int64_t voxel, std::int64_t volume = 0) { return data[static_cast<std::size_t>(voxel + grid.voxels() * volume)]; }
    const T& at(std::int64_t voxel, std::int64_t volume = 0) const {
        return data[static_cast<std::size_t>(voxel + grid.voxels() * volume)];
    }
};

using ScalarImage = Image<float>;          ///< any map or series of maps
using Mask = Image<std::uint8_t>;          ///< nonzero inside
using LabelImage = Image<std::int32_t>;    ///< 0 is background

/// Linear indices of the voxels inside the mask, ascending. Throws InputError where there is none (`name` says which mask).
std::vector<std::int64_t> voxels_inside(const Mask& mask, const std::string& name);

/// Mean of images on one grid, voxel by voxel and volume by volume, in double.
class ImageMean {
  public:
    /// Throws InputError, naming both, where the grid or the number of volumes is another than the first one's.
    void add(const ScalarImage& image, const std::string& name);
    /// Of at least one.
    ScalarImage mean() const;

  private:
    Grid grid_;
    std::string first_;
    std::int64_t volumes_ = 0, images_ = 0;
    std::vector<double> sums_;
};

/// A mask that is 1 everywhere.
Mask full_mask(const Grid& grid);

}  // namespace arcuate
