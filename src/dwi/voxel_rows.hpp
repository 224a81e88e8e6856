// The voxels of a mask as rows of values, which is what kernels read and write: gathered from volumes, scattered back to them.
#pragma once

#include "arcuate/core/image.hpp"
#include "backend/buffer.hpp"
#include "kernels/views.hpp"

#include <span>

namespace arcuate::dwi {

/// (rows, columns) floats on a device, with the host's side of them. On the CPU backend the two sides are one.
class VoxelRows {
  public:
    VoxelRows(const Device& device, std::int64_t rows, std::int64_t columns);

    /// Fills the first voxels.size() rows: column k is volume volumes[k].
    void gather(const ScalarImage& image, std::span<const std::int64_t> volumes, std::span<const std::int64_t> voxels);
    /// Brings the first `rows` rows to the host; waits for the kernels that write them.
    void download(std::int64_t rows);
    /// After download: columns [first, first + image.volumes) become the image's volumes at those voxels.
    void scatter(ScalarImage& image, std::int64_t first, std::span<const std::int64_t> voxels) const;

    kernels::RowsView<float> view() { return {device_rows_.data(), columns_, columns_}; }
    kernels::RowsView<const float> const_view() const { return {device_rows_.data(), columns_, columns_}; }
    const float* host_row(std::int64_t row) const { return host() + row * columns_; }

  private:
    float* host() { return device_.is_cuda() ? host_rows_.data() : device_rows_.data(); }
    const float* host() const { return device_.is_cuda() ? host_rows_.data() : device_rows_.data(); }

    Device device_;
    std::int64_t columns_;
    Buffer<float> device_rows_;
    std::vector<float> host_rows_;
};

}  // namespace arcuate::dwi
