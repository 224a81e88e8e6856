// Compiled with ARCUATE_LANES_APART, under another name for the kernels' namespace: its functions must not meet those of the rest of the program.
#include "msmt_apart.hpp"

#include "lanes_apart.hpp"

#define ARCUATE_LANES_APART
#define kernels kernels_apart
#include "kernels/msmt_csd.hpp"

#include <cstring>
#include <memory>

void estimate_msmt_apart(const void* kernel, std::int64_t voxels, bool backwards) {
    using Kernel = arcuate::kernels_apart::EstimateMsmt<48>;
    Kernel run;
    std::memcpy(&run, kernel, sizeof run);
    const auto room = std::make_unique<Kernel::Room>();
    lanes_apart::run(Kernel::team_lanes, backwards, [&] {
        for (std::int64_t v = 0; v < voxels; ++v) run(v, *room);
    });
}
