// The linear model of the log signal whose least-squares solution is the diffusion tensor (Basser et al. 1994, J Magn Reson B 103:247).
#pragma once

#include <cstdint>
#include <vector>

namespace arcuate {

struct TensorModel {
    std::int64_t volumes = 0;
    std::vector<double> design;   ///< (volumes, 7) ln S = design . (xx, yy, zz, xy, xz, yz [mm2/s], ln S0)
    std::vector<double> inverse;  ///< (7, volumes) its pseudo-inverse: the unweighted fit
};

}  // namespace arcuate
