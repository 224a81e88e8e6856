// The module's kernels for CUDA.
#include "backend/launch_cuda.cuh"
#include "kernels/csd.hpp"
#include "kernels/fod_peaks.hpp"
#include "kernels/kurtosis_fit.hpp"
#include "kernels/msmt_csd.hpp"
#include "kernels/positive_tensor.hpp"
#include "kernels/tensor_bootstrap.hpp"
#include "kernels/tensor_maps.hpp"

ARCUATE_CUDA_KERNEL(arcuate::kernels::FitTensor);
ARCUATE_CUDA_KERNEL(arcuate::kernels::MakeTensorPositive);
ARCUATE_CUDA_KERNEL(arcuate::kernels::DeriveTensorMaps);
ARCUATE_CUDA_KERNEL(arcuate::kernels::BootstrapTensor);
ARCUATE_CUDA_KERNEL(arcuate::kernels::FitKurtosis);
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
ARCUATE_CUDA_KERNEL(arcuate::kernels::EstimateMsmt<48>);
ARCUATE_CUDA_KERNEL(arcuate::kernels::EstimateMsmt<96>);
