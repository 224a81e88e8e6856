// The search for the region at a point, made ready for kernels.
#pragma once

#include "arcuate/core/parcellation.hpp"
#include "backend/buffer.hpp"
#include "kernels/assign_nodes.hpp"

#include <vector>

namespace arcuate::connectome {

/// Offsets whose voxel can have its centre closer than `radius_mm` to a point of the voxel at the origin, nearest first.
std::vector<kernels::SearchOffset> search_offsets(const Affine& voxel_to_world, double radius_mm);

/// Owns what a NodeSearch looks at.
class NodeFinder {
  public:
    NodeFinder(const Parcellation& parcellation, double radius_mm, const Device& device);
    const kernels::NodeSearch& view() const { return view_; }

  private:
    Buffer<std::int32_t> nodes_;
    Buffer<kernels::SearchOffset> offsets_;
    kernels::NodeSearch view_{};
};

}  // namespace arcuate::connectome
