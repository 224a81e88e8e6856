// The GPU of software finds the faults that it is there to find: each in a kernel that is right but for it. A device that failed stays so, as a real one, so each case has its own.
#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "faulty_kernels.hpp"

using arcuate::test::Fault;
using arcuate::test::run_faulty;

namespace {

struct Case {
    const char* name;
    Fault fault;
    const char* says;  ///< empty: the kernel ends, and what it computed is right or wrong
};

class SoftwareGpuFault : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(, SoftwareGpuFault,
                         testing::Values(Case{"WriteBeyondTheEnd", Fault::write_beyond, "are not the device's to write"},
                                         Case{"ReadOfWhatNobodyWrote", Fault::read_unwritten, "are read, but nobody wrote them"}, Case{"Misaligned", Fault::misaligned, "are not aligned"},
                                         Case{"MemoryOfTheHost", Fault::host_memory, "are not the device's to read"},
                                         Case{"ShuffleWithoutAPartner", Fault::partner_missing, "wait for others that never come"}),
                         [](const auto& spec) { return std::string(spec.param.name); });

int next_device() {
    static int last = 0;
    return last++;
}

}  // namespace

TEST_P(SoftwareGpuFault, IsFound) {
    ASSERT_EQ(cudaSetDevice(next_device()), cudaSuccess);
    testing::internal::CaptureStderr();
    EXPECT_FALSE(run_faulty(GetParam().fault));
    EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::AllOf(testing::HasSubstr("software GPU: block 0, "), testing::HasSubstr(GetParam().says), testing::HasSubstr("add_next")));
    EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure) << "it stays failed";
}

TEST(SoftwareGpu, LetsWhatIsRightBe) {
    ASSERT_EQ(cudaSetDevice(next_device()), cudaSuccess);
    for (int k = 0; k < 20; ++k) EXPECT_TRUE(run_faulty(Fault::none));
}

// The threads of a warp in random order (ARCUATE_SOFTWARE_GPU_SEED, of this test): a wait that is missing shows in what comes out; where it is there, order changes nothing.
TEST(SoftwareGpu, ShowsAMissingWaitByAnotherOrder) {
    ASSERT_EQ(cudaSetDevice(next_device()), cudaSuccess);
    EXPECT_FALSE(run_faulty(Fault::no_wait));
}

TEST(SoftwareGpu, RefusesMemoryOfAnotherDevice) {
    const int first = next_device(), second = next_device();
    ASSERT_EQ(cudaSetDevice(first), cudaSuccess);
    void* memory = nullptr;
    ASSERT_EQ(cudaMalloc(&memory, 64), cudaSuccess);
    ASSERT_EQ(cudaSetDevice(second), cudaSuccess);
    testing::internal::CaptureStderr();
    EXPECT_EQ(cudaMemset(memory, 0, 64), cudaErrorLaunchFailure);
    EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("is not the device's"));
    ASSERT_EQ(cudaSetDevice(first), cudaSuccess);
    EXPECT_EQ(cudaMemset(memory, 0, 64), cudaSuccess);
    EXPECT_EQ(cudaFree(memory), cudaSuccess);
    EXPECT_EQ(cudaFree(memory), cudaErrorInvalidValue) << "given back already";
}

TEST(SoftwareGpu, HasNoMoreMemoryThanItSays) {
    ASSERT_EQ(cudaSetDevice(next_device()), cudaSuccess);
    std::size_t left = 0, total = 0;
    ASSERT_EQ(cudaMemGetInfo(&left, &total), cudaSuccess);
    EXPECT_EQ(left, total);
    void* memory = nullptr;
    EXPECT_EQ(cudaMalloc(&memory, total + 1), cudaErrorMemoryAllocation);
    EXPECT_EQ(cudaMalloc(&memory, total), cudaSuccess);
    EXPECT_EQ(cudaFree(memory), cudaSuccess);
}
