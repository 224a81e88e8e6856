// What `arcuate doctor` prints about the backends.
#include "backend/device_impl.hpp"

#include <fmt/format.h>
#include <oneapi/tbb/version.h>
#include <thrust/version.h>
#include <unistd.h>

#include <fstream>
#include <thread>

namespace arcuate {

namespace {
std::string processor_name() {
    std::ifstream in("/proc/cpuinfo");
    for (std::string line; std::getline(in, line);)
        if (line.starts_with("model name")) {
            const auto colon = line.find(": ");
            return colon == std::string::npos ? line : line.substr(colon + 2);
        }
    return "unknown";
}
}  // namespace

BackendReport inspect_backends() {
    BackendReport report;
    detail::inspect_cuda(report);
    report.thrust = fmt::format("{}.{}.{}", THRUST_MAJOR_VERSION, THRUST_MINOR_VERSION, THRUST_SUBMINOR_VERSION);
    report.tbb = fmt::format("{}.{}", TBB_VERSION_MAJOR, TBB_VERSION_MINOR);
    report.hardware_threads = static_cast<int>(std::thread::hardware_concurrency());
    report.host_memory = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
    report.cpu_name = processor_name();
    report.cpu_arch = ARCUATE_CPU_ARCH;
    return report;
}

}  // namespace arcuate
