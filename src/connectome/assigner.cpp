#include "connectome/assigner.hpp"

#include "arcuate/core/error.hpp"
#include "backend/launch.hpp"
#include "backend/to_kernel.hpp"
#include "connectome/node_search.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace arcuate::connectome {

namespace {

constexpr std::int64_t max_scratch_bytes = 1 << 27;  ///< of a forward search

kernels::LabelGrid label_grid(const Grid& grid, const std::int32_t* nodes) {
    kernels::LabelGrid out{};
    out.nodes = nodes;
    out.nx = static_cast<std::int32_t>(grid.size[0]);
    out.ny = static_cast<std::int32_t>(grid.size[1]);
    out.nz = static_cast<std::int32_t>(grid.size[2]);
    out.world_to_voxel = to_kernel_double(inverse(grid.voxel_to_world));
    out.voxel_to_world = to_kernel_double(grid.voxel_to_world);
    return out;
}

}  // namespace

Assigner::Assigner(const std::vector<std::int32_t>& places, const Grid& grid, Assignment way, double search_mm, const Device& device) : device_(device), way_(way) {
    const bool reaches = way == Assignment::radial_search || way == Assignment::forward_search;
    if ((reaches && !(search_mm > 0)) || (way == Assignment::reverse_search && !(search_mm >= 0)))
        throw InputError(fmt::format("a search of {} mm finds nothing; give a reach above zero (4 mm is usual)", search_mm));
    labels_ = Buffer(device, places);
    grid_ = label_grid(grid, labels_.data());
    reverse_ = {grid_, search_mm};
    if (!reaches) return;
    const auto around = surroundings(grid.voxel_to_world, search_mm);
    const auto n = static_cast<std::int32_t>(around.offsets.size());
    if (way == Assignment::radial_search) {
        decided_ = Buffer(device, decided_nodes(places, grid, search_mm, around));
        offsets_ = Buffer(device, around.offsets);
        radial_ = {grid_, decided_.data(), offsets_.data(), n, search_mm * search_mm, own_centre_is_nearest(grid.voxel_to_world, search_mm)};
    } else {
        const auto [rx, ry, rz] = around.reach;
        const std::int32_t cells = (2 * rx + 1) * (2 * ry + 1) * (2 * rz + 1);
        forward_ = {grid_, search_mm, rx, ry, rz, cells / 32 + 1, n, nullptr, nullptr};
    }
}

void Assigner::assign(const kernels::StreamlinesView& streamlines, std::int64_t n, std::int64_t n_vertices, const double* lengths) {
    const auto size = static_cast<std::size_t>(n);
    nodes_ = Buffer<std::int32_t>(device_, way_ == Assignment::all_voxels ? static_cast<std::size_t>(n_vertices) : 2 * size);
    const auto run = [&]<class Search>(const Search& search) { launch(device_, n, kernels::AssignEnds<Search>{streamlines, lengths, search, nodes_.data()}); };
    switch (way_) {
        case Assignment::radial_search: run(radial_); break;
        case Assignment::end_voxels: run(kernels::EndVoxel{grid_}); break;
        case Assignment::reverse_search: run(reverse_); break;
        case Assignment::all_voxels:
            counts_ = Buffer<std::int32_t>(device_, size);
            launch(device_, n, kernels::AssignAllVoxels{streamlines, lengths, grid_, nodes_.data(), counts_.data()});
            break;
        case Assignment::forward_search: {
            const std::int64_t bytes = 2 * (forward_.capacity * static_cast<std::int64_t>(sizeof(kernels::ForwardSearch::Candidate)) + forward_.seen_words * 4);
            const std::int64_t at_once = std::clamp<std::int64_t>(max_scratch_bytes / bytes, 1, n);
            Buffer<std::uint32_t> seen(device_, static_cast<std::size_t>(2 * at_once * forward_.seen_words));
            Buffer<kernels::ForwardSearch::Candidate> waiting(device_, static_cast<std::size_t>(2 * at_once * forward_.capacity));
            auto search = forward_;
            search.seen = seen.data();
            search.waiting = waiting.data();
            for (std::int64_t begin = 0; begin < n; begin += at_once) {
                auto part = streamlines;
                part.offsets += begin;
                launch(device_, std::min(at_once, n - begin), kernels::AssignEnds<kernels::ForwardSearch>{part, lengths + begin, search, nodes_.data() + 2 * begin});
            }
            break;
        }
    }
}

}  // namespace arcuate::connectome
