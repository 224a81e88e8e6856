// The CUDA backend: memory, copies and the stream of a device. One stream per Device, so work is ordered by itself.
#include "arcuate/core/error.hpp"
#include "backend/cuda_check.hpp"
#include "backend/device_impl.hpp"

#include <string>

namespace arcuate::detail {

namespace {
__global__ void probe_kernel() {}

std::string version_text(int v) { return std::to_string(v / 1000) + "." + std::to_string(v % 1000 / 10); }

/// Whether this build holds code for the current device.
bool device_has_code() {
    cudaFuncAttributes attributes{};
    const bool ok = cudaFuncGetAttributes(&attributes, probe_kernel) == cudaSuccess;
    cudaGetLastError();
    return ok;
}
}  // namespace

void throw_device_error(const char* doing, const char* what) {
    throw DeviceError(std::string("the CUDA device failed while ") + doing + " (" + what + "); run `arcuate doctor`, or use --device cpu");
}

void check(cudaError_t status, const char* doing) {
    if (status == cudaSuccess) return;
    cudaGetLastError();
    throw_device_error(doing, cudaGetErrorString(status));
}

void select(const Device& device) { check(cudaSetDevice(device.impl().cuda_index), "selecting it"); }

cudaStream_t stream_of(const Device& device) { return static_cast<cudaStream_t>(device.impl().stream); }

void open_cuda(Device::Impl& impl) {
    int count = 0;
    const auto status = cudaGetDeviceCount(&count);
    cudaGetLastError();
    if (status != cudaSuccess || count == 0)
        throw DeviceError(std::string("no CUDA device can be used (") + (status == cudaSuccess ? "the driver lists none" : cudaGetErrorString(status)) +
                          "); use --device cpu, or install an NVIDIA driver");
    if (impl.cuda_index >= count)
        throw DeviceError("there is no device cuda:" + std::to_string(impl.cuda_index) + " (this machine has " + std::to_string(count) +
                          "); run `arcuate doctor` for the list");
    check(cudaSetDevice(impl.cuda_index), "selecting it");
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, impl.cuda_index), "reading its properties");
    impl.label = "cuda:" + std::to_string(impl.cuda_index) + " (" + properties.name + ")";
    if (!device_has_code())
        throw DeviceError(impl.label + " has compute capability " + std::to_string(properties.major) + "." + std::to_string(properties.minor) +
                          ", for which this build holds no code; rebuild with -DARCUATE_CUDA_ARCHITECTURES=" + std::to_string(properties.major) +
                          std::to_string(properties.minor) + ", or use --device cpu");
    cudaStream_t stream = nullptr;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "creating a stream");
    impl.stream = stream;
}

void close_cuda(Device::Impl& impl) noexcept {
    if (impl.stream) cudaStreamDestroy(static_cast<cudaStream_t>(impl.stream));
}

int first_usable_cuda_device() {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess) count = 0;
    cudaGetLastError();
    for (int i = 0; i < count; ++i)
        if (cudaSetDevice(i) == cudaSuccess && device_has_code()) return i;
    cudaGetLastError();
    return -1;
}

std::int64_t cuda_free_memory(const Device& device) {
    select(device);
    std::size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total), "asking for its memory");
    return static_cast<std::int64_t>(free);
}

void* cuda_allocate(const Device& device, std::size_t bytes) {
    select(device);
    void* memory = nullptr;
    const auto status = cudaMalloc(&memory, bytes);
    if (status == cudaErrorMemoryAllocation) {
        cudaGetLastError();
        throw DeviceError("not enough memory on " + device.name() + " (" + std::to_string(bytes >> 20) +
                          " MiB asked for); use a smaller --chunk, another device, or --device cpu");
    }
    check(status, "allocating memory");
    return memory;
}

void cuda_release(const Device& device, void* memory) noexcept {
    cudaSetDevice(device.impl().cuda_index);
    cudaFree(memory);
}

void cuda_copy(const Device& device, void* to, const void* from, std::size_t bytes, bool to_host) {
    select(device);
    check(cudaMemcpyAsync(to, from, bytes, to_host ? cudaMemcpyDeviceToHost : cudaMemcpyHostToDevice, stream_of(device)), "copying");
    check(cudaStreamSynchronize(stream_of(device)), "waiting for its kernels");
}

void cuda_fill_zero(const Device& device, void* memory, std::size_t bytes) {
    select(device);
    check(cudaMemsetAsync(memory, 0, bytes, stream_of(device)), "clearing memory");
}

void inspect_cuda(BackendReport& report) {
    report.built_with_cuda = true;
    int runtime = 0, driver = 0, count = 0;
    if (cudaRuntimeGetVersion(&runtime) == cudaSuccess) report.cuda_runtime = version_text(runtime);
    if (cudaDriverGetVersion(&driver) == cudaSuccess && driver > 0) report.cuda_driver = version_text(driver);
    const auto status = cudaGetDeviceCount(&count);
    cudaGetLastError();
    if (status != cudaSuccess) {
        report.cuda_problem = cudaGetErrorString(status);
        return;
    }
    if (count == 0) report.cuda_problem = "the driver lists no device";
    for (int i = 0; i < count; ++i) {
        CudaDeviceInfo info;
        info.index = i;
        cudaDeviceProp p{};
        if (cudaGetDeviceProperties(&p, i) == cudaSuccess) {
            info.name = p.name;
            info.compute_major = p.major;
            info.compute_minor = p.minor;
            info.multiprocessors = p.multiProcessorCount;
            info.total_memory = static_cast<std::int64_t>(p.totalGlobalMem);
            info.l2_cache = p.l2CacheSize;
        }
        if (cudaSetDevice(i) == cudaSuccess) {
            std::size_t free = 0, total = 0;
            if (cudaMemGetInfo(&free, &total) == cudaSuccess) info.free_memory = static_cast<std::int64_t>(free);
            info.has_code = device_has_code();
        }
        cudaGetLastError();
        report.cuda_devices.push_back(info);
    }
}

}  // namespace arcuate::detail
