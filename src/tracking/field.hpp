// Images as trackers need them on a device.
#pragma once

#include "arcuate/core/image.hpp"
#include "arcuate/tracking/track.hpp"
#include "backend/buffer.hpp"
#include "backend/to_kernel.hpp"
#include "kernels/fod_field.hpp"

namespace arcuate::tracking {

/// Which voxels of an image have any value but zero, and the rows that stand for them in a packed array; row 0 is all zero.
class RowsOfVoxels {
  public:
    /// Throws InputError, calling the image `what`, where a value is not finite or all are zero.
    RowsOfVoxels(const ScalarImage& image, const std::string& what, const Device& device);

    kernels::VoxelGrid grid() const;
    const std::vector<std::int64_t>& voxels() const { return voxels_; }  ///< of rows 1, 2, ...
    std::int64_t rows() const { return static_cast<std::int64_t>(voxels_.size()) + 1; }

  private:
    Grid grid_;
    kernels::Affine3 world_to_voxel_;
    std::vector<std::int64_t> voxels_;
    Buffer<std::int32_t> index_;
};

/// The values of those voxels.
class RowsOnDevice {
  public:
    /// `stride` values per row, at least image.volumes; `scale` multiplies them. Throws as RowsOfVoxels does.
    RowsOnDevice(const ScalarImage& image, std::int64_t stride, float scale, const std::string& what, const Device& device);

    std::int64_t rows() const { return voxels_.rows(); }  ///< row 0 included
    kernels::VoxelGrid grid() const { return voxels_.grid(); }
    const float* values() const { return values_.data(); }
    float* values() { return values_.data(); }

  private:
    RowsOfVoxels voxels_;
    Buffer<float> values_;
};

/// Order of an FOD image's series. Throws InputError where the volume count is not that of an even-order series from 2 to 12.
int lmax_of_fod(const ScalarImage& fod);

/// Turns a series, padded with zeros, into a polynomial of the same length; both may be the same memory.
using ToPolynomial = void(const float* series, float* polynomial);

/// The power of two that brings values of at most `largest` to 2^15 at most and, but for the very smallest, to 2^14 at least when they are divided by it: no digit
/// changes, and what is a normal number in half precision, above 6e-5, then reaches down to 4e-9 of the largest, whatever the image's unit.
float half_scale(float largest);

/// Polynomials of an FOD image on a device. Stored: float, or std::uint16_t for half precision.
template <class Stored>
class PolynomialsOnDevice {
  public:
    /// Throws as RowsOfVoxels does, and in half precision where a polynomial is not finite.
    PolynomialsOnDevice(const ScalarImage& fod, std::int64_t stride, ToPolynomial* to_polynomial, const Device& device);

    kernels::VoxelGrid grid() const { return voxels_.grid(); }
    const Stored* values() const { return values_.data(); } ///< (rows, stride), over scale()
    float scale() const { return scale_; }

  private:
    RowsOfVoxels voxels_;
    Buffer<Stored> values_;
    float scale_ = 1;
};

/// The FOD on a device: polynomials of a kernel's order.
template <int Lmax, class Stored = float>
class FodOnDevice {
  public:
    FodOnDevice(const ScalarImage& fod, const Device& device)
        : polynomials_(fod, kernels::padded_sh_count(Lmax), &kernels::ShPolynomial<Lmax>::from_series, device) {}
    kernels::FodField<Lmax, Stored> view() const { return {polynomials_.grid(), polynomials_.values(), polynomials_.scale()}; }

  private:
    PolynomialsOnDevice<Stored> polynomials_;
};

}  // namespace arcuate::tracking
