// Devices, streams and events of software: what the CUDA runtime's functions (runtime.cpp) stand on.
#pragma once

#include "memory.hpp"
#include "warp.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace arcuate::software_gpu {

/// What an environment variable says, or `otherwise`.
std::int64_t setting(const char* name, std::int64_t otherwise);

/// One device: its memory, and what went wrong on it, which stays, as on a real one.
class SoftwareDevice {
  public:
    explicit SoftwareDevice(std::size_t bytes) : bytes_(bytes) {}

    void* allocate(std::size_t bytes);  ///< null where there is too little left
    /// False: nobody allocated it, or it was given back already.
    bool give_back(void* memory);
    /// Whether the bytes are within one allocation; marks them as written.
    bool holds(const void* memory, std::size_t bytes, bool written);
    std::size_t total() const { return bytes_; }
    std::size_t left() const;

    /// Executes all warps, on all of the host's threads. What is wrong with the kernel goes to stderr and into failed().
    void execute(Launch& launch);
    void fail(const std::string& why);
    bool failed() const { return failed_; }

  private:
    std::shared_ptr<const Allocations> seen();

    const std::size_t bytes_;
    mutable std::mutex mutex_;
    std::size_t used_ = 0;
    std::map<std::uintptr_t, Allocation> allocations_;
    std::shared_ptr<const Allocations> seen_;
    std::atomic<bool> failed_{false};
};

/// Tasks one after the other, on a thread of its own: work of different streams really happens at the same time, and out of order.
class SoftwareStream {
  public:
    explicit SoftwareStream(SoftwareDevice& device) : device_(device), thread_([this] { work(); }) {}
    ~SoftwareStream();
    SoftwareStream(const SoftwareStream&) = delete;
    SoftwareStream& operator=(const SoftwareStream&) = delete;

    SoftwareDevice& device() { return device_; }
    /// Returns the task's number.
    std::uint64_t add(std::function<void()> task);
    void wait_for(std::uint64_t task);
    void wait() { wait_for(UINT64_MAX); }

  private:
    void work();

    SoftwareDevice& device_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> tasks_;
    std::uint64_t added_ = 0, done_ = 0;
    bool ends_ = false;
    std::thread thread_;
};

}  // namespace arcuate::software_gpu
