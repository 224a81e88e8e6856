// Regions of the brain that connectomes connect.
#pragma once

#include "arcuate/core/image.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace arcuate {

/// One region.
struct Node {
    std::int32_t label = 0;       ///< value in the label image, > 0
    std::string name;             ///< from the parcellation's table, or the label as text
    Vec3d centre{0, 0, 0};        ///< mean of its voxel centres, scanner RAS+ [mm]
    double voxels = 0;            ///< size, in a soft parcellation the sum of its shares; 0 where the table names a region that the image lacks
};

/// The part of a voxel that belongs to a region: a probability, or a fraction of volume.
struct Share {
    std::int32_t label;
    float share;  ///< above 0, at most 1
};

/// A label image and the nodes it stands for, ascending by label. Row i of a connectome is nodes[i]. In a soft parcellation a voxel belongs to several
/// regions, or in part to none.
struct Parcellation {
    LabelImage labels;  ///< of a soft parcellation: each voxel's largest share, of equal ones the lowest label
    std::vector<Node> nodes;
    std::vector<std::uint64_t> offsets{};  ///< of a soft parcellation, else empty: (voxels + 1), those of voxel v are shares[offsets[v]] to shares[offsets[v + 1]]
    std::vector<Share> shares{};           ///< of a voxel ascending by label, together at most 1
    bool percent = false;                  ///< its image held percent

    bool is_soft() const { return !offsets.empty(); }
};

/// Nodes are the positive labels of the image. Throws InputError where there is none, or one is negative or above 65 535 (an image of something else);
/// `name` says which image.
Parcellation make_parcellation(LabelImage labels, const std::string& name);

/// A value of a 4-D image: the share of a region in a voxel.
struct VoxelShare {
    std::int64_t voxel;
    std::int32_t label;  ///< number of the volume, from 1
    float value;
};

/// A soft parcellation of `regions` regions from the values that are not zero, volume by volume. Every volume is a node, also an empty one. Whole numbers of
/// which those of no voxel add up to more than 105 and those of some to 95 are percent. Rounding is allowed for: what lies above -0.001 and below 0 is 0, and the
/// shares of a voxel that add up to between 1 and 1.05 are divided by their sum. Throws InputError for other values, and where there is none.
Parcellation make_soft_parcellation(const Grid& grid, std::int64_t regions, std::span<const VoxelShare> values, const std::string& name);

/// "L" or "R" where the region's name says so (a word left, lh or L, or the right one, in any case, as in ctx-lh-insula or Thalamus_R), else empty.
std::string hemisphere(const std::string& name);

}  // namespace arcuate
