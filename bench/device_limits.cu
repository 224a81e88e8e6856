// What a CUDA device can do at most, measured: bytes copied a second and fused multiply-adds a second, the ceilings that gpu.sh holds its figures against.
//     device_limits [N]     prints one JSON object about device N (default 0)
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace {

void check(cudaError_t status, const char* doing) {
    if (status == cudaSuccess) return;
    std::fprintf(stderr, "device_limits: %s: %s\n", doing, cudaGetErrorString(status));
    std::exit(1);
}

constexpr int threads = 256, chains = 8, turns = 4096, repeats = 7;

/// Eight chains of fma per thread, none of which waits for another; 2 * chains * turns operations a thread.
template <class T>
__global__ void multiply_add(T* out, T a, T b) {
    T x[chains];
    for (int c = 0; c < chains; ++c) x[c] = static_cast<T>(threadIdx.x + c);
#pragma unroll 16
    for (int t = 0; t < turns; ++t)
#pragma unroll
        for (int c = 0; c < chains; ++c) x[c] = fma(x[c], a, b);
    T sum = 0;
    for (int c = 0; c < chains; ++c) sum += x[c];
    if (sum == static_cast<T>(-1)) *out = sum;  // never, but the compiler does not know
}

/// 16-byte loads, past the first-level cache, of `count` values (a power of two) that all blocks read again and again.
__global__ void read_again(const float4* from, int count, int rounds, float* out) {
    float sum = 0;
    for (int r = 0; r < rounds; ++r)
        for (int i = (blockIdx.x * 977 + r * 4099) * threads + threadIdx.x, k = 0; k < 64; ++k, i += gridDim.x * threads) {
            const float4 v = __ldcg(from + (i & (count - 1)));
            sum += v.x + v.y + v.z + v.w;
        }
    if (sum == -1.0f) *out = sum;
}

/// Median seconds of several runs, after one that is not counted.
template <class Run>
double seconds_of(Run run) {
    cudaEvent_t begin, end;
    check(cudaEventCreate(&begin), "creating an event");
    check(cudaEventCreate(&end), "creating an event");
    double all[repeats];
    for (int r = -1; r < repeats; ++r) {
        check(cudaEventRecord(begin), "recording an event");
        run();
        check(cudaEventRecord(end), "recording an event");
        check(cudaEventSynchronize(end), "running");
        check(cudaGetLastError(), "launching");
        float ms = 0;
        check(cudaEventElapsedTime(&ms, begin, end), "reading the time");
        if (r >= 0) all[r] = 1e-3 * static_cast<double>(ms);
    }
    std::sort(all, all + repeats);
    return all[repeats / 2];
}

}  // namespace

int main(int argc, char** argv) {
    const int device = argc > 1 ? std::atoi(argv[1]) : 0;
    check(cudaSetDevice(device), "selecting the device");
    cudaDeviceProp p{};
    check(cudaGetDeviceProperties(&p, device), "reading its properties");
    const int blocks = p.multiProcessorCount * 8;

    constexpr std::size_t bytes = std::size_t{2} << 30;  // far more than any second-level cache
    char *from = nullptr, *to = nullptr;
    check(cudaMalloc(&from, bytes), "allocating");
    check(cudaMalloc(&to, bytes), "allocating");
    check(cudaMemset(from, 1, bytes), "filling");
    const double copy = seconds_of([&] { check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice), "copying"); });
    int cached = 1 << 14;  // 256 KiB, and at most a quarter of the second-level cache, so that each half of it may hold its own copy
    while (2 * cached * static_cast<int>(sizeof(float4)) <= p.l2CacheSize / 4) cached *= 2;
    constexpr int rounds = 64;
    const double again = seconds_of([&] { read_again<<<blocks, threads>>>(reinterpret_cast<const float4*>(from), cached, rounds, reinterpret_cast<float*>(to)); });
    const double single = seconds_of([&] { multiply_add<float><<<blocks, threads>>>(reinterpret_cast<float*>(to), 0.999f, 1e-3f); });
    const double twice = seconds_of([&] { multiply_add<double><<<blocks, threads>>>(reinterpret_cast<double*>(to), 0.999, 1e-3); });

    const double lanes = static_cast<double>(blocks) * threads;
    std::printf("{\"device\": %d, \"name\": \"%s\", \"multiprocessors\": %d, \"l2_mib\": %d, \"copy_gb_s\": %.1f, \"l2_read_gb_s\": %.1f, \"fp32_gflop_s\": %.1f, \"fp64_gflop_s\": %.1f}\n", device,
                p.name, p.multiProcessorCount, p.l2CacheSize >> 20, 2.0 * static_cast<double>(bytes) / copy * 1e-9, lanes * 64 * rounds * sizeof(float4) / again * 1e-9,
                lanes * 2 * chains * turns / single * 1e-9, lanes * 2 * chains * turns / twice * 1e-9);
    return 0;
}
