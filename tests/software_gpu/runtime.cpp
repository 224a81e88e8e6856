// The functions of the CUDA runtime that Arcuate calls, on devices of software: programs that are linked with this instead of NVIDIA's runtime run their CUDA backend, as nvcc compiled
// it to PTX, on a machine without a GPU. Kernels must have their PTX in the program, uncompressed (-DARCUATE_SOFTWARE_GPU=ON sees to it).
//
// Environment: ARCUATE_SOFTWARE_GPUS (devices, 0: none is there), ARCUATE_SOFTWARE_GPU_MEMORY (MiB of a device, 12: chunks are as small as the memory), _THREADS (of the host for one
// kernel, all), _SEED (other than 0: the threads of a warp in random order).
#include "device.hpp"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <set>
#include <utility>

using namespace arcuate::software_gpu;

struct CUstream_st : SoftwareStream {
    using SoftwareStream::SoftwareStream;
};
struct CUevent_st {
    std::mutex mutex;
    SoftwareStream* stream = nullptr;
    std::uint64_t task = 0;
    std::shared_ptr<std::chrono::steady_clock::time_point> when;
};
struct CUmemPoolHandle_st {
    int device = 0;
};

namespace {

constexpr int multiprocessors = 2, resident_blocks = 2;

/// What a program holds for GPUs: a module's text, and its kernels by the addresses of their stubs.
struct Binary {
    const unsigned char* data = nullptr;
    std::unique_ptr<Module> module;
};
struct Kernel {
    Binary* binary = nullptr;
    std::string name;
};

struct Runtime {
    std::mutex mutex;
    std::vector<std::unique_ptr<SoftwareDevice>> devices;
    std::vector<std::unique_ptr<CUstream_st>> default_streams;
    std::set<CUstream_st*> streams;
    std::map<const void*, Kernel> kernels;

    Runtime() {
        const auto count = std::max<std::int64_t>(setting("ARCUATE_SOFTWARE_GPUS", 0), 0);
        for (std::int64_t d = 0; d < count; ++d) {
            devices.push_back(std::make_unique<SoftwareDevice>(static_cast<std::size_t>(setting("ARCUATE_SOFTWARE_GPU_MEMORY", 12)) << 20));
            default_streams.push_back(nullptr);
        }
    }
};

Runtime& runtime() {
    static Runtime* const only = new Runtime;  // programs call it while their static objects are made and destroyed
    return *only;
}

thread_local int current = 0;
thread_local cudaError_t last = cudaSuccess;

cudaError_t said(cudaError_t status) {
    if (status != cudaSuccess) last = status;
    return status;
}

SoftwareDevice* device_now() {
    auto& all = runtime().devices;
    return current < static_cast<int>(all.size()) ? all[static_cast<std::size_t>(current)].get() : nullptr;
}

cudaError_t state() {
    const auto* device = device_now();
    return !device ? cudaErrorNoDevice : device->failed() ? cudaErrorLaunchFailure : cudaSuccess;
}

CUstream_st& stream_or_default(cudaStream_t stream) {
    if (stream) return *stream;
    auto& all = runtime();
    const std::lock_guard lock(all.mutex);
    auto& mine = all.default_streams[static_cast<std::size_t>(current)];
    if (!mine) mine = std::make_unique<CUstream_st>(*device_now());
    return *mine;
}

/// A fat binary's PTX: entries with a header each, of which kind 1 is text (fatbinary.h's layout, as nvcc writes it).
std::string ptx_of(const unsigned char* data) {
    const auto at = [&](std::size_t offset, auto value) {
        std::memcpy(&value, data + offset, sizeof(value));
        return value;
    };
    if (at(0, std::uint32_t{}) != 0xba55ed50u) return {};
    const std::size_t end = at(6, std::uint16_t{}) + at(8, std::uint64_t{});
    for (std::size_t entry = at(6, std::uint16_t{}); entry + 64 <= end;) {
        const auto kind = at(entry, std::uint16_t{});
        const auto header = at(entry + 4, std::uint32_t{});
        const auto bytes = at(entry + 8, std::uint64_t{});
        const auto* const text = reinterpret_cast<const char*>(data + entry + header);
        if (kind == 1 && std::string_view(text, std::min<std::size_t>(bytes, 4096)).find(".version") != std::string_view::npos) return {text, strnlen(text, bytes)};
        entry += header + bytes;
    }
    return {};
}

/// Null where the program holds no PTX of it. The runtime's lock is held.
const Function* function_of(const void* stub, std::string& why) {
    const auto found = runtime().kernels.find(stub);
    if (found == runtime().kernels.end()) return nullptr;
    auto& binary = *found->second.binary;
    if (!binary.module) binary.module = std::make_unique<Module>(ptx_of(binary.data));
    if (!binary.module->has(found->second.name)) {
        why = "the program holds no uncompressed PTX of " + found->second.name;
        return nullptr;
    }
    try {
        return &binary.module->function(found->second.name);
    } catch (const std::exception& error) {
        why = std::string(error.what()) + ", in " + found->second.name;
        return nullptr;
    }
}

cudaError_t launch(const void* stub, dim3 grid, dim3 block, void** arguments, std::size_t shared, cudaStream_t stream) {
    if (const auto bad = state(); bad != cudaSuccess) return said(bad);
    auto launch = std::make_shared<Launch>();
    {
        const std::lock_guard lock(runtime().mutex);
        std::string why;
        launch->kernel = function_of(stub, why);
        if (!launch->kernel) {
            device_now()->fail(why.empty() ? "a kernel that nobody registered" : why);
            return said(cudaErrorNoKernelImageForDevice);
        }
    }
    if (grid.x == 0 || block.x == 0 || block.x > 1024 || grid.y * grid.z * block.y * block.z != 1 || shared != 0) return said(cudaErrorInvalidConfiguration);
    launch->blocks = grid.x;
    launch->threads = block.x;
    static const auto seed = static_cast<std::uint64_t>(setting("ARCUATE_SOFTWARE_GPU_SEED", 0));
    launch->seed = seed;
    launch->parameters.resize(static_cast<std::size_t>(launch->kernel->parameter_bytes));
    for (std::size_t p = 0; p < launch->kernel->parameters.size(); ++p)
        std::memcpy(launch->parameters.data() + launch->kernel->parameters[p].at, arguments[p], static_cast<std::size_t>(launch->kernel->parameters[p].bytes));
    auto& queue = stream_or_default(stream);
    queue.add([launch, &device = queue.device()] { device.execute(*launch); });
    return cudaSuccess;
}

cudaError_t wait_for_all() {
    std::vector<CUstream_st*> all;
    {
        const std::lock_guard lock(runtime().mutex);
        for (auto* stream : runtime().streams)
            if (&stream->device() == device_now()) all.push_back(stream);
    }
    for (auto* stream : all) stream->wait();
    if (device_now()) stream_or_default(nullptr).wait();
    return state();
}

void copy(SoftwareDevice& device, void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
    const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice, from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
    if ((to_device && !device.holds(to, bytes, true)) || (from_device && !device.holds(from, bytes, false)))
        device.fail("a copy of " + std::to_string(bytes) + " bytes from or to memory that is not the device's");
    else
        std::memcpy(to, from, bytes);
}

thread_local struct {
    dim3 grid, block;
    std::size_t shared = 0;
    cudaStream_t stream = nullptr;
} configuration;

}  // namespace

extern "C" {

// --- what compiled code calls ---

void** __cudaRegisterFatBinary(void* wrapper) {
    struct Wrapper {
        int magic, version;
        const unsigned char* data;
        void* names;
    };
    auto* const binary = new Binary;
    binary->data = static_cast<const Wrapper*>(wrapper)->data;
    return reinterpret_cast<void**>(binary);
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
void __cudaRegisterFunction(void** binary, const char* stub, char*, const char* name, int, uint3*, uint3*, dim3*, dim3*, int*) {
    const std::lock_guard lock(runtime().mutex);
    runtime().kernels[stub] = {reinterpret_cast<Binary*>(binary), name};
}
char __cudaInitModule(void**) { return 1; }
unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, std::size_t shared, struct CUstream_st* stream) {
    configuration = {grid, block, shared, stream};
    return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, std::size_t* shared, void* stream) {
    *grid = configuration.grid;
    *block = configuration.block;
    *shared = configuration.shared;
    *static_cast<cudaStream_t*>(stream) = configuration.stream;
    return cudaSuccess;
}
cudaError_t __cudaGetKernel(const void** kernel, const void* stub) {
    *kernel = stub;
    return cudaSuccess;
}
cudaError_t __cudaLaunchKernel(const void* kernel, dim3 grid, dim3 block, void** arguments, std::size_t shared, cudaStream_t stream) {
    return launch(kernel, grid, block, arguments, shared, stream);
}
cudaError_t cudaLaunchKernel(const void* stub, dim3 grid, dim3 block, void** arguments, std::size_t shared, cudaStream_t stream) {
    return launch(stub, grid, block, arguments, shared, stream);
}

// --- devices ---

cudaError_t cudaGetDeviceCount(int* count) {
    *count = static_cast<int>(runtime().devices.size());
    return *count ? cudaSuccess : said(cudaErrorNoDevice);
}
cudaError_t cudaSetDevice(int device) {
    if (device < 0 || device >= static_cast<int>(runtime().devices.size())) return said(cudaErrorInvalidDevice);
    current = device;
    return said(state());
}
cudaError_t cudaGetDevice(int* device) {
    *device = current;
    return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
    if (device < 0 || device >= static_cast<int>(runtime().devices.size())) return said(cudaErrorInvalidDevice);
    *properties = {};
    std::strcpy(properties->name, "software GPU");
    properties->major = 8;
    properties->multiProcessorCount = multiprocessors;
    properties->totalGlobalMem = runtime().devices[static_cast<std::size_t>(device)]->total();
    properties->l2CacheSize = 1 << 20;
    return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
    *value = attribute == cudaDevAttrMultiProcessorCount ? multiprocessors : attribute == cudaDevAttrMemoryPoolsSupported ? 1 : 0;
    return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int, std::size_t) {
    *blocks = resident_blocks;
    return cudaSuccess;
}
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* stub) {
    *attributes = {};
    const std::lock_guard lock(runtime().mutex);
    std::string why;
    return function_of(stub, why) ? cudaSuccess : said(cudaErrorNoKernelImageForDevice);
}
cudaError_t cudaDeviceSynchronize() { return said(wait_for_all()); }
cudaError_t cudaRuntimeGetVersion(int* version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) { return cudaRuntimeGetVersion(version); }
cudaError_t cudaGetLastError() { return std::exchange(last, cudaSuccess); }
cudaError_t cudaPeekAtLastError() { return last; }
const char* cudaGetErrorString(cudaError_t error) {
    switch (error) {
        case cudaSuccess:
            return "no error";
        case cudaErrorMemoryAllocation:
            return "out of memory";
        case cudaErrorInvalidValue:
            return "invalid argument";
        case cudaErrorNoDevice:
            return "no CUDA-capable device is detected";
        case cudaErrorInvalidDevice:
            return "invalid device ordinal";
        case cudaErrorLaunchFailure:
            return "unspecified launch failure";
        case cudaErrorNoKernelImageForDevice:
            return "no kernel image is available for execution on the device";
        case cudaErrorInvalidConfiguration:
            return "invalid configuration argument";
        default:
            return "unrecognized error code";
    }
}

// --- streams and events ---

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
    *least = 0;
    *greatest = -1;
    return cudaSuccess;
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned, int) {
    if (!device_now()) return said(cudaErrorNoDevice);
    *stream = new CUstream_st(*device_now());
    const std::lock_guard lock(runtime().mutex);
    runtime().streams.insert(*stream);
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    stream_or_default(stream).wait();
    return said(stream_or_default(stream).device().failed() ? cudaErrorLaunchFailure : cudaSuccess);
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    {
        const std::lock_guard lock(runtime().mutex);
        runtime().streams.erase(stream);
    }
    delete stream;
    return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
    *event = new CUevent_st;
    return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, 0); }
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    auto& queue = stream_or_default(stream);
    const std::lock_guard lock(event->mutex);
    event->when = std::make_shared<std::chrono::steady_clock::time_point>();
    event->stream = &queue;
    event->task = queue.add([when = event->when] { *when = std::chrono::steady_clock::now(); });
    return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    SoftwareStream* stream = nullptr;
    std::uint64_t task = 0;
    {
        const std::lock_guard lock(event->mutex);
        stream = event->stream;
        task = event->task;
    }
    if (!stream) return cudaSuccess;
    stream->wait_for(task);
    return said(stream->device().failed() ? cudaErrorLaunchFailure : cudaSuccess);
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t from, cudaEvent_t to) {
    *milliseconds = std::chrono::duration<float, std::milli>(*to->when - *from->when).count();
    return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
    delete event;
    return cudaSuccess;
}

// --- memory ---

cudaError_t cudaMemGetInfo(std::size_t* left, std::size_t* total) {
    if (!device_now()) return said(cudaErrorNoDevice);
    *left = device_now()->left();
    *total = device_now()->total();
    return cudaSuccess;
}
cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
    if (const auto bad = state(); bad != cudaSuccess) return said(bad);
    *memory = device_now()->allocate(bytes);
    return *memory ? cudaSuccess : said(cudaErrorMemoryAllocation);
}
cudaError_t cudaFree(void* memory) {
    if (!memory) return cudaSuccess;
    wait_for_all();
    if (!device_now()->give_back(memory)) return said(cudaErrorInvalidValue);
    return cudaSuccess;
}
cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
    *memory = std::malloc(bytes);
    return *memory ? cudaSuccess : said(cudaErrorMemoryAllocation);
}
cudaError_t cudaFreeHost(void* memory) {
    std::free(memory);
    return cudaSuccess;
}
cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* properties) {
    *pool = new CUmemPoolHandle_st{properties->location.id};
    return cudaSuccess;
}
cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) {
    delete pool;
    return cudaSuccess;
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return cudaSuccess; }
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t, cudaMemPoolAttr, void* value) {
    *static_cast<std::uint64_t*>(value) = 0;
    return cudaSuccess;
}
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, std::size_t) { return cudaSuccess; }
cudaError_t cudaMallocFromPoolAsync(void** memory, std::size_t bytes, cudaMemPool_t pool, cudaStream_t) {
    auto& device = *runtime().devices[static_cast<std::size_t>(pool->device)];
    if (device.failed()) return said(cudaErrorLaunchFailure);
    *memory = device.allocate(bytes);
    return *memory ? cudaSuccess : said(cudaErrorMemoryAllocation);
}
cudaError_t cudaFreeAsync(void* memory, cudaStream_t stream) {
    auto& queue = stream_or_default(stream);
    queue.add([memory, &device = queue.device()] {
        if (!device.give_back(memory)) device.fail("memory is given back that is not the device's");
    });
    return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    auto& queue = stream_or_default(stream);
    queue.add([=, &device = queue.device()] { copy(device, to, from, bytes, kind); });
    return cudaSuccess;
}
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
    if (!device_now()) return said(cudaErrorNoDevice);
    cudaMemcpyAsync(to, from, bytes, kind, nullptr);
    return cudaStreamSynchronize(nullptr);
}
cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream) {
    auto& queue = stream_or_default(stream);
    queue.add([=, &device = queue.device()] {
        if (device.holds(memory, bytes, true))
            std::memset(memory, value, bytes);
        else
            device.fail("memory is cleared that is not the device's");
    });
    return cudaSuccess;
}
cudaError_t cudaMemset(void* memory, int value, std::size_t bytes) {
    if (!device_now()) return said(cudaErrorNoDevice);
    cudaMemsetAsync(memory, value, bytes, nullptr);
    return cudaStreamSynchronize(nullptr);
}

}  // extern "C"
