// The kernels of multi-tissue deconvolution for CUDA.
#include "backend/launch_cuda.cuh"
#include "kernels/msmt_csd.hpp"

ARCUATE_CUDA_KERNEL(arcuate::kernels::EstimateMsmt<48>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::EstimateMsmt<96>);
