// Does a connectome make sense: what a user should hear before believing it.
#pragma once

#include "arcuate/core/connectome.hpp"

#include <string>
#include <vector>

namespace arcuate::connectome {

struct Quality {
    std::int64_t edges = 0;                   ///< pairs that a streamline connects, a region with itself included; of a vector the regions that one reaches
    std::vector<std::string> warnings;        ///< sentences: fewer than half of the streamlines assigned, regions without a voxel, regions that no streamline reaches
};

/// Of a connectome with a count. Throws InputError where there is no streamline, or none has a region at any end: the matrix would be nonsense.
/// `parcellation` and `tracks` say which.
Quality check_quality(const Connectome& connectome, const std::string& tracks, const std::string& parcellation);

}  // namespace arcuate::connectome
