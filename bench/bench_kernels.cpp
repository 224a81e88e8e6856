// Speed of the kernels' arithmetic on one thread, beside libm's where libm has the function. items_per_second: values, blocks or directions.
#include "kernels/philox.hpp"
#include "kernels/sh_basis.hpp"

#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

namespace k = arcuate::kernels;

namespace {

constexpr int n = 4096;  // floats in, floats out: 32 KiB, in the first-level cache of most processors

/// n numbers, uniform in [low, high).
std::vector<float> inputs(float low, float high) {
    std::vector<float> values(n);
    for (int i = 0; i < n; ++i)
        values[static_cast<std::size_t>(i)] =
            low + (high - low) * k::uniform(k::Philox{1, static_cast<std::uint64_t>(i), k::Purpose::noise, 0}(0).v[0]);
    return values;
}

/// out[i] = function(in[i]) over an array.
template <class Function>
void over_array(benchmark::State& state, float low, float high, const Function& function) {
    const auto in = inputs(low, high);
    std::vector<float> out(n);
    const float* from = in.data();
    float* to = out.data();
    for (auto _ : state) {
        for (int i = 0; i < n; ++i) to[i] = function(from[i]);
        benchmark::DoNotOptimize(to);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * n);
}

#define BENCH_OVER_ARRAY(name, low, high, expression) \
    void name(benchmark::State& state) { over_array(state, low, high, [](float x) { return expression; }); } \
    BENCHMARK(name)

BENCH_OVER_ARRAY(exp_kernels, -80.0f, 80.0f, k::exp(x));
BENCH_OVER_ARRAY(exp_libm, -80.0f, 80.0f, std::exp(x));
BENCH_OVER_ARRAY(log_kernels, 1e-6f, 1e3f, k::log(x));
BENCH_OVER_ARRAY(log_libm, 1e-6f, 1e3f, std::log(x));
BENCH_OVER_ARRAY(pow_kernels, 1e-6f, 1e3f, k::pow(x, 0.25f));
BENCH_OVER_ARRAY(pow_libm, 1e-6f, 1e3f, std::pow(x, 0.25f));
BENCH_OVER_ARRAY(sin_plus_cos_kernels, -7.0f, 7.0f, k::sin(x) + k::cos(x));
BENCH_OVER_ARRAY(sin_plus_cos_libm, -7.0f, 7.0f, std::sin(x) + std::cos(x));
BENCH_OVER_ARRAY(acos_kernels, -1.0f, 1.0f, k::acos(x));
BENCH_OVER_ARRAY(acos_libm, -1.0f, 1.0f, std::acos(x));

void philox_block(benchmark::State& state) {
    std::uint32_t draw = 0;
    for (auto _ : state) {
        auto block = k::Philox{1, 2, k::Purpose::forward_half, 3}(draw++);
        benchmark::DoNotOptimize(block);
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(philox_block);

void philox_direction(benchmark::State& state) {
    std::uint32_t draw = 0;
    for (auto _ : state) {
        const auto block = k::Philox{1, 2, k::Purpose::seed, 3}(draw++);
        k::Vec3 d;
        k::uniform_direction(block.v[0], block.v[1], d.x, d.y, d.z);
        benchmark::DoNotOptimize(d);
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(philox_direction);

template <int Lmax, class T>
void sh_basis(benchmark::State& state) {
    T x = T(0.36), y = T(0.48), z = T(0.8);
    T values[arcuate::sh_count(Lmax)];
    for (auto _ : state) {
        benchmark::DoNotOptimize(x);
        benchmark::DoNotOptimize(y);
        benchmark::DoNotOptimize(z);
        k::sh_basis<Lmax, T>(x, y, z, values);
        benchmark::DoNotOptimize(values);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(sh_basis<4, float>);
BENCHMARK(sh_basis<8, float>);
BENCHMARK(sh_basis<8, double>);

}  // namespace
