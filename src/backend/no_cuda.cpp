// A build without CUDA: every request for a CUDA device says so.
#include "arcuate/core/error.hpp"
#include "backend/device_impl.hpp"

namespace arcuate::detail {

namespace {
[[noreturn]] void absent() {
    throw DeviceError("no CUDA device can be used (this build has no CUDA backend); use --device cpu, or build with -DARCUATE_CUDA=ON");
}
}  // namespace

void open_cuda(Device::Impl&) { absent(); }
void close_cuda(Device::Impl&) noexcept {}
std::shared_ptr<Device::Stream> open_stream(const Device::Impl&, Priority) { absent(); }
void cuda_synchronize(const Device&) { absent(); }
int first_usable_cuda_device() { return -1; }
std::int64_t cuda_free_memory(const Device&) { absent(); }
void* cuda_allocate(const Device&, std::size_t) { absent(); }
void cuda_release(const Device&, void*) noexcept {}
void cuda_copy_to_device(const Device&, void*, const void*, std::size_t) { absent(); }
void cuda_copy_to_host(const Device&, void*, const void*, std::size_t) { absent(); }
void cuda_fill_zero(const Device&, void*, std::size_t) { absent(); }
void inspect_cuda(BackendReport& report) { report.cuda_problem = "this build has no CUDA backend"; }

}  // namespace arcuate::detail
