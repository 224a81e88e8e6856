#include "arcuate/dwi/replicate.hpp"

#include "arcuate/conventions.hpp"
#include "arcuate/core/error.hpp"
#include "backend/launch.hpp"
#include "dwi/dense.hpp"
#include "dwi/shell.hpp"
#include "dwi/voxel_rows.hpp"
#include "kernels/replicate_signal.hpp"
#include "kernels/sh_basis.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace arcuate::dwi {

namespace {

constexpr int max_lmax = 8;
/// Above this leverage a residual tells nothing of its volume's error.
constexpr double followed = 0.95;

/// (volumes, coefficients) of a shell; orders ascend, so its first columns are the basis of lower ones.
Matrix basis_of(const GradientTable& gradients, const Shell& shell, int lmax) {
    Matrix out(shell.volumes.size(), static_cast<std::size_t>(sh_count(lmax)));
    for (std::size_t i = 0; i < out.rows; ++i) {
        const auto& d = gradients.directions[static_cast<std::size_t>(shell.volumes[i])];
        double all[sh_count(max_lmax)];
        kernels::sh_basis<max_lmax>(d[0], d[1], d[2], all);
        std::copy_n(all, out.columns, &out(i, 0));
    }
    return out;
}

ShellFit fit_of(const GradientTable& gradients, const Shell& shell, int lmax) {
    const auto n = static_cast<std::int64_t>(shell.volumes.size());
    if (shell.b_value <= b_zero_threshold) return {shell.b_value, n, 0};
    std::vector<Vec3d> directions;
    for (const auto v : shell.volumes) directions.push_back(gradients.directions[static_cast<std::size_t>(v)]);
    const auto distinct = distinct_directions(directions);
    const Matrix basis = basis_of(gradients, shell, lmax);
    for (; lmax >= 2; lmax -= 2)
        if (const int count = sh_count(lmax); 4 * count <= 3 * n && count <= distinct && independent_columns(basis, static_cast<std::size_t>(count), 1e-6))
            return {shell.b_value, n, lmax};
    return {shell.b_value, n, -1};
}

/// The fits of all shells as the kernel takes them.
struct Fits {
    std::vector<std::int64_t> volumes;  ///< of the image, shell by shell
    std::vector<kernels::ReplicatedVolume> columns;
    std::vector<double> weights;
    double free = 0;
};

Fits make_fits(const GradientTable& gradients, int lmax) {
    const auto shells = find_shells(gradients);
    const auto plan = replicate_fits(gradients, lmax);
    Fits out;
    for (std::size_t s = 0; s < shells.size(); ++s) {
        const auto& members = shells[s].volumes;
        const auto n = members.size(), first = out.volumes.size();
        out.volumes.insert(out.volumes.end(), members.begin(), members.end());
        if (plan[s].lmax < 0) {
            for (std::size_t i = 0; i < n; ++i) {
                out.columns.push_back({static_cast<std::int32_t>(members[i]), static_cast<std::int32_t>(first + i), 1, static_cast<std::int32_t>(out.weights.size()), 0.0});
                out.weights.push_back(1.0);
            }
            continue;
        }
        const Matrix basis = basis_of(gradients, shells[s], plan[s].lmax);
        Matrix transposed(basis.columns, n);
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t c = 0; c < basis.columns; ++c) transposed(c, i) = basis(i, c);
        const Matrix half = forward_solve(cholesky(transposed_product(basis, basis)), transposed);
        const Matrix hat = transposed_product(half, half);  // prediction of each volume from the shell's signals
        for (std::size_t i = 0; i < n; ++i) {
            const double left = 1.0 - hat(i, i);
            out.columns.push_back({static_cast<std::int32_t>(members[i]), static_cast<std::int32_t>(first), static_cast<std::int32_t>(n),
                                   static_cast<std::int32_t>(out.weights.size()), left > 1.0 - followed ? 1.0 / kernels::sqrt(left) : 0.0});
            for (std::size_t k = 0; k < n; ++k) out.weights.push_back(hat(i, k));
        }
        out.free += static_cast<double>(n - basis.columns);
    }
    return out;
}

void check(const ReplicateOptions& options) {
    if (options.number < 0 || options.number >= 1 << 24)
        throw InputError(fmt::format("there is no replicate {} (they are numbered from 0 to {}); choose one of these", options.number, (1 << 24) - 1));
    if (options.block < 1) throw InputError(fmt::format("a block of {} voxels has no voxel; give 1 or more", options.block));
}

}  // namespace

std::vector<ShellFit> replicate_fits(const GradientTable& gradients, int lmax) {
    if (lmax < 2 || lmax > max_lmax || lmax % 2 != 0)
        throw InputError(fmt::format("lmax {} is not available for the fit of the signal (it is even, from 2 to {}); choose one of these", lmax, max_lmax));
    std::vector<ShellFit> out;
    for (const auto& shell : find_shells(gradients)) out.push_back(fit_of(gradients, shell, lmax));
    if (std::none_of(out.begin(), out.end(), [](const ShellFit& fit) { return fit.lmax >= 2; }))
        throw InputError("no shell has enough directions for residuals that tell the noise (a smooth function on the sphere has six coefficients, so it takes eight volumes "
                         "in six directions that are not on a cone); give an acquisition with more");
    return out;
}

ScalarImage replicate_signal(const Series& dwi, const GradientTable& gradients, const Mask& mask, const ReplicateOptions& options, const Device& device,
                             Progress& progress) {
    require_consistent(dwi, gradients, mask);
    const auto voxels = voxels_inside(mask, "the mask");
    check(options);
    const Fits fits = make_fits(gradients, options.lmax);
    ScalarImage out(dwi.grid, dwi.volumes);
    dwi.visit([&](const auto& read) {
        parallel_for(
            device, dwi.volumes,
            [&](std::int64_t v) {
                for (std::int64_t voxel = 0; voxel < dwi.grid.voxels(); ++voxel) out.at(voxel, v) = read(voxel, v);
            },
            1);
    });
    const auto& size = dwi.grid.size;
    const auto blocks = [&](std::int64_t n) { return (n + options.block - 1) / options.block; };
    const auto item_of = [&](std::int64_t voxel) {
        const std::int64_t x = voxel % size[0], y = voxel / size[0] % size[1], z = voxel / (size[0] * size[1]);
        return x / options.block + blocks(size[0]) * (y / options.block + blocks(size[1]) * (z / options.block));
    };

    const auto chunk = chunk_size(options.chunk, voxels, device);
    const Buffer<double> weights(device, std::span<const double>(fits.weights));
    const Buffer<kernels::ReplicatedVolume> columns(device, std::span<const kernels::ReplicatedVolume>(fits.columns));
    VoxelRows signals(device, chunk, dwi.volumes), replicates(device, chunk, dwi.volumes);
    Buffer<std::int64_t> items(device, static_cast<std::size_t>(chunk));
    std::vector<std::int64_t> items_here(static_cast<std::size_t>(chunk));
    const kernels::ReplicateSignal kernel{weights.data(),       columns.data(),     static_cast<int>(fits.columns.size()), fits.free, items.data(), options.seed,
                                          static_cast<std::uint32_t>(options.number), signals.const_view(), replicates.view()};
    progress.begin("drawing noise", static_cast<std::int64_t>(voxels.size()), "voxels");
    in_chunks(voxels, chunk, progress, [&](std::span<const std::int64_t> here, std::int64_t count) {
        signals.gather(dwi, fits.volumes, here);
        std::transform(here.begin(), here.end(), items_here.begin(), item_of);
        items.upload(std::span(items_here).first(here.size()));
        launch(device, count, kernel, 16);
        replicates.download(count);
        replicates.scatter(out, 0, here);
    });
    progress.end();
    return out;
}

}  // namespace arcuate::dwi
