#include "tracking/field.hpp"

#include "arcuate/conventions.hpp"
#include "arcuate/core/error.hpp"
#include "backend/launch.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cmath>

namespace arcuate::tracking {

RowsOnDevice::RowsOnDevice(const ScalarImage& image, std::int64_t stride, float scale, const std::string& what, const Device& device, void (*change)(const float*, float*))
    : grid_(image.grid), world_to_voxel_(to_kernel(inverse(image.grid.voxel_to_world))) {
    const std::int64_t voxels = grid_.voxels();
    const auto& size = grid_.size;
    std::vector<std::int32_t> index(static_cast<std::size_t>((size[0] + 2) * (size[1] + 2) * (size[2] + 2)));
    std::vector<std::int64_t> used;
    std::atomic<bool> bad{false};
    std::vector<std::uint8_t> any(static_cast<std::size_t>(voxels));
    parallel_for(
        device, voxels,
        [&](std::int64_t v) {
            for (std::int64_t j = 0; j < image.volumes; ++j) {
                const float c = image.at(v, j);
                if (!std::isfinite(c)) bad = true;
                if (c != 0.0f) any[static_cast<std::size_t>(v)] = 1;
            }
        },
        4096);
    if (bad)
        throw InputError(fmt::format("{} has values that are not finite (NaN or infinity); repair the image that it was made from, or set those voxels to zero", what));
    for (std::int64_t v = 0; v < voxels; ++v)
        if (any[static_cast<std::size_t>(v)]) {
            const std::int64_t x = v % size[0], y = v / size[0] % size[1], z = v / (size[0] * size[1]);
            index[static_cast<std::size_t>(x + 1 + (size[0] + 2) * (y + 1 + (size[1] + 2) * (z + 1)))] = static_cast<std::int32_t>(rows_++);
            used.push_back(v);
        }
    if (used.empty()) throw InputError(fmt::format("{} is zero everywhere (was it made with the wrong mask?); give one with fibres in it", what));
    std::vector<float> values(static_cast<std::size_t>(rows_ * stride));
    parallel_for(
        device, static_cast<std::int64_t>(used.size()),
        [&](std::int64_t u) {
            float* row = values.data() + (u + 1) * stride;
            for (std::int64_t j = 0; j < image.volumes; ++j) row[j] = scale * image.at(used[static_cast<std::size_t>(u)], j);
            if (change) change(row, row);
        },
        1024);
    values_ = Buffer<float>(device, values);
    index_ = Buffer<std::int32_t>(device, index);
}

kernels::VoxelGrid RowsOnDevice::grid() const {
    return {index_.data(), static_cast<int>(grid_.size[0]), static_cast<int>(grid_.size[1]), static_cast<int>(grid_.size[2]), world_to_voxel_};
}

int lmax_of_fod(const ScalarImage& fod) {
    const int lmax = lmax_of_count(fod.volumes);
    if (lmax < 2 || lmax > 12)
        throw InputError(fmt::format("the FOD image has {} volumes (an even-order spherical harmonic series has 6, 15, 28, 45, 66 or 91); "
                                     "give the output of `arcuate fod` or dwi2fod",
                                     fod.volumes));
    return lmax;
}

}  // namespace arcuate::tracking
