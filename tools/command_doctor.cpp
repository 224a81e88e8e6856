// arcuate doctor: what this machine has, and what will run.
#include "arcuate/backend/device.hpp"
#include "command.hpp"

#include <fmt/format.h>

namespace arcuate::tools {

namespace {
double gib(std::int64_t bytes) { return static_cast<double>(bytes) / (1 << 30); }
}  // namespace

void add_doctor(CLI::App& root) {
    add_command(root, "doctor", "what this machine has: devices, driver, memory, versions, and what will run",
                "Example:\n  arcuate doctor", [](Run& run) {
                    const BackendReport r = inspect_backends();
                    fmt::print("arcuate    {}\n", version());
                    fmt::print("processor  {}, {} threads, {:.1f} GiB\n", r.cpu_name, r.hardware_threads, gib(r.host_memory));
                    fmt::print("cpu        built for {}, oneTBB {}, Thrust {}\n", r.cpu_arch, r.tbb, r.thrust);
                    if (!r.built_with_cuda)
                        fmt::print("cuda       not in this build (configure with -DARCUATE_CUDA=ON where nvcc is)\n");
                    else
                        fmt::print("cuda       runtime {}, driver {}{}\n", r.cuda_runtime, r.cuda_driver.empty() ? "none" : "for CUDA up to " + r.cuda_driver,
                                   r.cuda_problem.empty() ? "" : "; no device can be used: " + r.cuda_problem);
                    for (const auto& d : r.cuda_devices)
                        fmt::print("cuda:{}     {}, compute capability {}.{}, {} multiprocessors, {:.1f} of {:.1f} GiB free, {} MiB L2{}\n", d.index, d.name,
                                   d.compute_major, d.compute_minor, d.multiprocessors, gib(d.free_memory), gib(d.total_memory), d.l2_cache >> 20,
                                   d.has_code ? "" : "; this build has no code for it");
                    fmt::print("will run   --device {} means {}\n", run.device_spec, run.device().name());
                });
}

}  // namespace arcuate::tools
