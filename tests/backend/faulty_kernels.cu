#include <cstdint>
#include <vector>

#include "faulty_kernels.hpp"

namespace arcuate::test {
namespace {

constexpr int threads = 256;

/// out[i] = in[i] + in of the warp's next thread, by way of `room`.
__global__ void add_next(Fault fault, const int* in, int* out, int* room, const int* elsewhere) {
    const int i = static_cast<int>(threadIdx.x), lane = i % 32, next = i - lane + (lane + 1) % 32;
    const bool unlucky = i == 77;
    room[i] = in[i];
    if (fault == Fault::no_wait)
        __threadfence();  // or the compiler may do as it likes
    else
        __syncwarp();
    int sum = in[i] + *const_cast<volatile int*>(room + next);
    if (fault == Fault::read_unwritten && unlucky) sum += room[threads];
    if (fault == Fault::host_memory && unlucky) sum += elsewhere[0];
    if (fault == Fault::misaligned && unlucky) sum += *reinterpret_cast<const int*>(reinterpret_cast<const char*>(in) + 1);
    if (fault == Fault::partner_missing && i < 16) sum += __shfl_sync(~0u, sum, 3);
    out[fault == Fault::write_beyond && unlucky ? threads : i] = sum;
}

}  // namespace

bool run_faulty(Fault fault) {
    std::vector<int> values(threads), sums(threads);
    for (int i = 0; i < threads; ++i) values[static_cast<std::size_t>(i)] = 3 * i;
    int *in = nullptr, *out = nullptr, *room = nullptr;
    constexpr std::size_t bytes = threads * sizeof(int);
    cudaMalloc(&in, bytes);
    cudaMalloc(&out, bytes);
    cudaMalloc(&room, bytes + sizeof(int));
    cudaMemcpy(in, values.data(), bytes, cudaMemcpyHostToDevice);
    add_next<<<1, threads>>>(fault, in, out, room, values.data());
    bool right = cudaMemcpy(sums.data(), out, bytes, cudaMemcpyDeviceToHost) == cudaSuccess;
    for (int i = 0; i < threads; ++i) right = right && sums[static_cast<std::size_t>(i)] == 3 * i + 3 * (i - i % 32 + (i + 1) % 32);
    cudaFree(in);
    cudaFree(out);
    cudaFree(room);
    return right;
}

}  // namespace arcuate::test
