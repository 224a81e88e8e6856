// The connectome's kernels, compiled for CUDA.
#include "backend/launch_cuda.cuh"
#include "kernels/add_to_edges.hpp"
#include "kernels/measure_streamline.hpp"

ARCUATE_CUDA_KERNEL(arcuate::kernels::MeasureStreamline);
ARCUATE_CUDA_KERNEL(arcuate::kernels::AddToEdges);
