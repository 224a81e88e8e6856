// Images as trackers need them on a device.
#pragma once

#include "arcuate/core/image.hpp"
#include "backend/buffer.hpp"
#include "backend/to_kernel.hpp"
#include "kernels/fod_field.hpp"

namespace arcuate::tracking {

/// The voxels of an image that have any value but zero, as rows of a packed array; row 0 is all zero.
class RowsOnDevice {
  public:
    /// `stride` values per row, at least image.volumes; `scale` multiplies them, and `change`, if there is one, turns each row into another. Throws InputError, calling the image `what`, where a value is not finite
    /// or all are zero.
    RowsOnDevice(const ScalarImage& image, std::int64_t stride, float scale, const std::string& what, const Device& device, void (*change)(const float*, float*) = nullptr);

    std::int64_t rows() const { return rows_; }  ///< row 0 included
    kernels::VoxelGrid grid() const;
    const float* values() const { return values_.data(); }
    float* values() { return values_.data(); }

  private:
    std::int64_t rows_ = 1;
    Grid grid_;
    kernels::Affine3 world_to_voxel_;
    Buffer<float> values_;
    Buffer<std::int32_t> index_;
};

/// Order of an FOD image's series. Throws InputError where the volume count is not that of an even-order series from 2 to 12.
int lmax_of_fod(const ScalarImage& fod);

/// The FOD on a device: polynomials of a kernel's order.
template <int Lmax>
class FodOnDevice {
  public:
    FodOnDevice(const ScalarImage& fod, const Device& device) : rows_(fod, kernels::padded_sh_count(Lmax), 1.0f, "the FOD image", device, &kernels::ShPolynomial<Lmax>::from_series) {}
    kernels::FodField<Lmax> view() const { return {rows_.grid(), rows_.values()}; }

  private:
    RowsOnDevice rows_;
};

}  // namespace arcuate::tracking
