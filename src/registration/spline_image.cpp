#include "registration/spline_image.hpp"

#include "backend/launch.hpp"
#include "kernels/cubic_spline.hpp"

#include <algorithm>
#include <array>

namespace arcuate::registration {

namespace {

/// Calls filter(line, scratch) with each line of values along `axis`, gathered, and puts back what it left in `line`.
template <class Filter>
void along_axis(std::vector<float>& values, const Grid& grid, std::size_t axis, const Device& device, const Filter& filter) {
    const auto& n = grid.size;
    const std::array<std::int64_t, 3> stride{1, n[0], n[0] * n[1]};
    const std::size_t a = axis == 0 ? 1 : 0, b = axis == 2 ? 1 : 2;
    const auto length = static_cast<std::size_t>(n[axis]);
    parallel_for(
        device, n[b],
        [&](std::int64_t j) {
            std::vector<double> line(length), scratch(length);
            for (std::int64_t i = 0; i < n[a]; ++i) {
                float* const first = values.data() + i * stride[a] + j * stride[b];
                for (std::size_t k = 0; k < length; ++k) line[k] = static_cast<double>(first[static_cast<std::int64_t>(k) * stride[axis]]);
                filter(line, scratch);
                for (std::size_t k = 0; k < length; ++k) first[static_cast<std::int64_t>(k) * stride[axis]] = static_cast<float>(line[k]);
            }
        },
        1);
}

std::size_t mirrored(std::int64_t i, std::int64_t n) {
    const std::int64_t period = 2 * n - 2;
    if (period <= 0) return 0;
    i = (i < 0 ? -i : i) % period;
    return static_cast<std::size_t>(i < n ? i : period - i);
}

std::vector<double> gaussian(double sigma) {
    const auto reach = static_cast<std::int64_t>(3 * sigma) + 1;
    std::vector<double> weights;
    double sum = 0;
    for (std::int64_t k = -reach; k <= reach; ++k) {
        const double u = static_cast<double>(k) / sigma;
        weights.push_back(static_cast<double>(kernels::exp(static_cast<float>(-0.5 * u * u))));
        sum += weights.back();
    }
    for (double& w : weights) w /= sum;
    return weights;
}

/// The recursive filter of Thevenaz et al., box 2.
void to_coefficients(std::vector<double>& c) {
    constexpr double pole = kernels::cubic_spline_pole;
    const std::size_t n = c.size();
    if (n < 2) return;
    for (double& value : c) value *= (1 - pole) * (1 - 1 / pole);
    double first = c[0], power = pole;
    for (std::int64_t k = 1; k < 40; ++k, power *= pole) first += power * c[mirrored(k, static_cast<std::int64_t>(n))];  // pole^40 is below a double's last bit
    c[0] = first;
    for (std::size_t k = 1; k < n; ++k) c[k] += pole * c[k - 1];
    c[n - 1] = pole / (pole * pole - 1) * (c[n - 1] + pole * c[n - 2]);
    for (std::size_t k = n - 1; k-- > 0;) c[k] = pole * (c[k + 1] - c[k]);
}

}  // namespace

ScalarImage smoothed(const ScalarImage& image, double fwhm_mm, const Device& device) {
    ScalarImage out = image;
    for (float& value : out.data)
        if (!kernels::is_finite(value)) value = 0;
    const Vec3d size = voxel_sizes(image.grid.voxel_to_world);
    for (std::size_t axis = 0; axis < 3; ++axis) {
        const double sigma = fwhm_mm / 2.3548200450309493 / size[axis];  // 2 sqrt(2 ln 2)
        if (!(sigma > 0.2)) continue;  // narrower than a voxel
        const auto weights = gaussian(sigma);
        const auto reach = static_cast<std::int64_t>(weights.size() / 2), n = image.grid.size[axis];
        along_axis(out.data, image.grid, axis, device, [&](std::vector<double>& line, std::vector<double>& scratch) {
            for (std::int64_t i = 0; i < n; ++i) {
                double sum = 0;
                for (std::int64_t k = -reach; k <= reach; ++k) sum += weights[static_cast<std::size_t>(k + reach)] * line[mirrored(i + k, n)];
                scratch[static_cast<std::size_t>(i)] = sum;
            }
            line.swap(scratch);
        });
    }
    return out;
}

std::vector<float> spline_coefficients(const ScalarImage& image, const Device& device) {
    std::vector<float> out = image.data;
    for (std::size_t axis = 0; axis < 3; ++axis)
        along_axis(out, image.grid, axis, device, [](std::vector<double>& line, std::vector<double>&) { to_coefficients(line); });
    return out;
}

Mask dilated(const Mask& mask, double half_width_mm) {
    Mask out = mask;
    const auto& n = mask.grid.size;
    const std::array<std::int64_t, 3> stride{1, n[0], n[0] * n[1]};
    const Vec3d size = voxel_sizes(mask.grid.voxel_to_world);
    for (std::size_t axis = 0; axis < 3; ++axis) {
        const Mask before = out;
        const auto reach = static_cast<std::int64_t>(half_width_mm / size[axis] + 0.5);
        for (std::int64_t v = 0; v < mask.grid.voxels(); ++v) {
            if (!before.at(v)) continue;
            const std::int64_t at = v / stride[axis] % n[axis];
            for (std::int64_t k = -std::min(reach, at); k <= std::min(reach, n[axis] - 1 - at); ++k) out.at(v + k * stride[axis]) = 1;
        }
    }
    return out;
}

}  // namespace arcuate::registration
