#include "registration/half_way.hpp"

#include "arcuate/core/error.hpp"
#include "backend/to_kernel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace arcuate::registration {

namespace {

using Equations = kernels::RigidEquations;
constexpr int unknowns = Equations::unknowns;
constexpr double tukey = 4.685;           // in standard deviations: 95% efficiency on Gaussian residuals (Holland & Welsch 1977)
constexpr double deviations = 1.4826;     // of a Gaussian, per median absolute deviation
constexpr std::int64_t parts = 16;        // of the jackknife
constexpr double cube_mm = 30;            // the jackknife leaves out whole cubes: noise and distortion are alike in neighbouring points
constexpr std::int64_t least_points = 100;

/// Solves the leading `n` equations by Cholesky's method; false where a pivot vanishes.
bool solve_equations(const Sums& sums, int n, double* x) {
    double a[unknowns][unknowns]{}, y[unknowns]{};
    for (int r = 0, k = 0; r < unknowns; ++r)
        for (int c = r; c < unknowns; ++c, ++k) a[c][r] = sums[static_cast<std::size_t>(k)];
    for (int r = 0; r < n; ++r) {
        for (int c = 0; c <= r; ++c) {
            double sum = a[r][c];
            for (int k = 0; k < c; ++k) sum -= a[r][k] * a[c][k];
            if (c < r) a[r][c] = sum / a[c][c];
            else if (!(sum > 1e-9 * a[r][r])) return false;
            else a[r][r] = kernels::sqrt(sum);
        }
        y[r] = sums[static_cast<std::size_t>(Equations::right + r)];
        for (int k = 0; k < r; ++k) y[r] -= a[r][k] * y[k];
        y[r] /= a[r][r];
    }
    for (int r = n; r-- > 0;) {
        x[r] = y[r];
        for (int k = r + 1; k < n; ++k) x[r] -= a[k][r] * x[k];
        x[r] /= a[r][r];
    }
    return true;
}

void add(Sums& to, const double* sums) {
    for (std::size_t k = 0; k < to.size(); ++k) to[k] += sums[k];
}

kernels::RigidGrid grid_around(std::span<const SplineImage> images, const Placement& placement, double spacing) {
    Vec3d low{}, high{};
    for (std::size_t s = 0; s < images.size(); ++s) {
        const auto& n = images[s].grid.size;
        const Affine to_common = composed(affine_of(placement.to_common[s]), images[s].grid.voxel_to_world);
        for (int corner = 0; corner < 8; ++corner) {
            const Vec3d voxel{corner & 1 ? static_cast<double>(n[0] - 1) : 0.0, corner & 2 ? static_cast<double>(n[1] - 1) : 0.0, corner & 4 ? static_cast<double>(n[2] - 1) : 0.0};
            const Vec3d at = transform_point(to_common, voxel);
            for (std::size_t i = 0; i < 3; ++i) {
                low[i] = s == 0 && corner == 0 ? at[i] : std::min(low[i], at[i]);
                high[i] = s == 0 && corner == 0 ? at[i] : std::max(high[i], at[i]);
            }
        }
    }
    kernels::RigidGrid grid{};
    std::int32_t n[3];
    double first[3];
    for (std::size_t i = 0; i < 3; ++i) {
        n[i] = static_cast<std::int32_t>((high[i] - low[i]) / spacing) + 1;
        first[i] = (low[i] + high[i]) / 2 - spacing * (n[i] - 1) / 2;
    }
    grid.origin = {first[0], first[1], first[2]};
    grid.spacing = spacing;
    grid.nx = n[0];
    grid.ny = n[1];
    grid.nz = n[2];
    return grid;
}

}  // namespace

HalfWay::HalfWay(std::span<const SplineImage> images, const Placement& placement, const Vec3d& centre, double spacing_mm, const Device& device)
    : images_(images), device_(device), centre_(centre), grid_(grid_around(images, placement, spacing_mm)), device_values_(device, images.size() * points()),
      device_mean_(device, points()), device_gradient_(device, points()), values_(images.size() * points()), mean_(points()), gradient_(points()) {
    Equations equations{};
    equations.grid = grid_;
    bricks_ = equations.bricks();
    sums_.resize(images.size() * static_cast<std::size_t>(bricks_) * Equations::terms);
    device_sums_ = Buffer<double>(device, sums_.size());
}

bool HalfWay::sample(const Placement& placement) {
    std::vector<kernels::SplineView> views;
    std::vector<float> gain;
    for (std::size_t s = 0; s < images_.size(); ++s) {
        const auto& image = images_[s];
        kernels::SplineView view{};
        view.coefficients = image.coefficients.data();
        view.mask = image.mask.size() ? image.mask.data() : nullptr;
        view.nx = static_cast<std::int32_t>(image.grid.size[0]);
        view.ny = static_cast<std::int32_t>(image.grid.size[1]);
        view.nz = static_cast<std::int32_t>(image.grid.size[2]);
        view.to_voxel = to_kernel_double(composed(inverse(image.grid.voxel_to_world), affine_of(inverse(placement.to_common[s]))));
        views.push_back(view);
        gain.push_back(static_cast<float>(placement.gain[s]));
    }
    const Buffer device_views(device_, views);
    const Buffer device_gain(device_, gain);
    launch(device_, grid_.points(),
           kernels::SampleSessions{device_views.data(), device_gain.data(), static_cast<std::int32_t>(images_.size()), grid_, device_values_.data(), device_mean_.data(),
                                   device_gradient_.data()},
           256);
    device_values_.download(values_);
    device_mean_.download(mean_);
    device_gradient_.download(gradient_);
    return std::count_if(mean_.begin(), mean_.end(), [](float m) { return !kernels::is_nan(m); }) >= least_points;
}

/// The residual from which on a point does not count. The median is weighted with the squared gradient: what has no gradient, such as background,
/// says nothing about places and should not say how large residuals are.
double HalfWay::cut(std::size_t session) const {
    std::vector<double> histogram(1 << 15, 0.0);  // by a residual's sign-less exponent and seven bits: steps of less than 1%
    double total = 0;
    for (std::size_t i = 0; i < points(); ++i) {
        if (kernels::is_nan(mean_[i])) continue;
        const float residual = kernels::abs(values_[session * points() + i] - mean_[i]);
        const double weight = static_cast<double>(kernels::dot(gradient_[i], gradient_[i]));
        histogram[kernels::bits_of(residual) >> 16] += weight;
        total += weight;
    }
    double below = 0;
    std::size_t bin = 0;
    while (bin + 1 < histogram.size() && below + histogram[bin] < total / 2) below += histogram[bin++];
    return tukey * deviations * static_cast<double>(kernels::float_of(static_cast<std::uint32_t>(bin) << 16 | 0x8000u));
}

const double* HalfWay::brick(std::size_t session, std::int64_t b) const {
    return sums_.data() + (session * static_cast<std::size_t>(bricks_) + static_cast<std::size_t>(b)) * Equations::terms;
}

bool HalfWay::solve(std::vector<Step>& steps) {
    inverse_cut_.clear();
    for (std::size_t s = 0; s < images_.size(); ++s) inverse_cut_.push_back(1 / cut(s));
    const Buffer device_cut(device_, inverse_cut_);
    launch(device_, static_cast<std::int64_t>(images_.size()) * bricks_,
           Equations{device_values_.data(), device_mean_.data(), device_gradient_.data(), device_cut.data(), grid_, {centre_[0], centre_[1], centre_[2]}, device_sums_.data()}, 8);
    device_sums_.download(sums_);
    steps.assign(images_.size(), Step{});
    for (std::size_t s = 0; s < images_.size(); ++s) {
        Sums total{};
        for (std::int64_t b = 0; b < bricks_; ++b) add(total, brick(s, b));
        if (!solve_equations(total, unknowns, steps[s].data())) return false;
    }
    return true;
}

double HalfWay::fit(std::size_t session) const {
    const double n = static_cast<double>(images_.size());
    struct Moments {
        double count = 0, a = 0, b = 0, aa = 0, ab = 0, bb = 0;
    };
    std::vector<Moments> bricks(static_cast<std::size_t>(bricks_));
    const auto bx = Equations::bricks_along(grid_.nx), by = Equations::bricks_along(grid_.ny);
    std::size_t i = 0;
    for (std::int32_t z = 0; z < grid_.nz; ++z)
        for (std::int32_t y = 0; y < grid_.ny; ++y)
            for (std::int32_t x = 0; x < grid_.nx; ++x, ++i) {
                if (kernels::is_nan(mean_[i])) continue;
                auto& m = bricks[static_cast<std::size_t>(x / Equations::brick + bx * (y / Equations::brick + by * (z / Equations::brick)))];
                const double a = static_cast<double>(values_[session * points() + i]), b = (n * static_cast<double>(mean_[i]) - a) / (n - 1);
                m.count += 1;
                m.a += a;
                m.b += b;
                m.aa += a * a;
                m.ab += a * b;
                m.bb += b * b;
            }
    double aa = 0, ab = 0, bb = 0;
    for (const auto& m : bricks) {
        if (m.count == 0) continue;
        aa += m.aa - m.a * m.a / m.count;
        ab += m.ab - m.a * m.b / m.count;
        bb += m.bb - m.b * m.b / m.count;
    }
    return aa > 0 && bb > 0 ? ab / kernels::sqrt(aa * bb) : 0.0;
}

double HalfWay::downweighted(std::size_t session) const {
    double count = 0, few = 0;
    for (std::size_t i = 0; i < points(); ++i) {
        if (kernels::is_nan(mean_[i])) continue;
        const double residual = static_cast<double>(values_[session * points() + i]) - static_cast<double>(mean_[i]);
        count += 1;
        few += kernels::biweight(residual * inverse_cut_[session]) < 0.5;
    }
    return few / count;
}

std::vector<Cube> HalfWay::cubes(std::size_t session) const {
    const std::int64_t bx = Equations::bricks_along(grid_.nx), by = Equations::bricks_along(grid_.ny), bz = Equations::bricks_along(grid_.nz);
    const auto side = std::max<std::int64_t>(1, static_cast<std::int64_t>(cube_mm / (Equations::brick * grid_.spacing) + 0.5));
    const std::int64_t cx = (bx + side - 1) / side, cy = (by + side - 1) / side, cz = (bz + side - 1) / side;
    std::vector<Cube> out(static_cast<std::size_t>(cx * cy * cz));
    for (std::int64_t b = 0; b < bricks_; ++b) {
        const std::int64_t x = b % bx / side, y = b / bx % by / side, z = b / (bx * by) / side;
        auto& cube = out[static_cast<std::size_t>(x + cx * (y + cy * z))];
        cube.part = static_cast<std::size_t>((x + 3 * y + 5 * z) % parts);
        add(cube.sums, brick(session, b));
    }
    return out;
}

std::array<double, 2> HalfWay::errors(std::size_t session) const {
    std::vector<Sums> part(parts, Sums{});
    Sums total{};
    for (const auto& cube : cubes(session)) {
        add(part[cube.part], cube.sums.data());
        add(total, cube.sums.data());
    }
    std::vector<Step> without(parts, Step{});
    Step mean{};
    for (std::size_t k = 0; k < part.size(); ++k) {
        Sums rest = total;
        for (std::size_t t = 0; t < rest.size(); ++t) rest[t] -= part[k][t];
        if (!solve_equations(rest, unknowns, without[k].data())) return {std::nan(""), std::nan("")};
        for (std::size_t u = 0; u < mean.size(); ++u) mean[u] += without[k][u] / static_cast<double>(parts);
    }
    double squares[2] = {0, 0};
    for (const auto& step : without)
        for (std::size_t u = 0; u < 6; ++u) squares[u / 3] += (step[u] - mean[u]) * (step[u] - mean[u]);
    const double factor = static_cast<double>(parts - 1) / static_cast<double>(parts);
    return {kernels::sqrt(factor * squares[0]), kernels::sqrt(factor * squares[1]) * 57.295779513082320877};
}

double HalfWay::residual_shift(std::size_t session) const {
    std::vector<std::pair<double, double>> shifts;  // with the information that each rests on
    double total = 0;
    for (const auto& cube : cubes(session)) {
        double d[3];
        if (!solve_equations(cube.sums, 3, d)) continue;
        const double weight = cube.sums[0] + cube.sums[unknowns] + cube.sums[2 * unknowns - 1];
        shifts.emplace_back(kernels::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]), weight);
        total += weight;
    }
    if (shifts.empty()) return std::nan("");
    std::sort(shifts.begin(), shifts.end());
    std::size_t k = 0;
    for (double below = shifts[0].second; below < total / 2 && k + 1 < shifts.size();) below += shifts[++k].second;
    return shifts[k].first;
}

ScalarImage HalfWay::mean() const {
    Grid grid;
    grid.size = {grid_.nx, grid_.ny, grid_.nz};
    for (std::size_t i = 0; i < 3; ++i) grid.voxel_to_world.linear[i][i] = grid_.spacing;
    grid.voxel_to_world.offset = {grid_.origin.x, grid_.origin.y, grid_.origin.z};
    ScalarImage out(grid, 1);
    for (std::size_t i = 0; i < points(); ++i) out.data[i] = kernels::is_nan(mean_[i]) ? 0.0f : mean_[i];
    return out;
}

}  // namespace arcuate::registration
