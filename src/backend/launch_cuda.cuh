// The CUDA side of launch(): included by the .cu files alone.
#pragma once

#include "backend/cuda_check.hpp"
#include "backend/launch.hpp"

namespace arcuate::detail {

/// Small enough that a block whose items end early makes room soon, and that registers are not left over for want of a whole block.
inline constexpr int block_threads = 128;

/// A thread per item. A loop over items would put the kernel's code there twice: an item may be a whole streamline, and its code that of a tracker. One block
/// at least: the kernel has as many registers as it can use.
template <class Kernel>
__global__ void __launch_bounds__(block_threads, 1) run_item(const __grid_constant__ Kernel kernel, std::int64_t n) {
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * block_threads + threadIdx.x;
    if (i < n) kernel(i);
}

template <class Kernel>
void launch_cuda(const Device& device, std::int64_t n, const Kernel& kernel) {
    select(device);
    run_item<<<static_cast<unsigned>((n + block_threads - 1) / block_threads), block_threads, 0, stream_of(device)>>>(kernel, n);
    check(cudaGetLastError(), "launching a kernel");
}

}  // namespace arcuate::detail

/// Compiles `Kernel` for CUDA; once per kernel type, at namespace scope outside any namespace.
#define ARCUATE_CUDA_KERNEL(...) \
    template void arcuate::detail::launch_cuda<__VA_ARGS__>(const arcuate::Device&, std::int64_t, const __VA_ARGS__&)
