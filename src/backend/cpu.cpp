// The CPU backend: ranges of items on Thrust's TBB system, inside the device's own task arena.
#include "backend/device_impl.hpp"
#include "backend/launch.hpp"

#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/system/tbb/execution_policy.h>

#include <algorithm>

// The thread sanitizer does not see into the distribution's TBB, and takes what it hands from thread to thread for races. So under it this
// file alone is compiled without (CMakeLists.txt), and tells it what TBB promises: all that happened before a loop is seen by the body, and
// all that the body did is seen after the loop. Races between items of a loop, or between loops, are still found.
#ifdef ARCUATE_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace arcuate::detail {

namespace {

struct Order {
#ifdef ARCUATE_TSAN
    void release() { __tsan_release(this); }
    void acquire() { __tsan_acquire(this); }
#else
    void release() {}
    void acquire() {}
#endif
    // At the end of a scope, by return or by exception.
    struct Released {
        Order& order;
        ~Released() { order.release(); }
    };
    struct Acquired {
        Order& order;
        ~Acquired() { order.acquire(); }
    };
};

}  // namespace

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
    Order before, after;
    const Order::Acquired at_return{after};
    before.release();
    device.impl().arena.execute([&] {
        thrust::for_each_n(thrust::tbb::par, thrust::counting_iterator<std::int64_t>(0), ranges, [&](std::int64_t r) {
            const Order::Released at_end{after};
            before.acquire();
            body(context, r * grain, std::min(n, (r + 1) * grain));
        });
    });
}

}  // namespace arcuate::detail
