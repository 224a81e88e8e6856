// The image of tissue fractions that anatomical constraints come from.
#pragma once

#include "arcuate/core/image.hpp"

namespace arcuate {

/// Throws InputError unless the image has five volumes (cortical grey, sub-cortical grey, white matter, CSF, pathology) of fractions, 0 to 1 but for what
/// interpolation and 16-bit numbers leave.
void require_tissue_fractions(const ScalarImage& tissues);

}  // namespace arcuate
