// The linear model of the log signal that tensor fits and their bootstrap share.
#pragma once

#include "arcuate/core/gradient_table.hpp"
#include "dwi/dense.hpp"

namespace arcuate::dwi {

struct TensorDesign {
    double b_scale = 0;  ///< largest b [s/mm2]
    Matrix rows;         ///< (volumes, 8) ln S = rows . (xx, yy, zz, xy, xz, yz, ln S0), b in units of b_scale; the eighth column is 0
};

/// Throws InputError where the table does not determine a tensor.
TensorDesign make_tensor_design(const GradientTable& gradients);

}  // namespace arcuate::dwi
