// Prints the digest of same_bytes.hpp as a CUDA device computes it; exit code 77 where there is none.
#include "same_bytes.hpp"

#include <cinttypes>
#include <cstdio>
#include <vector>

using namespace arcuate::test;

__global__ void digest_items(std::uint64_t* digests) {
    const std::uint32_t item = blockIdx.x * blockDim.x + threadIdx.x;
    if (item < n_items) digests[item] = digest_of_item(item);
}

int main() {
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
        std::puts("no CUDA device");
        return 77;
    }
    std::uint64_t* on_device = nullptr;
    std::vector<std::uint64_t> digests(n_items);
    cudaMalloc(&on_device, n_items * sizeof(std::uint64_t));
    digest_items<<<(n_items + 127) / 128, 128>>>(on_device);
    const auto status = cudaMemcpy(digests.data(), on_device, n_items * sizeof(std::uint64_t), cudaMemcpyDeviceToHost);
    cudaFree(on_device);
    if (status != cudaSuccess) {
        std::puts(cudaGetErrorString(status));
        return 1;
    }
    Digest all;
    for (const std::uint64_t digest : digests) {
        all.add(static_cast<std::uint32_t>(digest));
        all.add(static_cast<std::uint32_t>(digest >> 32));
    }
    std::printf("%016" PRIx64 "\n", all.value);
}
