// The kernels of streamline weights for CUDA.
#include "backend/launch_cuda.cuh"
#include "kernels/sift2.hpp"
#include "kernels/tissue_shares.hpp"

ARCUATE_CUDA_KERNEL(arcuate::kernels::BoundFixels);
ARCUATE_CUDA_KERNEL(arcuate::kernels::FindFixels);
ARCUATE_CUDA_KERNEL(arcuate::kernels::PackFixels);
ARCUATE_CUDA_KERNEL(arcuate::kernels::SumLengths);
ARCUATE_CUDA_KERNEL(arcuate::kernels::AdjustCoefficients);
ARCUATE_CUDA_KERNEL(arcuate::kernels::LinearCoefficients);
ARCUATE_CUDA_KERNEL(arcuate::kernels::TissueShares);
