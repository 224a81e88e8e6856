// What the kernel that finds the peaks of FODs shares between voxels.
#pragma once

#include "arcuate/core/directions.hpp"
#include "backend/buffer.hpp"
#include "dwi/voxel_rows.hpp"
#include "kernels/fod_peaks.hpp"

#include <algorithm>
#include <vector>

namespace arcuate::dwi {

/// Directions for the first, coarse search of peaks, on a device.
template <int Lmax>
struct PeakSearch {
    explicit PeakSearch(const Device& device) {
        constexpr int n = kernels::peak_directions;
        const auto set = repelled_directions(n);
        std::vector<double> flat, basis_t(static_cast<std::size_t>(n * sh_count(Lmax)));
        std::vector<std::int16_t> near;
        for (int i = 0; i < n; ++i) {
            const auto& d = set[static_cast<std::size_t>(i)];
            flat.insert(flat.end(), d.begin(), d.end());
            double values[sh_count(Lmax)];
            kernels::sh_basis<Lmax>(d[0], d[1], d[2], values);
            for (int c = 0; c < sh_count(Lmax); ++c) basis_t[static_cast<std::size_t>(c * n + i)] = values[c];
            // The six to eight directions around it: within 14 degrees, the set's spacing being 8.
            std::vector<std::pair<double, std::int16_t>> others;
            for (int j = 0; j < n; ++j) {
                const auto& e = set[static_cast<std::size_t>(j)];
                const double cosine = d[0] * e[0] + d[1] * e[1] + d[2] * e[2];
                if (j != i && cosine * cosine > 0.9415) others.emplace_back(-cosine * cosine, static_cast<std::int16_t>(j));
            }
            std::sort(others.begin(), others.end());
            for (int k = 0; k < kernels::peak_neighbours; ++k)
                near.push_back(k < static_cast<int>(others.size()) ? others[static_cast<std::size_t>(k)].second : static_cast<std::int16_t>(i));
        }
        directions = Buffer<double>(device, flat);
        basis = Buffer<double>(device, basis_t);
        neighbours = Buffer<std::int16_t>(device, near);
    }
    kernels::FindPeaks<Lmax> kernel(VoxelRows& fods, VoxelRows& peaks) const {
        return {directions.data(), basis.data(), neighbours.data(), fods.const_view(), peaks.view()};
    }
    Buffer<double> directions, basis;
    Buffer<std::int16_t> neighbours;
};

}  // namespace arcuate::dwi
