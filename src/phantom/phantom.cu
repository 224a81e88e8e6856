// The phantom's kernel, compiled for CUDA.
#include "backend/launch_cuda.cuh"
#include "kernels/phantom_signal.hpp"

ARCUATE_CUDA_KERNEL(arcuate::kernels::SimulateSignal);
