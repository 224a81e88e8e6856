// Multi-tissue deconvolution as a GPU's warp runs it; compiled apart (msmt_apart.cpp), since the same functions are other code there.
#pragma once

#include <cstdint>

/// `kernel`: a kernels::EstimateMsmt<48>.
void estimate_msmt_apart(const void* kernel, std::int64_t voxels, bool backwards);
