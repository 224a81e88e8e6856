// What a Device holds; private to the backend.
#pragma once

#include "arcuate/backend/device.hpp"

#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <memory>
#include <string>

namespace arcuate {

struct Device::Impl {
    Impl(int n_threads, int cuda, std::int64_t memory);
    ~Impl();
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    int threads;
    int cuda_index;  // -1: the CPU backend
    std::int64_t memory_limit;
    mutable std::atomic<std::int64_t> allocated{0};
    mutable oneapi::tbb::task_arena arena;
    void* pool = nullptr;  // cudaMemPool_t; null where the device has none
    std::string label;
};

/// The order of kernels and copies on a CUDA device.
class Device::Stream {
  public:
    virtual ~Stream() = default;
};

namespace detail {
// Implemented by cuda.cu where CUDA is, by no_cuda.cpp where it is not.
void open_cuda(Device::Impl& impl);
void close_cuda(Device::Impl& impl) noexcept;
std::shared_ptr<Device::Stream> open_stream(const Device::Impl& impl, Priority priority);
void cuda_synchronize(const Device& device);
int first_usable_cuda_device();  ///< -1 where there is none
std::int64_t cuda_free_memory(const Device& device);
void* cuda_allocate(const Device& device, std::size_t bytes);
void cuda_release(const Device& device, void* memory) noexcept;
void cuda_copy_to_device(const Device& device, void* to, const void* from, std::size_t bytes);
void cuda_copy_to_host(const Device& device, void* to, const void* from, std::size_t bytes);
void cuda_fill_zero(const Device& device, void* memory, std::size_t bytes);
void inspect_cuda(BackendReport& report);
}  // namespace detail

}  // namespace arcuate
