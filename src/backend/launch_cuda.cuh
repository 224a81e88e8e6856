// The CUDA side of launch(): included by the .cu files alone.
#pragma once

#include "backend/cuda_check.hpp"
#include "backend/launch.hpp"

#include <thrust/execution_policy.h>
#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/system_error.h>

namespace arcuate::detail {

template <class Kernel>
void launch_cuda(const Device& device, std::int64_t n, const Kernel& kernel) {
    select(device);
    try {
        thrust::for_each_n(thrust::cuda::par_nosync.on(stream_of(device)), thrust::counting_iterator<std::int64_t>(0), n, kernel);
    } catch (const thrust::system_error& error) {
        throw_device_error("launching a kernel", error.what());
    }
}

}  // namespace arcuate::detail

/// Compiles `Kernel` for CUDA; once per kernel type, at namespace scope outside any namespace.
#define ARCUATE_CUDA_KERNEL(...) \
    template void arcuate::detail::launch_cuda<__VA_ARGS__>(const arcuate::Device&, std::int64_t, const __VA_ARGS__&)
