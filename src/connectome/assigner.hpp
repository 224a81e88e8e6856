// Streamlines to regions: one of the ways of assignment, made ready for a parcellation and a device.
#pragma once

#include "arcuate/connectome/build.hpp"
#include "backend/buffer.hpp"
#include "kernels/forward_search.hpp"

#include <vector>

namespace arcuate::connectome {

class Assigner {
  public:
    /// Throws InputError for a reach that is not above zero (0 is allowed for reverse search) or covers millions of voxels.
    /// `places`: of each voxel what it belongs to, from 1; 0 background.
    Assigner(const std::vector<std::int32_t>& places, const Grid& grid, Assignment way, double search_mm, const Device& device);
    /// `lengths` [mm]: NaN for what is no streamline.
    void assign(const kernels::StreamlinesView& streamlines, std::int64_t n, std::int64_t n_vertices, const double* lengths);

    /// Of the last assign(): what was found, 0 for nothing; (n, 2), or where all voxels count a list per streamline that begins where its vertices do.
    const Buffer<std::int32_t>& nodes() const { return nodes_; }
    /// How many each has; empty unless all voxels count.
    const Buffer<std::int32_t>& counts() const { return counts_; }

  private:
    Device device_;
    Assignment way_;
    Buffer<std::int32_t> labels_, decided_;
    Buffer<kernels::SearchOffset> offsets_;
    kernels::LabelGrid grid_{};
    kernels::RadialSearch radial_{};
    kernels::ReverseSearch reverse_{};
    kernels::ForwardSearch forward_{};
    Buffer<std::int32_t> nodes_, counts_;
};

}  // namespace arcuate::connectome
