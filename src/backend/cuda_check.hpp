// CUDA errors become DeviceErrors. Included by CUDA-aware sources of the backend and by launch_cuda.cuh.
#pragma once

#include "arcuate/backend/device.hpp"

#include <cuda_runtime_api.h>

namespace arcuate::detail {

[[noreturn]] void throw_device_error(const char* doing, const char* what);
/// Throws DeviceError and clears the runtime's error state unless `status` is success.
void check(cudaError_t status, const char* doing);
/// Makes the device current for the calling thread.
void select(const Device& device);
cudaStream_t stream_of(const Device& device);

}  // namespace arcuate::detail
