#include "arcuate/core/tissues.hpp"

#include "arcuate/core/error.hpp"

#include <fmt/format.h>

namespace arcuate {

void require_tissue_fractions(const ScalarImage& tissues) {
    if (tissues.volumes != 5)
        throw InputError(fmt::format("the tissue image has {} volumes instead of 5 (cortical grey, sub-cortical grey, white matter, CSF, pathology); give the output of 5ttgen", tissues.volumes));
    for (const float f : tissues.data)
        if (!(f >= -0.01f && f <= 1.01f)) throw InputError(fmt::format("the tissue image has a fraction of {} (fractions lie between 0 and 1); give the output of 5ttgen", f));
}

}  // namespace arcuate
