// One way to run a kernel, on any backend: launch(device, n, kernel) calls kernel(i) for every i in [0, n).
//
// A kernel is a trivially copyable struct of views and parameters with `ARCUATE_HD void operator()(std::int64_t i) const`, or, where a team of a GPU's threads works on an item
// (`team_lanes`) and needs memory that it shares, with `struct Room` and `operator()(std::int64_t i, Room& room) const`.
// Items may run in any order and at the same time; each writes only what belongs to it (or adds with add_relaxed).
// The CPU backend runs ranges of items on Thrust's TBB system. For the CUDA backend each kernel type is instantiated once, by
// ARCUATE_CUDA_KERNEL(Kernel) in a .cu file of its module (launch_cuda.cuh); forgetting it is a link error, not a slow path.
#pragma once

#include "arcuate/backend/device.hpp"

#include <cstdint>
#include <type_traits>

namespace arcuate {

namespace detail {

/// Calls body(context, begin, end) for disjoint ranges that cover [0, n), on the device's CPU threads; `grain` items at most per call.
void parallel_ranges(const Device& device, std::int64_t n, std::int64_t grain, void (*body)(const void*, std::int64_t, std::int64_t),
                     const void* context);

template <class Kernel>
void launch_cuda(const Device& device, std::int64_t n, const Kernel& kernel);

}  // namespace detail

/// Host-side loop over [0, n) on the device's CPU threads; `body(i)`. For work that is not a kernel: gathering, packing, formatting.
template <class Body>
void parallel_for(const Device& device, std::int64_t n, const Body& body, std::int64_t grain = 64) {
    detail::parallel_ranges(
        device, n, grain,
        [](const void* context, std::int64_t begin, std::int64_t end) {
            const auto& run = *static_cast<const Body*>(context);
            for (auto i = begin; i < end; ++i) run(i);
        },
        &body);
}

/// A kernel whose items need a room each while they are worked on.
template <class Kernel>
concept NeedsRoom = requires { typename Kernel::Room; };

/// Runs the kernel for every index in [0, n). Returns when done on the CPU, when queued on CUDA (downloads wait).
/// `grain`: items that one CPU thread takes at a time; small where items differ much in cost.
template <class Kernel>
void launch(const Device& device, std::int64_t n, const Kernel& kernel, std::int64_t grain = 64) {
    static_assert(std::is_trivially_copyable_v<Kernel>, "a kernel is a plain struct of views and parameters");
    if (n <= 0) return;
#if ARCUATE_HAS_CUDA
    if (device.is_cuda()) {
        detail::launch_cuda(device, n, kernel);
        return;
    }
#endif
    if constexpr (NeedsRoom<Kernel>)
        parallel_for(
            device, n,
            [&](std::int64_t i) {
                typename Kernel::Room room;
                kernel(i, room);
            },
            grain);
    else
        parallel_for(device, n, kernel, grain);
}

}  // namespace arcuate
