// Images as trackers need them on a device.
#pragma once

#include "arcuate/core/image.hpp"
#include "backend/buffer.hpp"
#include "kernels/track_streamline.hpp"

#include <optional>

namespace arcuate::tracking {

/// Maps between voxels and the world in single precision.
kernels::Affine3 to_kernel(const Affine& affine);

/// The FOD on a device: the voxels that have any coefficient, packed; the index grid that finds them.
class FodOnDevice {
  public:
    /// Throws InputError where the volume count is not that of an even-order series, a coefficient is not finite, or all are zero.
    FodOnDevice(const ScalarImage& fod, const Device& device);

    int lmax() const { return lmax_; }  ///< of the image
    /// The orders for which kernels exist; the image's series is padded with zeros to the next.
    int kernel_lmax() const { return kernel_lmax_; }
    std::int64_t voxels() const { return rows_ - 1; }

    template <int Lmax>
    kernels::FodField<Lmax> view() const {
        return {coefficients_.data(), index_.data(), static_cast<int>(grid_.size[0]), static_cast<int>(grid_.size[1]), static_cast<int>(grid_.size[2]), world_to_voxel_};
    }

  private:
    int lmax_, kernel_lmax_;
    std::int64_t rows_ = 1;
    Grid grid_;
    kernels::Affine3 world_to_voxel_;
    Buffer<float> coefficients_;
    Buffer<std::int32_t> index_;
};

/// A mask on a device; without one, everything is inside.
class MaskOnDevice {
  public:
    MaskOnDevice(const std::optional<Mask>& mask, const Device& device);
    kernels::MaskView view() const { return view_; }

  private:
    Buffer<std::uint8_t> inside_;
    kernels::MaskView view_{};
};

/// The voxels of a seed mask on a device.
class SeedsOnDevice {
  public:
    SeedsOnDevice(const Mask& mask, const Device& device);
    kernels::SeedVoxels view() const { return view_; }

  private:
    Buffer<std::int32_t> voxels_;
    kernels::SeedVoxels view_{};
};

}  // namespace arcuate::tracking
