// What an anatomical image says of the voxels that streamlines are weighted by.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/image.hpp"

#include <vector>

namespace arcuate::weights {

/// As tcksift2 -act and -fd_scale_gm derive it.
struct VoxelTissues {
    std::vector<float> weight;         ///< (voxels) weight in the cost: the square of the share of white matter
    std::vector<float> fibre_density;  ///< (voxels) what fibre densities may be multiplied by: 1 - share of cortical grey - half of that of sub-cortical grey
};

/// `tissues`: five volumes (cortical grey, sub-cortical grey, white matter, CSF, pathology) on any grid of the same world. On `grid` itself its fractions are the shares;
/// on another, each of 1000 points in a voxel counts for the tissue of the largest interpolated fraction. Throws InputError where `tissues` is no such image, or
/// there is no white matter on `grid`.
VoxelTissues voxel_tissues(const ScalarImage& tissues, const Grid& grid, const Device& device);

}  // namespace arcuate::weights
