// The kernels of registration for CUDA.
#include "backend/launch_cuda.cuh"
#include "kernels/map_blocks.hpp"
#include "kernels/resample.hpp"
#include "kernels/rigid_equations.hpp"

ARCUATE_CUDA_KERNEL(arcuate::kernels::SampleSessions);
ARCUATE_CUDA_KERNEL(arcuate::kernels::RigidEquations);
ARCUATE_CUDA_KERNEL(arcuate::kernels::MapBlocks);
ARCUATE_CUDA_KERNEL(arcuate::kernels::ResampleLinear);
ARCUATE_CUDA_KERNEL(arcuate::kernels::ResampleNearest);
