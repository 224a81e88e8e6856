#include "tracking/field.hpp"

#include "arcuate/conventions.hpp"
#include "arcuate/core/error.hpp"
#include "backend/launch.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cmath>

namespace arcuate::tracking {

kernels::Affine3 to_kernel(const Affine& affine) {
    kernels::Affine3 out{};
    for (int r = 0; r < 3; ++r) {
        for (int c = 0; c < 3; ++c) out.m[r][c] = static_cast<float>(affine.linear[r][c]);
        out.m[r][3] = static_cast<float>(affine.offset[r]);
    }
    return out;
}

FodOnDevice::FodOnDevice(const ScalarImage& fod, const Device& device)
    : lmax_(lmax_of_count(fod.volumes)), grid_(fod.grid), world_to_voxel_(to_kernel(inverse(fod.grid.voxel_to_world))) {
    if (lmax_ < 2 || lmax_ > 12)
        throw InputError(fmt::format("the FOD image has {} volumes (an even-order spherical harmonic series has 6, 15, 28, 45, 66 or 91); "
                                     "give the output of `arcuate fod` or dwi2fod",
                                     fod.volumes));
    kernel_lmax_ = lmax_ < 4 ? 4 : lmax_;
    const std::int64_t voxels = grid_.voxels();
    std::vector<std::int32_t> index(static_cast<std::size_t>(voxels));
    std::vector<std::int64_t> used;
    std::atomic<std::int64_t> bad{-1};
    std::vector<std::uint8_t> any(static_cast<std::size_t>(voxels));
    parallel_for(
        device, voxels,
        [&](std::int64_t v) {
            for (std::int64_t j = 0; j < fod.volumes; ++j) {
                const float c = fod.at(v, j);
                if (!std::isfinite(c)) bad = v;
                if (c != 0.0f) any[static_cast<std::size_t>(v)] = 1;
            }
        },
        4096);
    if (bad >= 0)
        throw InputError("the FOD image has coefficients that are not finite (NaN or infinity); repair the image that it was made from, or set those voxels to zero");
    for (std::int64_t v = 0; v < voxels; ++v)
        if (any[static_cast<std::size_t>(v)]) {
            index[static_cast<std::size_t>(v)] = static_cast<std::int32_t>(rows_++);
            used.push_back(v);
        }
    if (used.empty()) throw InputError("the FOD image is zero everywhere (was it made with the wrong mask?); give an FOD image with fibres in it");

    const int stride = kernels::padded_sh_count(kernel_lmax_);
    std::vector<float> coefficients(static_cast<std::size_t>(rows_ * stride));
    parallel_for(
        device, static_cast<std::int64_t>(used.size()),
        [&](std::int64_t u) {
            float* row = coefficients.data() + (u + 1) * stride;
            for (std::int64_t j = 0; j < fod.volumes; ++j) row[j] = fod.at(used[static_cast<std::size_t>(u)], j);
        },
        1024);
    coefficients_ = Buffer<float>(device, coefficients);
    index_ = Buffer<std::int32_t>(device, index);
}

MaskOnDevice::MaskOnDevice(const std::optional<Mask>& mask, const Device& device) {
    if (!mask) return;
    inside_ = Buffer<std::uint8_t>(device, mask->data);
    const auto& size = mask->grid.size;
    view_ = {inside_.data(), static_cast<int>(size[0]), static_cast<int>(size[1]), static_cast<int>(size[2]), to_kernel(inverse(mask->grid.voxel_to_world))};
}

SeedsOnDevice::SeedsOnDevice(const Mask& mask, const Device& device) {
    const auto inside = voxels_inside(mask, "the seed mask");
    if (inside.size() >> 32) throw InputError("the seed mask has more than 2^32 voxels; use a coarser one");
    const auto& size = mask.grid.size;
    std::vector<std::int32_t> coordinates;
    coordinates.reserve(3 * inside.size());
    for (const auto v : inside) {
        coordinates.push_back(static_cast<std::int32_t>(v % size[0]));
        coordinates.push_back(static_cast<std::int32_t>(v / size[0] % size[1]));
        coordinates.push_back(static_cast<std::int32_t>(v / (size[0] * size[1])));
    }
    voxels_ = Buffer<std::int32_t>(device, coordinates);
    view_ = {voxels_.data(), static_cast<std::uint32_t>(inside.size()), to_kernel(mask.grid.voxel_to_world)};
}

}  // namespace arcuate::tracking
