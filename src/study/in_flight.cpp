#include "study/in_flight.hpp"

#include <algorithm>
#include <exception>
#include <thread>

namespace arcuate::study {

void at_once(std::size_t workers, std::size_t items, const std::function<void(std::size_t, std::size_t)>& work) {
    if (workers <= 1) {
        for (std::size_t i = 0; i < items; ++i) work(i, 0);
        return;
    }
    std::mutex mutex;
    std::size_t next = 0, failed = items;
    std::exception_ptr failure;
    const auto loop = [&](std::size_t worker) {
        for (;;) {
            std::size_t item;
            {
                const std::lock_guard lock(mutex);
                if (next >= items) return;
                item = next++;
            }
            try {
                work(item, worker);
            } catch (...) {
                const std::lock_guard lock(mutex);
                next = items;
                if (item < failed) {
                    failed = item;
                    failure = std::current_exception();
                }
            }
        }
    };
    {
        std::vector<std::jthread> threads;
        for (std::size_t w = 0; w < workers && w < items; ++w) threads.emplace_back(loop, w);
    }
    if (failure) std::rethrow_exception(failure);
}

std::string names_of(std::span<const Device> devices) {
    std::string out;
    for (const auto& device : devices) out += (out.empty() ? "" : ", ") + device.name();
    return out;
}

std::vector<Device> different(std::span<const Device> devices) {
    std::vector<Device> out;
    for (const auto& device : devices)
        if (std::none_of(out.begin(), out.end(), [&](const Device& d) { return d.is_same(device); })) out.push_back(device);
    return out;
}

}  // namespace arcuate::study
