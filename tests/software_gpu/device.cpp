#include "device.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace arcuate::software_gpu {

std::int64_t setting(const char* name, std::int64_t otherwise) {
    const char* const value = std::getenv(name);
    return value && *value ? std::atoll(value) : otherwise;
}

namespace {
constexpr std::size_t align = 256;
/// What an allocation takes of the device.
std::size_t in_whole(std::size_t bytes) { return (std::max<std::size_t>(bytes, 1) + align - 1) / align * align; }
}  // namespace

void* SoftwareDevice::allocate(std::size_t bytes) {
    const std::size_t whole = in_whole(bytes);
    if (whole < bytes) return nullptr;
    {
        const std::lock_guard lock(mutex_);
        if (whole > bytes_ - used_) return nullptr;
        used_ += whole;
    }
    void* const memory = std::aligned_alloc(align, whole);
    auto* const written = static_cast<std::uint8_t*>(std::calloc(whole, 1));
    if (whole <= 16 << 20) std::memset(memory, 0xcb, whole);
    const auto begin = reinterpret_cast<std::uintptr_t>(memory);
    const std::lock_guard lock(mutex_);
    allocations_[begin] = {begin, begin + bytes, written};
    seen_.reset();
    return memory;
}

bool SoftwareDevice::give_back(void* memory) {
    if (!memory) return true;
    const std::lock_guard lock(mutex_);
    const auto found = allocations_.find(reinterpret_cast<std::uintptr_t>(memory));
    if (found == allocations_.end()) return false;
    used_ -= in_whole(found->second.end - found->second.begin);
    std::free(found->second.written);
    std::free(memory);
    allocations_.erase(found);
    seen_.reset();
    return true;
}

bool SoftwareDevice::holds(const void* memory, std::size_t bytes, bool written) {
    const std::lock_guard lock(mutex_);
    const auto begin = reinterpret_cast<std::uintptr_t>(memory);
    auto found = allocations_.upper_bound(begin);
    if (found == allocations_.begin()) return false;
    const auto& allocation = std::prev(found)->second;
    if (bytes > allocation.end - allocation.begin || begin > allocation.end - bytes) return false;
    if (written) std::memset(allocation.written + (begin - allocation.begin), 1, bytes);
    return true;
}

std::size_t SoftwareDevice::left() const {
    const std::lock_guard lock(mutex_);
    return bytes_ - used_;
}

std::shared_ptr<const Allocations> SoftwareDevice::seen() {
    const std::lock_guard lock(mutex_);
    if (!seen_) {
        auto all = std::make_shared<Allocations>();
        for (const auto& [begin, allocation] : allocations_) all->push_back(allocation);
        seen_ = std::move(all);
    }
    return seen_;
}

void SoftwareDevice::fail(const std::string& why) {
    if (!failed_.exchange(true)) std::fprintf(stderr, "software GPU: %s\n", why.c_str());
}

namespace {

/// Warps keep the registers of the kernels that they ran; they are lent to whoever executes.
class Warps {
  public:
    std::unique_ptr<Warp> take() {
        const std::lock_guard lock(mutex_);
        if (free_.empty()) return std::make_unique<Warp>();
        auto warp = std::move(free_.back());
        free_.pop_back();
        return warp;
    }
    void give_back(std::unique_ptr<Warp> warp) {
        const std::lock_guard lock(mutex_);
        free_.push_back(std::move(warp));
    }

  private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<Warp>> free_;
};

}  // namespace

void SoftwareDevice::execute(Launch& launch) {
    if (failed_) return;
    static Warps* const warps = new Warps;  // streams may outlive static objects
    launch.memory = seen();
    const std::uint64_t per_block = (launch.threads + warp_lanes - 1) / warp_lanes, all = per_block * launch.blocks;
    std::atomic<std::uint64_t> next{0};
    const auto run = [&] {
        auto warp = warps->take();
        try {
            for (auto w = next++; w < all && !failed_; w = next++) warp->run(launch, static_cast<std::uint32_t>(w / per_block), static_cast<std::uint32_t>(w % per_block));
        } catch (const std::exception& error) {
            fail(error.what());
        }
        warps->give_back(std::move(warp));
    };
    static const auto threads = static_cast<std::uint64_t>(std::max<std::int64_t>(setting("ARCUATE_SOFTWARE_GPU_THREADS", std::thread::hardware_concurrency()), 1));
    std::vector<std::thread> helpers;
    for (std::uint64_t t = 1; t < std::min(threads, all); ++t) helpers.emplace_back(run);
    run();
    for (auto& helper : helpers) helper.join();
}

SoftwareStream::~SoftwareStream() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

std::uint64_t SoftwareStream::add(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    changed_.notify_all();
    return ++added_;
}

void SoftwareStream::wait_for(std::uint64_t task) {
    std::unique_lock lock(mutex_);
    const auto until = std::min(task, added_);
    changed_.wait(lock, [&] { return done_ >= until; });
}

void SoftwareStream::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [&] { return ends_ || !tasks_.empty(); });
        if (tasks_.empty()) return;
        const auto task = std::move(tasks_.front());
        tasks_.pop_front();
        lock.unlock();
        task();
        lock.lock();
        ++done_;
        changed_.notify_all();
    }
}

}  // namespace arcuate::software_gpu
