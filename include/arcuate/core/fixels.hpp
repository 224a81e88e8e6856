// Fixels: the fibre populations of every voxel, one per lobe of its FOD, and which of them a direction belongs to.
#pragma once

#include "arcuate/core/directions.hpp"
#include "arcuate/core/image.hpp"

#include <cstdint>
#include <vector>

namespace arcuate {

/// Made once per FOD image (dwi::segment_fods); what is compared with streamlines, and what a tracker could choose its seeds by.
struct Fixels {
    static constexpr int max_per_voxel = 15;  ///< 15 itself says "none" in a lookup row

    Grid grid;
    std::vector<std::uint32_t> first;       ///< (voxels + 1): the fixels of voxel v are [first[v], first[v + 1])
    std::vector<float> fibre_density;       ///< (n) integral of the FOD over the lobe and its opposite, in the FOD's unit times steradian
    std::vector<float> peak;                ///< (n) the lobe's largest amplitude
    std::vector<float> direction;           ///< (n, 3) unit, of the peak; scanner RAS+
    std::vector<float> mean_direction;      ///< (n, 3) unit, mean over the lobe, weighted by amplitude

    DirectionNet net;                       ///< the directions of a lookup row
    std::vector<std::int32_t> lookup_row;   ///< (voxels): row of `lookup`; -1 where every direction belongs to the voxel's first fixel, or it has none
    std::vector<std::uint8_t> lookup;       ///< (rows, row_bytes()): four bits per direction, its fixel in the voxel or 15 for none; low bits first

    std::int64_t size() const { return static_cast<std::int64_t>(fibre_density.size()); }
    std::size_t row_bytes() const { return (net.directions.size() + 1) / 2; }
};

}  // namespace arcuate
