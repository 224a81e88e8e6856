// The CUDA backend: memory, copies and streams of a device.
#include "arcuate/core/error.hpp"
#include "backend/cuda_check.hpp"
#include "backend/device_impl.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
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

namespace {

/// Callers' memory is pageable, which the device cannot reach: copies go through two pinned pieces, of which it fills or empties one while the host does the other.
class CudaStream : public Device::Stream {
  public:
    CudaStream(int device, Priority priority) : device_(device) {
        check(cudaSetDevice(device_), "selecting it");
        int least = 0, greatest = 0;
        check(cudaDeviceGetStreamPriorityRange(&least, &greatest), "asking for its priorities");
        check(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking, priority == Priority::high ? greatest : least), "creating a stream");
    }
    ~CudaStream() override {
        cudaStreamSynchronize(stream_);  // whose memory others may take then
        for (const auto& piece : pieces_) {
            if (piece.done) cudaEventDestroy(piece.done);
            if (piece.memory) cudaFreeHost(piece.memory);
        }
        cudaStreamDestroy(stream_);
    }

    cudaStream_t get() const { return stream_; }

    void copy_to_device(void* to, const void* from, std::size_t bytes) {
        const std::lock_guard lock(mutex_);
        open_pieces();
        for (std::size_t at = 0; at < bytes; at += piece_bytes) {
            const Piece& piece = piece_at(at);
            const std::size_t n = std::min(piece_bytes, bytes - at);
            if (at >= 2 * piece_bytes) wait(piece);
            std::memcpy(piece.memory, static_cast<const char*>(from) + at, n);
            start(piece, static_cast<char*>(to) + at, piece.memory, n, cudaMemcpyHostToDevice);
        }
        synchronize();
    }

    void copy_to_host(void* to, const void* from, std::size_t bytes) {
        const std::lock_guard lock(mutex_);
        open_pieces();
        const auto ask = [&](std::size_t at) {
            if (at < bytes) start(piece_at(at), piece_at(at).memory, static_cast<const char*>(from) + at, std::min(piece_bytes, bytes - at), cudaMemcpyDeviceToHost);
        };
        ask(0);
        for (std::size_t at = 0; at < bytes; at += piece_bytes) {
            ask(at + piece_bytes);
            wait(piece_at(at));
            std::memcpy(static_cast<char*>(to) + at, piece_at(at).memory, std::min(piece_bytes, bytes - at));
        }
    }

    void synchronize() const { check(cudaStreamSynchronize(stream_), "waiting for its kernels"); }

  private:
    static constexpr std::size_t piece_bytes = 2 << 20;
    struct Piece {
        void* memory = nullptr;
        cudaEvent_t done = nullptr;  ///< its last copy
    };

    void open_pieces() {
        check(cudaSetDevice(device_), "selecting it");
        for (auto& piece : pieces_) {
            if (!piece.memory) check(cudaMallocHost(&piece.memory, piece_bytes), "pinning host memory");
            // A thread that waits for a chunk's streamlines leaves its core to others.
            if (!piece.done) check(cudaEventCreateWithFlags(&piece.done, cudaEventBlockingSync | cudaEventDisableTiming), "creating an event");
        }
    }
    const Piece& piece_at(std::size_t at) const { return pieces_[at / piece_bytes % 2]; }
    void start(const Piece& piece, void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
        check(cudaMemcpyAsync(to, from, bytes, kind, stream_), "copying");
        check(cudaEventRecord(piece.done, stream_), "copying");
    }
    static void wait(const Piece& piece) { check(cudaEventSynchronize(piece.done), "waiting for its kernels"); }

    int device_;
    cudaStream_t stream_ = nullptr;
    std::array<Piece, 2> pieces_;
    std::mutex mutex_;
};

CudaStream& cuda_stream(const Device& device) { return static_cast<CudaStream&>(device.stream()); }

/// Of the device, for memory in the order of streams: what is given back stays, and is taken again without asking the driver. A stream never waits for another one's memory.
cudaMemPool_t open_pool(int device) {
    int supported = 0;
    check(cudaDeviceGetAttribute(&supported, cudaDevAttrMemoryPoolsSupported, device), "reading its properties");
    if (!supported) return nullptr;
    cudaMemPoolProps properties{};
    properties.allocType = cudaMemAllocationTypePinned;
    properties.location = {cudaMemLocationTypeDevice, device};
    cudaMemPool_t pool = nullptr;
    check(cudaMemPoolCreate(&pool, &properties), "making a memory pool");
    std::uint64_t keep = UINT64_MAX;
    int never = 0;
    check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep), "making a memory pool");
    check(cudaMemPoolSetAttribute(pool, cudaMemPoolReuseAllowInternalDependencies, &never), "making a memory pool");
    return pool;
}

cudaMemPool_t pool_of(const Device& device) { return static_cast<cudaMemPool_t>(device.impl().pool); }

}  // namespace

cudaStream_t stream_of(const Device& device) { return cuda_stream(device).get(); }

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
    impl.pool = open_pool(impl.cuda_index);
}

void close_cuda(Device::Impl& impl) noexcept {
    if (impl.pool) cudaMemPoolDestroy(static_cast<cudaMemPool_t>(impl.pool));
}

std::shared_ptr<Device::Stream> open_stream(const Device::Impl& impl, Priority priority) { return std::make_shared<CudaStream>(impl.cuda_index, priority); }

void cuda_synchronize(const Device& device) { cuda_stream(device).synchronize(); }

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
    std::uint64_t held = 0, used = 0;
    if (const auto pool = pool_of(device)) {
        check(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReservedMemCurrent, &held), "asking for its memory");
        check(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &used), "asking for its memory");
    }
    return static_cast<std::int64_t>(free + (held > used ? held - used : 0));
}

void* cuda_allocate(const Device& device, std::size_t bytes) {
    select(device);
    const auto pool = pool_of(device);
    void* memory = nullptr;
    const auto ask = [&] { return pool ? cudaMallocFromPoolAsync(&memory, bytes, pool, stream_of(device)) : cudaMalloc(&memory, bytes); };
    // Of what no device has, a pool says that the value is invalid.
    const auto none_left = [](cudaError_t status) { return status == cudaErrorMemoryAllocation || status == cudaErrorInvalidValue; };
    auto status = ask();
    if (pool && none_left(status)) {
        // What other streams gave back is there once they have come so far, and what the pool keeps in pieces becomes one.
        cudaGetLastError();
        cudaDeviceSynchronize();
        cudaMemPoolTrimTo(pool, 0);
        cudaGetLastError();
        status = ask();
    }
    if (none_left(status)) {
        cudaGetLastError();
        throw DeviceError("not enough memory on " + device.name() + " (" + std::to_string(bytes >> 20) +
                          " MiB asked for); use a smaller --chunk, another device, or --device cpu");
    }
    check(status, "allocating memory");
    return memory;
}

void cuda_release(const Device& device, void* memory) noexcept {
    cudaSetDevice(device.impl().cuda_index);
    if (device.impl().pool)
        cudaFreeAsync(memory, stream_of(device));
    else
        cudaFree(memory);
}

void cuda_copy_to_device(const Device& device, void* to, const void* from, std::size_t bytes) { cuda_stream(device).copy_to_device(to, from, bytes); }
void cuda_copy_to_host(const Device& device, void* to, const void* from, std::size_t bytes) { cuda_stream(device).copy_to_host(to, from, bytes); }

void cuda_fill_zero(const Device& device, void* memory, std::size_t bytes) {
    select(device);
    check(cudaMemsetAsync(memory, 0, bytes, stream_of(device)), "clearing memory");
    cuda_synchronize(device);
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
