// Local models on one thread, per voxel: fits through the public functions, gathering of the signals included. items_per_second: voxels.
#include "arcuate/core/directions.hpp"
#include "arcuate/dwi/bootstrap.hpp"
#include "arcuate/dwi/fixels.hpp"
#include "arcuate/dwi/fod.hpp"
#include "arcuate/dwi/kurtosis.hpp"
#include "arcuate/dwi/msmt.hpp"
#include "arcuate/dwi/tensor.hpp"
#include "kernels/sh_basis.hpp"
#include "synthetic.hpp"

#include <benchmark/benchmark.h>

#include <cmath>

namespace arcuate::bench {
namespace {

/// Every n-th voxel of a mask.
Mask thinned(Mask mask, int n) {
    int seen = 0;
    for (auto& inside : mask.data)
        if (inside) inside = seen++ % n == 0;
    return mask;
}

/// Runs `fit(mask)` over the thinned mask.
template <class Fit>
void over_voxels(benchmark::State& state, const Mask& mask, const Fit& fit) {
    const auto voxels = static_cast<std::int64_t>(voxels_inside(mask, "the benchmark's mask").size());
    for (auto _ : state) {
        auto result = fit(mask);
        benchmark::DoNotOptimize(result);
    }
    state.SetItemsProcessed(state.iterations() * voxels);
}
#define BENCH_VOXELS(name) BENCHMARK(name)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()

/// Zonal harmonics of S0 exp(-b (radial + (axial - radial) z^2)), by the midpoint rule.
dwi::Response response(double b, double axial, double radial, int lmax) {
    dwi::Response out(static_cast<std::size_t>(lmax / 2 + 1), 0.0);
    constexpr int points = 400;
    for (int i = 0; i < points; ++i) {
        const double z = -1 + (i + 0.5) * 2 / points;
        double zonal[5];
        kernels::zonal_basis<8, double>(z, zonal);
        const double signal = phantom::s0_nominal * std::exp(-b * (radial + (axial - radial) * z * z));
        for (std::size_t l = 0; l < out.size(); ++l) out[l] += 2 * 3.14159265358979 * signal * zonal[l] * 2 / points;
    }
    return out;
}

void tensor_iwls(benchmark::State& state) {
    const auto& p = one_shell();
    const Series dwi = p.sessions[0].dwi;
    over_voxels(state, p.mask, [&](const Mask& mask) { return dwi::fit_tensor(dwi, p.gradients, mask, {}, processor()); });
}
BENCH_VOXELS(tensor_iwls);

void bootstrap_100_replicates(benchmark::State& state) {
    const auto& p = one_shell();
    const Series dwi = p.sessions[0].dwi;
    over_voxels(state, thinned(p.mask, 10), [&](const Mask& mask) { return dwi::bootstrap_tensor(dwi, p.gradients, mask, {.replicates = 100}, processor()); });
}
BENCH_VOXELS(bootstrap_100_replicates);

void kurtosis(benchmark::State& state) {
    const auto& p = three_shells();
    const Series dwi = p.sessions[0].dwi;
    over_voxels(state, thinned(p.mask, 10), [&](const Mask& mask) { return dwi::fit_kurtosis(dwi, p.gradients, mask, {}, processor()); });
}
BENCH_VOXELS(kurtosis);

void csd_lmax8(benchmark::State& state) {
    const auto& p = one_shell();
    const Series dwi = p.sessions[0].dwi;
    const auto tensor = phantom::tensor_with(0.6, phantom::mean_diffusivity);
    const auto shape = response(2000, tensor.axial, tensor.radial, 8);
    const dwi::FodOptions options{.lmax = 8, .directions = repelled_directions(300)};
    over_voxels(state, thinned(p.mask, 4), [&](const Mask& mask) { return dwi::estimate_fod(dwi, p.gradients, mask, shape, options, processor()); });
}
BENCH_VOXELS(csd_lmax8);

void msmt_csd_three_tissues(benchmark::State& state) {
    const auto& p = three_shells();
    const Series dwi = p.sessions[0].dwi;
    const auto tensor = phantom::tensor_with(0.6, phantom::mean_diffusivity);
    std::vector<dwi::Tissue> tissues{{"wm", {}}, {"gm", {}}, {"csf", {}}};
    for (const double b : {0.0, 700.0, 1200.0, 2800.0}) {
        tissues[0].shells.push_back(response(b, tensor.axial, tensor.radial, 8));
        tissues[1].shells.push_back(response(b, phantom::mean_diffusivity, phantom::mean_diffusivity, 0));
        tissues[2].shells.push_back(response(b, phantom::fluid_diffusivity, phantom::fluid_diffusivity, 0));
    }
    dwi::MsmtOptions options;
    options.directions = repelled_directions(300);
    over_voxels(state, thinned(p.mask, 10), [&](const Mask& mask) { return dwi::estimate_msmt_fod(dwi, p.gradients, mask, tissues, options, processor()); });
}
BENCH_VOXELS(msmt_csd_three_tissues);

void segment_fods(benchmark::State& state) {
    over_voxels(state, brain().mask, [&](const Mask&) { return dwi::segment_fods(brain().fod, {}, processor()); });
}
BENCH_VOXELS(segment_fods);

}  // namespace
}  // namespace arcuate::bench
