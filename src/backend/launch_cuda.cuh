// The CUDA side of launch(): included by the .cu files alone.
#pragma once

#include "backend/cuda_check.hpp"
#include "backend/buffer.hpp"
#include "backend/launch.hpp"
#include "kernels/walk_items.hpp"

#include <algorithm>

namespace arcuate::detail {

/// Small enough that a block whose items end early makes room soon, and that registers are not left over for want of a whole block.
inline constexpr int block_threads = 128;

/// A kernel whose items differ much in length: `Walk` goes through one, step by step (TrackStreamline).
template <class Kernel>
concept Walks = requires { typename Kernel::Walk; };

/// A thread per item. A loop over items would put the kernel's code there twice: an item may be long, and its code, too. One block
/// at least: the kernel has as many registers as it can use.
template <class Kernel>
__global__ void __launch_bounds__(block_threads, 1) run_item(const __grid_constant__ Kernel kernel, std::int64_t n) {
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * block_threads + threadIdx.x;
    if (i < n) kernel(i);
}

/// That a multiprocessor of 64 k registers holds.
template <class Kernel>
inline constexpr int blocks_at_a_time = (1 << 16) / (Kernel::thread_registers * block_threads);

/// As many teams of threads as the device holds at a time, for any number of items.
template <Walks Kernel>
__global__ void __launch_bounds__(block_threads, blocks_at_a_time<Kernel>) run_walks(const __grid_constant__ Kernel kernel, std::int64_t n) {
    kernels::walk_items(kernel, n);
}

/// As many teams as the device holds at a time, a room each; items take much the same time.
template <NeedsRoom Kernel>
__global__ void __launch_bounds__(block_threads, blocks_at_a_time<Kernel>) run_teams(const __grid_constant__ Kernel kernel, std::int64_t n, typename Kernel::Room* rooms) {
    const std::int64_t team = (static_cast<std::int64_t>(blockIdx.x) * block_threads + threadIdx.x) / Kernel::team_lanes, teams = std::int64_t{gridDim.x} * block_threads / Kernel::team_lanes;
    for (std::int64_t i = team; i < n; i += teams) kernel(i, rooms[team]);
}

/// Blocks of a kernel that a device holds at a time.
inline std::int64_t resident_blocks(const void* kernel) {
    int device = 0, multiprocessors = 0, blocks = 0;
    check(cudaGetDevice(&device), "asking which it is");
    check(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device), "reading its properties");
    check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, block_threads, 0), "planning a kernel");
    return std::int64_t{1} * multiprocessors * std::max(blocks, 1);
}

template <class Kernel>
void launch_cuda(const Device& device, std::int64_t n, const Kernel& kernel) {
    select(device);
    const auto blocks = [](std::int64_t threads) { return (threads + block_threads - 1) / block_threads; };
    if constexpr (NeedsRoom<Kernel>) {
        using Room = typename Kernel::Room;
        const std::int64_t per_block = block_threads / Kernel::team_lanes, memory = device.free_memory() / 2 / static_cast<std::int64_t>(sizeof(Room)) / per_block;
        const std::int64_t grid = std::min({blocks(n * Kernel::team_lanes), resident_blocks(reinterpret_cast<const void*>(&run_teams<Kernel>)), std::max<std::int64_t>(memory, 1)});
        Buffer<Room> rooms(device, static_cast<std::size_t>(grid * per_block));  // given back in the stream's order, after the kernel
        run_teams<<<static_cast<unsigned>(grid), block_threads, 0, stream_of(device)>>>(kernel, n, rooms.data());
    } else if constexpr (Walks<Kernel>)
        run_walks<<<static_cast<unsigned>(std::min(blocks(n * Kernel::team_lanes), resident_blocks(reinterpret_cast<const void*>(&run_walks<Kernel>)))), block_threads, 0, stream_of(device)>>>(kernel, n);
    else
        run_item<<<static_cast<unsigned>(blocks(n)), block_threads, 0, stream_of(device)>>>(kernel, n);
    check(cudaGetLastError(), "launching a kernel");
}

}  // namespace arcuate::detail

/// Compiles `Kernel` for CUDA; once per kernel type, at namespace scope outside any namespace.
#define ARCUATE_CUDA_KERNEL(...) \
    template void arcuate::detail::launch_cuda<__VA_ARGS__>(const arcuate::Device&, std::int64_t, const __VA_ARGS__&)
