// Where computations run: the processor's cores or a CUDA device. Results are the same bytes on either.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace arcuate {

/// Of a stream's kernels, where several have something to do.
enum class Priority { normal, high };

/// A place to compute on. Cheap to copy; copies share the same threads or stream.
class Device {
  public:
    /// `spec`: "auto" (the first usable CUDA device, else the CPU), "cpu", "cuda", "cuda:N".
    /// `threads`: CPU threads for host work and for the CPU backend; 0 means as many as the machine has.
    /// `memory`: bytes that may be allocated on it, all copies together; more is refused as if the device had no more.
    /// Throws DeviceError with what to do where the device is missing or unusable, InputError for a spec that is none of these.
    static Device open(const std::string& spec = "cpu", int threads = 0, std::int64_t memory = no_limit);

    /// Several, as "cuda:0,1" or "cpu,cpu"; CPU devices share the threads.
    static std::vector<Device> open_all(const std::string& spec, int threads = 0, std::int64_t memory = no_limit);
    static constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();

    bool is_cuda() const;
    int threads() const;
    /// "cpu (16 threads)", "cuda:0 (NVIDIA H200)".
    std::string name() const;
    /// Bytes that may be allocated now.
    std::int64_t free_memory() const;

    /// The same device, with its memory limit and its threads, and a stream of its own: kernels and copies of the one overlap with those of the other. Buffers that were filled by the host are
    /// there for both; what a kernel writes is there for the other stream after synchronize(). Memory must outlive the kernels that use it, on whichever stream.
    Device with_own_stream(Priority priority = Priority::normal) const;
    /// Waits for all that was launched on its stream.
    void synchronize() const;
    /// Whether both are one device, be it with streams of their own.
    bool is_same(const Device& other) const { return impl_ == other.impl_; }

    struct Impl;
    const Impl& impl() const { return *impl_; }
    class Stream;
    /// Of a CUDA device.
    Stream& stream() const { return *stream_; }

  private:
    std::shared_ptr<Impl> impl_;
    std::shared_ptr<Stream> stream_;  ///< null on the CPU backend
};

/// One CUDA device as the driver describes it.
struct CudaDeviceInfo {
    int index = 0;
    std::string name;
    int compute_major = 0, compute_minor = 0;
    int multiprocessors = 0;
    std::int64_t total_memory = 0;  ///< bytes
    std::int64_t free_memory = 0;   ///< bytes
    std::int64_t l2_cache = 0;      ///< bytes
    bool has_code = false;          ///< this build holds code that runs on it
};

/// What this build and this machine offer, for `arcuate doctor`.
struct BackendReport {
    bool built_with_cuda = false;
    std::string cuda_runtime;       ///< "13.0" or empty
    std::string cuda_driver;        ///< "13.0" or empty where no driver answers
    std::string cuda_problem;       ///< why no CUDA device can be used; empty where one can
    std::vector<CudaDeviceInfo> cuda_devices;
    std::string thrust;             ///< version of Thrust
    std::string tbb;                ///< version of oneTBB
    int hardware_threads = 0;
    std::int64_t host_memory = 0;   ///< bytes
    std::string cpu_name;
    std::string cpu_arch;           ///< instruction set this build was made for
    bool cpu_supported = true;      ///< this processor has that instruction set
};
BackendReport inspect_backends();

}  // namespace arcuate
