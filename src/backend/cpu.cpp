// The CPU backend: ranges of items on Thrust's TBB system, inside the device's own task arena.
#include "backend/device_impl.hpp"
#include "backend/launch.hpp"

#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/system/tbb/execution_policy.h>

#include <algorithm>

namespace arcuate::detail {

void parallel_ranges(const Device& device, std::int64_t n, std::int64_t grain, void (*body)(const void*, std::int64_t, std::int64_t),
                     const void* context) {
    if (n <= 0) return;
    // Small inputs still reach every thread.
    const auto threads = static_cast<std::int64_t>(device.threads());
    grain = std::clamp<std::int64_t>(n / (8 * threads), 1, std::max<std::int64_t>(1, grain));
    const std::int64_t ranges = (n + grain - 1) / grain;
    if (threads == 1 || ranges == 1) {
        body(context, 0, n);
        return;
    }
    device.impl().arena.execute([&] {
        thrust::for_each_n(thrust::tbb::par, thrust::counting_iterator<std::int64_t>(0), ranges,
                           [=](std::int64_t r) { body(context, r * grain, std::min(n, (r + 1) * grain)); });
    });
}

}  // namespace arcuate::detail
