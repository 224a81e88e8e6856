// Kernels that go over whole images, on one thread, through the public functions. items_per_second: what each says.
#include "arcuate/dwi/fixels.hpp"
#include "arcuate/dwi/response.hpp"
#include "arcuate/dwi/tensor.hpp"
#include "arcuate/registration/rigid.hpp"
#include "arcuate/registration/turn.hpp"
#include "arcuate/weights/voxel_tissues.hpp"
#include "synthetic.hpp"

#include <benchmark/benchmark.h>

namespace arcuate::bench {
namespace {

#define BENCH_IMAGES(name) BENCHMARK(name)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()

/// A tilt and a shift of the size of a head's between two scans.
const Affine& motion() {
    static const Affine moved{{{{0.9994, -0.0262, 0.0218}, {0.0268, 0.9993, -0.0257}, {-0.0211, 0.0263, 0.9994}}}, {2.1, -1.3, 0.8}};
    return moved;
}

ScalarImage tissue(std::int64_t volume) {
    ScalarImage out(brain().tissues.grid, 1);
    for (std::int64_t v = 0; v < out.grid.voxels(); ++v) out.at(v) = brain().tissues.at(v, volume);
    return out;
}

/// Items: values simulated.
void simulate_signal(benchmark::State& state) {
    std::int64_t values = 0;
    for (auto _ : state) values += static_cast<std::int64_t>(phantom::make_phantom({.sessions = 1, .voxel_size = 3}, processor()).sessions[0].dwi.data.size());
    state.SetItemsProcessed(values);
}
BENCH_IMAGES(simulate_signal);

/// Peaks of every voxel's FOD, again and again, as the choice of single-fibre voxels needs them. Items: voxels.
void response_tournier(benchmark::State& state) {
    const auto& p = one_shell();
    const Series dwi = p.sessions[0].dwi;
    const auto voxels = static_cast<std::int64_t>(voxels_inside(p.mask, "the benchmark's mask").size());
    for (auto _ : state) benchmark::DoNotOptimize(dwi::estimate_response(dwi, p.gradients, p.mask, {}, processor()).iterations);
    state.SetItemsProcessed(state.iterations() * voxels);
}
BENCH_IMAGES(response_tournier);

/// Items: voxels.
void tensor_positive(benchmark::State& state) {
    const auto& p = one_shell();
    const Series dwi = p.sessions[0].dwi;
    const auto voxels = static_cast<std::int64_t>(voxels_inside(p.mask, "the benchmark's mask").size());
    dwi::TensorOptions options;
    options.positive = true;
    for (auto _ : state) benchmark::DoNotOptimize(dwi::fit_tensor(dwi, p.gradients, p.mask, options, processor()).fitted);
    state.SetItemsProcessed(state.iterations() * voxels);
}
BENCH_IMAGES(tensor_positive);

/// Items: voxels with a FOD.
void fibre_density_of_fixels(benchmark::State& state) {
    static const auto fixels = dwi::segment_fods(brain().fod, {.dilate_lookup = false}, processor());
    const auto voxels = static_cast<std::int64_t>(voxels_inside(brain().mask, "the benchmark's mask").size());
    for (auto _ : state) benchmark::DoNotOptimize(dwi::fibre_density_of(brain().fod, fixels, processor()).size());
    state.SetItemsProcessed(state.iterations() * voxels);
}
BENCH_IMAGES(fibre_density_of_fixels);

/// Items: voxels.
void tissues_of_voxels(benchmark::State& state) {
    const Grid grid = registration::moved(brain().tissues.grid, motion());
    for (auto _ : state) benchmark::DoNotOptimize(weights::voxel_tissues(brain().tissues, grid, processor()).weight.size());
    state.SetItemsProcessed(state.iterations() * grid.voxels());
}
BENCH_IMAGES(tissues_of_voxels);

/// Items: voxels.
void resample_linear(benchmark::State& state) {
    const auto image = tissue(2);
    for (auto _ : state) benchmark::DoNotOptimize(registration::resampled(image, motion(), image.grid, processor()).data.data());
    state.SetItemsProcessed(state.iterations() * image.grid.voxels());
}
BENCH_IMAGES(resample_linear);

/// Items: voxels.
void resample_labels(benchmark::State& state) {
    const auto& labels = brain().parcellation.labels;
    for (auto _ : state) benchmark::DoNotOptimize(registration::resampled(labels, motion(), labels.grid, processor()).data.data());
    state.SetItemsProcessed(state.iterations() * labels.grid.voxels());
}
BENCH_IMAGES(resample_labels);

/// The FODs of a brain turned along. Items: voxels.
void turn_fods(benchmark::State& state) {
    auto fod = brain().fod;
    for (auto _ : state) registration::move_image(fod, registration::Kind::fod, motion(), processor());
    state.SetItemsProcessed(state.iterations() * fod.grid.voxels());
}
BENCH_IMAGES(turn_fods);

/// Two sessions from grids of 8 mm to their voxels of 4 mm. Items: registrations.
void register_two_sessions(benchmark::State& state) {
    std::vector<registration::RigidInput> sessions(2, {"a session", tissue(2), brain().mask});
    registration::move_image(sessions[1].image, registration::Kind::scalar, motion(), processor());
    sessions[1].mask->grid = sessions[1].image.grid;
    for (auto _ : state) benchmark::DoNotOptimize(registration::place_rigid(sessions, {}, processor()).iterations);
    state.SetItemsProcessed(state.iterations());
}
BENCH_IMAGES(register_two_sessions);

}  // namespace
}  // namespace arcuate::bench
