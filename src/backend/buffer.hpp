// Device memory with an owner. On the CPU backend it is plain aligned memory, and copies are memcpy. On CUDA it is taken and given back in the order of its device's stream, so neither
// keeps other streams waiting; what the host fills (uploads, zeros) is there for every stream when the call returns.
#pragma once

#include "arcuate/backend/device.hpp"

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace arcuate {

namespace detail {
void* allocate(const Device& device, std::size_t bytes);  ///< throws DeviceError where there is not enough
void release(const Device& device, void* memory, std::size_t bytes) noexcept;
void copy_to_device(const Device& device, void* to, const void* from, std::size_t bytes);
void copy_to_host(const Device& device, void* to, const void* from, std::size_t bytes);  ///< waits for earlier launches
void fill_zero(const Device& device, void* memory, std::size_t bytes);
}  // namespace detail

/// `size` values of T on a device, uninitialised unless a constructor says otherwise. Cannot be copied by accident.
template <class T>
class Buffer {
    static_assert(std::is_trivially_copyable_v<T>);

  public:
    Buffer() = default;
    Buffer(const Device& device, std::size_t size)
        : device_(device), size_(size), data_(size ? static_cast<T*>(detail::allocate(device, size * sizeof(T))) : nullptr) {}
    Buffer(const Device& device, std::span<const T> values) : Buffer(device, values.size()) { upload(values); }
    Buffer(Buffer&& other) noexcept { swap(other); }
    Buffer& operator=(Buffer&& other) noexcept {
        Buffer moved(std::move(other));
        swap(moved);
        return *this;
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() {
        if (data_) detail::release(device_, data_, size_ * sizeof(T));
    }

    static Buffer zeros(const Device& device, std::size_t size) {
        Buffer out(device, size);
        if (size) detail::fill_zero(device, out.data_, size * sizeof(T));
        return out;
    }

    T* data() { return data_; }
    const T* data() const { return data_; }
    std::size_t size() const { return size_; }

    void upload(std::span<const T> values) {
        if (!values.empty()) detail::copy_to_device(device_, data_, values.data(), values.size_bytes());
    }
    /// The first values.size() values; waits for the launches that write them.
    void download(std::span<T> values) const {
        if (!values.empty()) detail::copy_to_host(device_, values.data(), data_, values.size_bytes());
    }
    std::vector<T> to_host() const {
        std::vector<T> out(size_);
        download(out);
        return out;
    }

  private:
    void swap(Buffer& other) noexcept {
        std::swap(device_, other.device_);
        std::swap(size_, other.size_);
        std::swap(data_, other.data_);
    }
    Device device_;
    std::size_t size_ = 0;
    T* data_ = nullptr;
};

template <class T>
Buffer(const Device&, const std::vector<T>&) -> Buffer<T>;

}  // namespace arcuate
