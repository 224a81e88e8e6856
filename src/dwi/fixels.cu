// The segmentation of FODs for CUDA.
#include "backend/launch_cuda.cuh"
#include "kernels/segment_fod.hpp"

ARCUATE_CUDA_KERNEL(arcuate::kernels::SegmentFod<2>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::SegmentFod<4>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::SegmentFod<6>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::SegmentFod<8>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::SegmentFod<10>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::SegmentFod<12>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::MeasureLobes<2>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::MeasureLobes<4>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::MeasureLobes<6>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::MeasureLobes<8>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::MeasureLobes<10>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::MeasureLobes<12>);
