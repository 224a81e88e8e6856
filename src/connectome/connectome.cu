// The connectome's kernels, compiled for CUDA.
#include "backend/launch_cuda.cuh"
#include "kernels/add_to_edges.hpp"
#include "kernels/forward_search.hpp"
#include "kernels/measure_streamline.hpp"

ARCUATE_CUDA_KERNEL(arcuate::kernels::MeasureStreamline);
ARCUATE_CUDA_KERNEL(arcuate::kernels::AssignEnds<arcuate::kernels::EndVoxel>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::AssignEnds<arcuate::kernels::RadialSearch>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::AssignEnds<arcuate::kernels::ReverseSearch>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::AssignEnds<arcuate::kernels::ForwardSearch>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::AssignAllVoxels);
ARCUATE_CUDA_KERNEL(arcuate::kernels::AddToEdges);
ARCUATE_CUDA_KERNEL(arcuate::kernels::AddSharesToEdges);
