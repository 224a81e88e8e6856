#include "side_by_side.hpp"

#include "arcuate/io/threads.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace arcuate::io {

namespace {
std::atomic<int> asked{0};
}

void set_threads(int threads) { asked = std::max(0, threads); }

int threads() {
    if (const int n = asked) return n;
    static const int processors = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    return processors;
}

void side_by_side(std::size_t n, const std::function<void(std::size_t)>& work) {
    std::atomic<std::size_t> next{0};
    std::exception_ptr error;
    std::mutex error_lock;
    const auto loop = [&] {
        for (std::size_t i; (i = next++) < n;) {
            try {
                work(i);
            } catch (...) {
                const std::lock_guard lock(error_lock);
                if (!error) error = std::current_exception();
                next = n;
            }
        }
    };
    {
        std::vector<std::jthread> others;
        for (std::size_t t = 1; t < std::min(n, static_cast<std::size_t>(threads())); ++t) others.emplace_back(loop);
        loop();
    }
    if (error) std::rethrow_exception(error);
}

}  // namespace arcuate::io
