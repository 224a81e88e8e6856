// The kernels of spherical deconvolution of one shell for CUDA.
#include "backend/launch_cuda.cuh"
#include "kernels/csd.hpp"
#include "kernels/fod_peaks.hpp"

ARCUATE_CUDA_KERNEL(arcuate::kernels::EstimateFod<2>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::EstimateFod<4>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::EstimateFod<6>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::EstimateFod<8>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::EstimateFod<10>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::EstimateFod<12>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::FindPeaks<2>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::FindPeaks<4>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::FindPeaks<6>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::FindPeaks<8>);
