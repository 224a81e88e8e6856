#include "tracking/field.hpp"

#include "arcuate/conventions.hpp"
#include "arcuate/core/error.hpp"
#include "arcuate/half.hpp"
#include "backend/launch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <type_traits>

namespace arcuate::tracking {

RowsOfVoxels::RowsOfVoxels(const ScalarImage& image, const std::string& what, const Device& device)
    : grid_(image.grid), world_to_voxel_(to_kernel(inverse(image.grid.voxel_to_world))) {
    const std::int64_t voxels = grid_.voxels();
    const auto& size = grid_.size;
    std::vector<std::int32_t> index(static_cast<std::size_t>((size[0] + 2) * (size[1] + 2) * (size[2] + 2)));
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
            voxels_.push_back(v);
            index[static_cast<std::size_t>(x + 1 + (size[0] + 2) * (y + 1 + (size[1] + 2) * (z + 1)))] = static_cast<std::int32_t>(voxels_.size());
        }
    if (voxels_.empty()) throw InputError(fmt::format("{} is zero everywhere (was it made with the wrong mask?); give one with fibres in it", what));
    index_ = Buffer<std::int32_t>(device, index);
}

kernels::VoxelGrid RowsOfVoxels::grid() const {
    return {index_.data(), static_cast<int>(grid_.size[0]), static_cast<int>(grid_.size[1]), static_cast<int>(grid_.size[2]), world_to_voxel_};
}

namespace {

/// (rows, stride) on the device: `fill(voxel, row)` for every row that has one, from zeros.
template <class T, class Fill>
Buffer<T> packed(const RowsOfVoxels& voxels, std::int64_t stride, const Device& device, const Fill& fill) {
    std::vector<T> values(static_cast<std::size_t>(voxels.rows() * stride));
    parallel_for(device, voxels.rows() - 1, [&](std::int64_t u) { fill(voxels.voxels()[static_cast<std::size_t>(u)], values.data() + (u + 1) * stride); }, 1024);
    return Buffer<T>(device, values);
}

}  // namespace

RowsOnDevice::RowsOnDevice(const ScalarImage& image, std::int64_t stride, float scale, const std::string& what, const Device& device)
    : voxels_(image, what, device), values_(packed<float>(voxels_, stride, device, [&](std::int64_t voxel, float* row) {
          for (std::int64_t j = 0; j < image.volumes; ++j) row[j] = scale * image.at(voxel, j);
      })) {}

template <class Stored>
PolynomialsOnDevice<Stored>::PolynomialsOnDevice(const ScalarImage& fod, std::int64_t stride, ToPolynomial* to_polynomial, const Device& device) : voxels_(fod, "the FOD image", device) {
    const auto polynomial = [&](std::int64_t voxel, float* row) {
        for (std::int64_t j = 0; j < fod.volumes; ++j) row[j] = fod.at(voxel, j);
        to_polynomial(row, row);
    };
    if constexpr (std::is_same_v<Stored, float>) {
        values_ = packed<float>(voxels_, stride, device, polynomial);
    } else {
        // Twice, so that the whole image never stands there in single precision.
        constexpr std::size_t most = kernels::padded_sh_count(12);
        std::atomic<float> largest{0};
        parallel_for(
            device, voxels_.rows() - 1,
            [&](std::int64_t u) {
                std::array<float, most> row{};
                polynomial(voxels_.voxels()[static_cast<std::size_t>(u)], row.data());
                float here = 0;
                for (const float c : row) here = std::max(here, std::isfinite(c) ? std::abs(c) : std::numeric_limits<float>::infinity());
                for (float before = largest; here > before && !largest.compare_exchange_weak(before, here);) {}
            },
            1024);
        if (!std::isfinite(largest.load())) throw InputError("the FOD image has values that are too large to track on (their polynomials overflow); divide it by its largest value");
        scale_ = half_scale(largest);
        values_ = packed<std::uint16_t>(voxels_, stride, device, [&](std::int64_t voxel, std::uint16_t* row) {
            std::array<float, most> single{};
            polynomial(voxel, single.data());
            for (std::int64_t j = 0; j < stride; ++j) row[j] = float_to_half(single[static_cast<std::size_t>(j)] / scale_);
        });
    }
}
template class PolynomialsOnDevice<float>;
template class PolynomialsOnDevice<std::uint16_t>;

float half_scale(float largest) {
    int exponent = 0;
    std::frexp(largest, &exponent);  // largest < 2^exponent
    return largest > 0 ? std::ldexp(1.0f, std::max(exponent - 15, -126)) : 1.0f;
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
