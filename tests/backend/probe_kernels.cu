#include "backend/launch_cuda.cuh"
#include "probe_kernels.hpp"

ARCUATE_CUDA_KERNEL(arcuate::test::Visit);
ARCUATE_CUDA_KERNEL(arcuate::test::AddToSharedCells);
ARCUATE_CUDA_KERNEL(arcuate::test::AddOne);
