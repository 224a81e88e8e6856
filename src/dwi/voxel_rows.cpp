#include "dwi/voxel_rows.hpp"

#include "backend/launch.hpp"

#include <algorithm>

namespace arcuate::dwi {

VoxelRows::VoxelRows(const Device& device, std::int64_t rows, std::int64_t columns)
    : device_(device), columns_(columns), device_rows_(device, static_cast<std::size_t>(rows * columns)),
      host_rows_(device.is_cuda() ? static_cast<std::size_t>(rows * columns) : 0) {}

void VoxelRows::gather(const Series& series, std::span<const std::int64_t> volumes, std::span<const std::int64_t> voxels) {
    const auto n = static_cast<std::int64_t>(voxels.size());
    float* const to = host();
    // Neighbouring voxels of one volume share a cache line, and those of a few rows stay at hand while their columns fill.
    constexpr std::int64_t together = 64;
    series.visit([&](const auto& read) {
        parallel_for(
            device_, (n + together - 1) / together,
            [&](std::int64_t block) {
                const std::int64_t first = block * together, end = std::min(first + together, n);
                for (std::size_t k = 0; k < volumes.size(); ++k)
                    for (auto i = first; i < end; ++i) to[i * columns_ + static_cast<std::int64_t>(k)] = read(voxels[static_cast<std::size_t>(i)], volumes[k]);
            },
            16);
    });
    if (device_.is_cuda()) device_rows_.upload(std::span(host_rows_).first(static_cast<std::size_t>(n * columns_)));
}

void VoxelRows::download(std::int64_t rows) {
    if (device_.is_cuda()) device_rows_.download(std::span(host_rows_).first(static_cast<std::size_t>(rows * columns_)));
}

void VoxelRows::scatter(ScalarImage& image, std::int64_t first, std::span<const std::int64_t> voxels) const {
    parallel_for(
        device_, static_cast<std::int64_t>(voxels.size()),
        [&](std::int64_t i) {
            const float* const row = host_row(i) + first;
            for (std::int64_t v = 0; v < image.volumes; ++v) image.at(voxels[static_cast<std::size_t>(i)], v) = row[v];
        },
        1024);
}

}  // namespace arcuate::dwi
