// Opening devices, and what the user is told where that cannot be.
#include "devices.hpp"

#include "backend/buffer.hpp"

#include <gmock/gmock.h>

namespace {

using arcuate::Device;
using testing::HasSubstr;

TEST(Device, OpensTheProcessor) {
    const Device device = Device::open("cpu", 3);
    EXPECT_FALSE(device.is_cuda());
    EXPECT_EQ(device.threads(), 3);
    EXPECT_EQ(device.name(), "cpu (3 threads)");
    EXPECT_EQ(Device::open("cpu", 1).name(), "cpu (1 thread)");
    EXPECT_GT(device.free_memory(), 0);
    EXPECT_GE(Device::open("cpu").threads(), 1);
}

TEST(Device, AutoIsTheFirstUsableCudaDeviceElseTheProcessor) {
    EXPECT_EQ(Device::open("auto", 1).is_cuda(), arcuate::test::open_for_test("cuda").device.has_value());
}

TEST(Device, KeepsToItsMemory) {
    const Device device = Device::open("cpu", 1, 1 << 20), same = device.with_own_stream();
    EXPECT_EQ(device.free_memory(), 1 << 20);
    arcuate::Buffer<float> most(device, 200 << 10 >> 2);
    {
        const arcuate::Buffer<float> more(same, 600 << 10 >> 2);
        EXPECT_EQ(device.free_memory(), 224 << 10) << "so do those with streams of their own";
        try {
            const arcuate::Buffer<char> too_much(device, (224 << 10) + 1);
            ADD_FAILURE() << "was allowed";
        } catch (const arcuate::DeviceError& error) {
            EXPECT_THAT(error.what(), HasSubstr("1.0 MiB of device memory are not enough (0.8 are in use, and 0.2 more are needed at least)"));
        }
        const arcuate::Buffer<char> all(device, 224 << 10);
        EXPECT_EQ(device.free_memory(), 0);
    }
    most = {};
    EXPECT_EQ(device.free_memory(), 1 << 20);
}

TEST(Device, RefusesWhatIsNoDevice) {
    for (const char* spec : {"", "gpu", "CPU", "cpu:0", "cuda:", "cuda:x", "cuda:1x", "cuda:-1", "cuda:99999999999", "cudas"}) {
        try {
            Device::open(spec);
            ADD_FAILURE() << "'" << spec << "' was accepted";
        } catch (const arcuate::InputError& error) {
            EXPECT_STREQ(error.what(), (std::string("device '") + spec + "' is not understood; use auto, cpu, cuda or cuda:N").c_str());
        }
    }
    EXPECT_THROW(Device::open("cpu", -1), arcuate::InputError);
}

TEST(Device, SaysWhyThereIsNoCudaDeviceAndWhatToDo) {
    const auto first = arcuate::test::open_for_test("cuda");
    // A machine with devices: the one after the last. A machine without: any.
    const auto missing = arcuate::test::open_for_test(first.device ? "cuda:1000" : "cuda");
    ASSERT_FALSE(missing.device);
    if (first.device)
        EXPECT_THAT(missing.reason, testing::AllOf(HasSubstr("there is no device cuda:1000"), HasSubstr("arcuate doctor")));
    else
        EXPECT_THAT(missing.reason, testing::AllOf(HasSubstr("no CUDA device can be used ("), HasSubstr("); use --device cpu")));
}

TEST(Device, TheReportAgreesWithWhatOpens) {
    const auto report = arcuate::inspect_backends();
    EXPECT_GE(report.hardware_threads, 1);
    EXPECT_GT(report.host_memory, 0);
    EXPECT_FALSE(report.thrust.empty());
    EXPECT_FALSE(report.tbb.empty());
    EXPECT_EQ(report.cuda_problem.empty(), !report.cuda_devices.empty());
    EXPECT_TRUE(report.cuda_problem.empty() || !arcuate::test::open_for_test("cuda").device);
}

}  // namespace
