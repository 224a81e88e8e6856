// What a soft parcellation's voxels belong to, as kernels see it.
#pragma once

#include "arcuate/core/parcellation.hpp"
#include "kernels/add_to_edges.hpp"

#include <vector>

namespace arcuate::connectome {

/// Voxels that belong to the same regions with the same shares have one list, so that a search ends as early among them as within a region.
struct VoxelLists {
    std::vector<std::int32_t> of_voxel;        ///< number of its list; 0 where it has no region
    std::vector<std::int64_t> offsets;         ///< (lists + 1) of list 0, which belongs to none, and the others
    std::vector<kernels::NodeShare> shares;
    std::vector<std::int32_t> largest;         ///< of each list: the node with the largest share, 0 for none
};
VoxelLists voxel_lists(const Parcellation& soft);

}  // namespace arcuate::connectome
