#include "arcuate/backend/device.hpp"

#include "arcuate/core/error.hpp"
#include "backend/buffer.hpp"
#include "backend/device_impl.hpp"

#include <fmt/format.h>
#include <oneapi/tbb/global_control.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

namespace arcuate {

namespace {

int hardware_threads() { return static_cast<int>(std::max(1u, std::thread::hardware_concurrency())); }

/// TBB starts no more threads than there are cores unless told so, and takes the smallest of several such limits; so there is one, which
/// only grows. How many of them work for a Device is its arena's affair.
void allow_threads(int threads) {
    static std::mutex mutex;
    static int allowed = hardware_threads();
    static std::optional<oneapi::tbb::global_control> limit;
    const std::lock_guard lock(mutex);
    if (threads <= allowed) return;
    allowed = threads;
    limit.reset();
    limit.emplace(oneapi::tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads));
}

}  // namespace

Device::Impl::Impl(int n_threads, int cuda, std::int64_t memory) : threads(n_threads), cuda_index(cuda), memory_limit(memory), arena(n_threads) { allow_threads(n_threads); }

Device::Impl::~Impl() {
    if (cuda_index >= 0) detail::close_cuda(*this);
}

Device Device::open(const std::string& spec, int threads, std::int64_t memory) {
    if (threads < 0) throw InputError(fmt::format("--threads {} is negative; give 0 for all cores or a positive number", threads));
    if (threads == 0) threads = hardware_threads();
    int cuda = -1;
    if (spec == "auto") {
        cuda = detail::first_usable_cuda_device();
    } else if (spec == "cuda" || spec.starts_with("cuda:")) {
        cuda = 0;
        if (spec.size() > 4) {
            const char* last = spec.data() + spec.size();
            const auto [end, error] = std::from_chars(spec.data() + 5, last, cuda);
            if (error != std::errc() || end != last || cuda < 0)
                throw InputError(fmt::format("device '{}' is not understood; use auto, cpu, cuda or cuda:N", spec));
        }
    } else if (spec != "cpu") {
        throw InputError(fmt::format("device '{}' is not understood; use auto, cpu, cuda or cuda:N", spec));
    }
    Device device;
    device.impl_ = std::make_shared<Impl>(threads, cuda, memory);
    if (cuda >= 0) {
        detail::open_cuda(*device.impl_);
        device.stream_ = detail::open_stream(*device.impl_, Priority::normal);
    } else {
        device.impl_->label = fmt::format("cpu ({} thread{})", threads, threads == 1 ? "" : "s");
    }
    return device;
}

std::vector<Device> Device::open_all(const std::string& spec, int threads, std::int64_t memory) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= spec.size();) {
        const auto end = std::min(spec.find(',', at), spec.size());
        std::string part = spec.substr(at, end - at);
        // cuda:0,1 is cuda:0,cuda:1
        if (!parts.empty() && parts.front().starts_with("cuda:") && !part.empty() && part.find_first_not_of("0123456789") == std::string::npos) part = "cuda:" + part;
        parts.push_back(part);
        at = end + 1;
    }
    const int all = threads == 0 ? hardware_threads() : threads;
    const auto cpus = static_cast<int>(std::count(parts.begin(), parts.end(), "cpu"));
    std::vector<Device> devices;
    for (const auto& part : parts) devices.push_back(open(part, part == "cpu" && cpus > 1 ? std::max(1, all / cpus) : threads, memory));
    return devices;
}

bool Device::is_cuda() const { return impl_->cuda_index >= 0; }
int Device::threads() const { return impl_->threads; }
std::string Device::name() const { return impl_->label; }

Device Device::with_own_stream(Priority priority) const {
    Device other = *this;
    if (is_cuda()) other.stream_ = detail::open_stream(*impl_, priority);
    return other;
}

void Device::synchronize() const {
    if (is_cuda()) detail::cuda_synchronize(*this);
}

std::int64_t Device::free_memory() const {
    const std::int64_t here = is_cuda() ? detail::cuda_free_memory(*this) : static_cast<std::int64_t>(sysconf(_SC_AVPHYS_PAGES)) * sysconf(_SC_PAGESIZE);
    return std::min(here, std::max<std::int64_t>(0, impl_->memory_limit - impl_->allocated));
}

namespace detail {

namespace {

void* allocate_unlimited(const Device& device, std::size_t bytes) {
    if (device.is_cuda()) return cuda_allocate(device, bytes);
    // 64: a cache line, and the widest vector register.
    void* memory = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!memory) throw DeviceError(fmt::format("not enough memory ({} MiB asked for); close other programs or use a smaller --chunk", bytes >> 20));
    return memory;
}

}  // namespace

void* allocate(const Device& device, std::size_t bytes) {
    const auto& impl = device.impl();
    const auto more = static_cast<std::int64_t>(bytes), before = impl.allocated.fetch_add(more);
    try {
        if (more > impl.memory_limit - before)
            throw DeviceError(fmt::format("{:.1f} MiB of device memory are not enough ({:.1f} are in use, and {:.1f} more are needed at least); allow more, or work on fewer voxels", static_cast<double>(impl.memory_limit) / 0x1p20,
                                          static_cast<double>(before) / 0x1p20, static_cast<double>(more) / 0x1p20));
        return allocate_unlimited(device, bytes);
    } catch (...) {
        impl.allocated -= more;
        throw;
    }
}

void release(const Device& device, void* memory, std::size_t bytes) noexcept {
    device.impl().allocated -= static_cast<std::int64_t>(bytes);
    if (device.is_cuda())
        cuda_release(device, memory);
    else
        std::free(memory);
}

void copy_to_device(const Device& device, void* to, const void* from, std::size_t bytes) {
    if (device.is_cuda())
        cuda_copy_to_device(device, to, from, bytes);
    else
        std::memcpy(to, from, bytes);
}

void copy_to_host(const Device& device, void* to, const void* from, std::size_t bytes) {
    if (device.is_cuda())
        cuda_copy_to_host(device, to, from, bytes);
    else
        std::memcpy(to, from, bytes);
}

void fill_zero(const Device& device, void* memory, std::size_t bytes) {
    if (device.is_cuda())
        cuda_fill_zero(device, memory, bytes);
    else
        std::memset(memory, 0, bytes);
}

}  // namespace detail
}  // namespace arcuate
