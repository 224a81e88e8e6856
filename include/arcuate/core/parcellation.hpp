// Regions of the brain that connectomes connect.
#pragma once

#include "arcuate/core/image.hpp"

#include <string>
#include <vector>

namespace arcuate {

/// One region.
struct Node {
    std::int32_t label = 0;       ///< value in the label image, > 0
    std::string name;             ///< from the parcellation's table, or the label as text
    Vec3d centre{0, 0, 0};        ///< mean of its voxel centres, scanner RAS+ [mm]
    std::int64_t voxels = 0;      ///< size; 0 where the table names a region that the image lacks
};

/// A label image and the nodes it stands for, ascending by label. Row i of a connectome is nodes[i].
struct Parcellation {
    LabelImage labels;
    std::vector<Node> nodes;
};

/// Nodes are the positive labels of the image. Throws InputError where there is none, or one is negative or above 65 535 (an image of something else);
/// `name` says which image.
Parcellation make_parcellation(LabelImage labels, const std::string& name);

/// "L" or "R" where the region's name says so (a word left, lh or L, or the right one, in any case, as in ctx-lh-insula or Thalamus_R), else empty.
std::string hemisphere(const std::string& name);

}  // namespace arcuate
