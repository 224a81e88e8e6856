#include "arcuate/dwi/fixels.hpp"

#include "arcuate/conventions.hpp"
#include "arcuate/core/error.hpp"
#include "backend/launch.hpp"
#include "dwi/csd_problem.hpp"
#include "dwi/dense.hpp"
#include "dwi/voxel_rows.hpp"
#include "kernels/segment_fod.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace arcuate::dwi {

namespace {

using kernels::Lobe;
using kernels::LobeNet;

/// The voxels that have a coefficient, ascending.
std::vector<std::int64_t> voxels_with_fod(const ScalarImage& fod, const Device& device) {
    const auto n = fod.grid.voxels();
    enum : std::uint8_t { empty, full, broken };
    std::vector<std::uint8_t> state(static_cast<std::size_t>(n));
    parallel_for(
        device, n,
        [&](std::int64_t v) {
            auto& here = state[static_cast<std::size_t>(v)];
            for (std::int64_t j = 0; j < fod.volumes; ++j) {
                const float c = fod.at(v, j);
                if (!std::isfinite(c)) here = broken;
                if (c != 0.0f && here == empty) here = full;
            }
        },
        4096);
    std::vector<std::int64_t> out;
    for (std::int64_t v = 0; v < n; ++v) {
        const auto here = state[static_cast<std::size_t>(v)];
        if (here == broken)
            throw InputError("the FOD image has coefficients that are not finite (NaN or infinity); repair the image that it was made from, or set those voxels to zero");
        if (here == full) out.push_back(v);
    }
    return out;
}

/// A LobeNet on a device.
template <int Lmax>
class DeviceNet {
  public:
    DeviceNet(const DirectionNet& net, const Device& device) {
        constexpr std::size_t n = sh_count(Lmax), size = LobeNet::size, padded = LobeNet::padded;
        Matrix basis(size, n);
        std::vector<float> basis_t(n * padded);
        std::vector<double> flat;
        for (std::size_t i = 0; i < size; ++i) {
            const auto& d = net.directions[i];
            flat.insert(flat.end(), d.begin(), d.end());
            kernels::sh_basis<Lmax>(d[0], d[1], d[2], &basis(i, 0));
            for (std::size_t c = 0; c < n; ++c) basis_t[c * padded + i] = static_cast<float>(basis(i, c));
        }
        // Nearest to equal weights of those that integrate every harmonic exactly: 4 pi / size + B (B^T B)^-1 (what equal weights miss).
        constexpr double sphere = 12.566370614359172;
        Matrix missed(n, 1);
        missed(0, 0) = std::sqrt(sphere);  // the integral of Y_00
        for (std::size_t c = 0; c < n; ++c)
            for (std::size_t i = 0; i < size; ++i) missed(c, 0) -= basis(i, c) * sphere / LobeNet::size;
        const Matrix correction = cholesky_solve(cholesky(transposed_product(basis, basis)), missed);
        std::vector<float> weight(size);
        for (std::size_t i = 0; i < size; ++i) {
            double w = sphere / LobeNet::size;
            for (std::size_t c = 0; c < n; ++c) w += basis(i, c) * correction(c, 0);
            weight[i] = static_cast<float>(w);
        }
        basis_t_ = Buffer<float>(device, basis_t);
        weight_ = Buffer<float>(device, weight);
        directions_ = Buffer<double>(device, flat);
        neighbour_ = Buffer<std::int16_t>(device, net.neighbours);
    }
    LobeNet view() const { return {basis_t_.data(), weight_.data(), directions_.data(), neighbour_.data()}; }

  private:
    Buffer<float> basis_t_, weight_;
    Buffer<double> directions_;
    Buffer<std::int16_t> neighbour_;
};

/// Takes what the kernel found in the voxels `here`, which come in ascending order.
void append(Fixels& out, std::span<const std::int64_t> here, const std::vector<std::uint8_t>& counts, const std::vector<Lobe>& lobes,
            const std::vector<std::uint8_t>& rows, const FixelOptions& options) {
    const std::size_t row_bytes = out.row_bytes();
    const bool all_one = options.dilate_lookup && !options.null_lobes;  // then a voxel's only fixel has all directions
    for (std::size_t i = 0; i < here.size(); ++i) {
        const auto v = static_cast<std::size_t>(here[i]);
        const std::size_t count = counts[i];
        out.first[v + 1] = static_cast<std::uint32_t>(count);
        for (std::size_t k = 0; k < count; ++k) {
            const Lobe& lobe = lobes[i * Fixels::max_per_voxel + k];
            out.fibre_density.push_back(lobe.integral);
            out.peak.push_back(lobe.peak);
            out.direction.insert(out.direction.end(), lobe.direction, lobe.direction + 3);
            out.mean_direction.insert(out.mean_direction.end(), lobe.mean_direction, lobe.mean_direction + 3);
        }
        if (count == 0 || (count == 1 && all_one)) continue;
        out.lookup_row[v] = static_cast<std::int32_t>(out.lookup.size() / row_bytes);
        const auto* const row = rows.data() + i * row_bytes;
        out.lookup.insert(out.lookup.end(), row, row + row_bytes);
    }
}

/// Calls `visit` with chunks of the voxels, their coefficients on the device.
template <int Lmax, class Visit>
void for_each_chunk(const ScalarImage& fod, std::span<const std::int64_t> voxels, std::size_t chunk, const Device& device, Progress& progress, const Visit& visit) {
    std::vector<std::int64_t> volumes(sh_count(Lmax));
    std::iota(volumes.begin(), volumes.end(), 0);
    VoxelRows fods(device, static_cast<std::int64_t>(chunk), sh_count(Lmax));
    for (std::size_t begin = 0; begin < voxels.size(); begin += chunk) {
        const auto here = voxels.subspan(begin, std::min(chunk, voxels.size() - begin));
        fods.gather(fod, volumes, here);
        visit(here, fods.const_view());
        progress.at(static_cast<std::int64_t>(begin + here.size()));
    }
}

template <int Lmax>
void segment(const ScalarImage& fod, const std::vector<std::int64_t>& voxels, const FixelOptions& options, const Device& device, Progress& progress, Fixels& out) {
    using Kernel = kernels::SegmentFod<Lmax>;
    static_assert(Kernel::max_lobes == Fixels::max_per_voxel);
    const DeviceNet<Lmax> net(out.net, device);
    const auto chunk = static_cast<std::size_t>(chunk_size(options.chunk, voxels, device));
    Buffer<std::uint8_t> counts(device, chunk), rows(device, chunk * Kernel::row_bytes);
    Buffer<Lobe> lobes(device, chunk * Kernel::max_lobes);
    std::vector<std::uint8_t> host_counts(chunk), host_rows(chunk * Kernel::row_bytes);
    std::vector<Lobe> host_lobes(chunk * Kernel::max_lobes);
    for_each_chunk<Lmax>(fod, voxels, chunk, device, progress, [&](std::span<const std::int64_t> here, const kernels::RowsView<const float>& fods) {
        launch(device, static_cast<std::int64_t>(here.size()),
               Kernel{net.view(), options.peak_threshold, options.refine_peaks, options.dilate_lookup, options.null_lobes, fods, counts.data(), lobes.data(), rows.data()}, 16);
        counts.download(std::span(host_counts).first(here.size()));
        lobes.download(std::span(host_lobes).first(here.size() * Kernel::max_lobes));
        rows.download(std::span(host_rows).first(here.size() * Kernel::row_bytes));
        append(out, here, host_counts, host_lobes, host_rows, options);
    });
}

template <int Lmax>
void measure(const ScalarImage& fod, const Fixels& fixels, const Device& device, Progress& progress, std::vector<float>& out) {
    using Kernel = kernels::MeasureLobes<Lmax>;
    constexpr std::size_t max_lobes = Fixels::max_per_voxel;
    const auto fixels_in = [&](std::int64_t v) { return fixels.first[static_cast<std::size_t>(v) + 1] - fixels.first[static_cast<std::size_t>(v)]; };
    std::vector<std::int64_t> voxels;
    for (std::int64_t v = 0; v < fixels.grid.voxels(); ++v)
        if (fixels_in(v) > 0) voxels.push_back(v);
    const auto chunk = static_cast<std::size_t>(chunk_size(0, voxels, device));
    const DeviceNet<Lmax> net(fixels.net, device);
    const std::size_t row_bytes = fixels.row_bytes();
    std::vector<std::uint8_t> rows, counts;
    Buffer<float> integrals(device, chunk * max_lobes);
    std::vector<float> host(chunk * max_lobes);
    for_each_chunk<Lmax>(fod, voxels, chunk, device, progress, [&](std::span<const std::int64_t> here, const kernels::RowsView<const float>& fods) {
        rows.clear();
        counts.clear();
        for (const auto v : here) {
            counts.push_back(static_cast<std::uint8_t>(fixels_in(v)));
            const auto row = fixels.lookup_row[static_cast<std::size_t>(v)];
            if (row < 0)  // all directions in the first
                rows.insert(rows.end(), row_bytes, 0);
            else
                rows.insert(rows.end(), fixels.lookup.begin() + static_cast<std::ptrdiff_t>(row_bytes) * row, fixels.lookup.begin() + static_cast<std::ptrdiff_t>(row_bytes) * (row + 1));
        }
        const Buffer<std::uint8_t> device_rows(device, rows), device_counts(device, counts);
        launch(device, static_cast<std::int64_t>(here.size()), Kernel{net.view(), fods, device_rows.data(), device_counts.data(), integrals.data()}, 16);
        integrals.download(std::span(host).first(here.size() * max_lobes));
        for (std::size_t i = 0; i < here.size(); ++i) out.insert(out.end(), host.begin() + static_cast<std::ptrdiff_t>(i * max_lobes), host.begin() + static_cast<std::ptrdiff_t>(i * max_lobes + counts[i]));
    });
}

int lmax_of(const ScalarImage& fod) {
    const int lmax = lmax_of_count(fod.volumes);
    if (lmax < 2 || lmax > max_fod_lmax)
        throw InputError(fmt::format("the FOD image has {} volumes (an even-order spherical harmonic series has 6, 15, 28, 45, 66 or 91); "
                                     "give the output of `arcuate fod` or dwi2fod",
                                     fod.volumes));
    return lmax;
}

}  // namespace

Fixels segment_fods(const ScalarImage& fod, const FixelOptions& options, const Device& device, Progress& progress) {
    const int lmax = lmax_of(fod);
    const auto voxels = voxels_with_fod(fod, device);
    if (voxels.empty()) throw InputError("the FOD image is zero everywhere (was it made with the wrong mask?); give an FOD image with fibres in it");
    Fixels out;
    out.grid = fod.grid;
    const auto n = static_cast<std::size_t>(fod.grid.voxels());
    out.first.assign(n + 1, 0);
    out.lookup_row.assign(n, -1);
    out.net = geodesic_net(4);
    progress.begin("segmenting FODs", static_cast<std::int64_t>(voxels.size()), "voxels");
    with_lmax(lmax, [&](auto order) { segment<order>(fod, voxels, options, device, progress, out); });
    progress.end();
    std::partial_sum(out.first.begin(), out.first.end(), out.first.begin());
    out.lookup.shrink_to_fit();
    return out;
}

std::vector<float> fibre_density_of(const ScalarImage& fod, const Fixels& fixels, const Device& device, Progress& progress) {
    const int lmax = lmax_of(fod);
    require_same_grid(fixels.grid, "the fixels", fod.grid, "the FOD image");
    voxels_with_fod(fod, device);  // refuses values that are not finite
    std::vector<float> out;
    progress.begin("measuring fixels", fixels.grid.voxels(), "voxels");
    with_lmax(lmax, [&](auto order) { measure<order>(fod, fixels, device, progress, out); });
    progress.end();
    return out;
}

}  // namespace arcuate::dwi
