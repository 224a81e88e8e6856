// The voxels of a mask as rows of values, which is what kernels read and write: gathered from volumes, scattered back to them.
#pragma once

#include "arcuate/core/progress.hpp"
#include "arcuate/core/series.hpp"
#include "backend/buffer.hpp"
#include "kernels/views.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace arcuate::dwi {

/// (rows, columns) floats on a device, with the host's side of them. On the CPU backend the two sides are one.
class VoxelRows {
  public:
    VoxelRows(const Device& device, std::int64_t rows, std::int64_t columns);

    /// Fills the first voxels.size() rows: column k is volume volumes[k].
    void gather(const Series& series, std::span<const std::int64_t> volumes, std::span<const std::int64_t> voxels);
    /// Brings the first `rows` rows to the host; waits for the kernels that write them.
    void download(std::int64_t rows);
    /// After download: columns [first, first + image.volumes) become the image's volumes at those voxels.
    void scatter(ScalarImage& image, std::int64_t first, std::span<const std::int64_t> voxels) const;

    /// The same for several images, each with its first column.
    void scatter(std::span<const std::pair<ScalarImage*, int>> places, std::span<const std::int64_t> voxels) const {
        for (const auto& [image, first] : places) scatter(*image, first, voxels);
    }

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

/// How many voxels to compute at a time: `asked`, where that is 0 what keeps all threads of the device busy and fits its memory (a voxel takes some kilobytes), or all where there are fewer.
inline std::int64_t chunk_size(std::int64_t asked, std::span<const std::int64_t> voxels, const Device& device) {
    const std::int64_t wanted = asked != 0 ? asked : device.is_cuda() ? std::min<std::int64_t>(1 << 17, device.free_memory() >> 14) : 1 << 14;
    return std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(1, static_cast<std::int64_t>(voxels.size())));
}

/// Calls compute(voxels of the chunk, how many) for consecutive chunks, and reports after each.
template <class Compute>
void in_chunks(std::span<const std::int64_t> voxels, std::int64_t chunk, Progress& progress, const Compute& compute) {
    const auto n = static_cast<std::int64_t>(voxels.size());
    for (std::int64_t begin = 0; begin < n; begin += chunk) {
        const std::int64_t count = std::min(chunk, n - begin);
        compute(voxels.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count)), count);
        progress.at(begin + count);
    }
}

}  // namespace arcuate::dwi
