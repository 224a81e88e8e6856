// The kernels of tensors, kurtosis and bootstraps for CUDA.
#include "backend/launch_cuda.cuh"
#include "kernels/kurtosis_fit.hpp"
#include "kernels/positive_tensor.hpp"
#include "kernels/replicate_signal.hpp"
#include "kernels/tensor_bootstrap.hpp"
#include "kernels/tensor_maps.hpp"

ARCUATE_CUDA_KERNEL(arcuate::kernels::FitTensor);
ARCUATE_CUDA_KERNEL(arcuate::kernels::MakeTensorPositive);
ARCUATE_CUDA_KERNEL(arcuate::kernels::DeriveTensorMaps);
ARCUATE_CUDA_KERNEL(arcuate::kernels::BootstrapTensor);
ARCUATE_CUDA_KERNEL(arcuate::kernels::FitKurtosis);
ARCUATE_CUDA_KERNEL(arcuate::kernels::ReplicateSignal);
