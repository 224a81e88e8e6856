// The devices that a test runs on: the CPU always, CUDA where the build and the machine have it, skipped with the reason elsewhere.
//
//     class TensorFit : public arcuate::test::OnEachDevice {};
//     ARCUATE_ON_EACH_DEVICE(TensorFit);
//     TEST_P(TensorFit, RecoversAKnownTensor) { launch(device(), n, kernel); ... }
//
// `ctest` then lists TensorFit.RecoversAKnownTensor/cpu and /cuda. Outside such a suite: `for (const Device& d : arcuate::test::devices())`.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/error.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace arcuate::test {

/// The device, or why it cannot be used here (`reason`).
struct TestDevice {
    std::optional<Device> device;
    std::string reason;
};

inline TestDevice open_for_test(const std::string& spec, int threads = 2) {
    try {
        return {Device::open(spec, threads), {}};
    } catch (const DeviceError& error) {
        return {std::nullopt, error.what()};
    }
}

/// Every device that can be used here, the CPU first.
inline std::vector<Device> devices(int threads = 2) {
    std::vector<Device> usable;
    for (const char* spec : {"cpu", "cuda"})
        if (auto opened = open_for_test(spec, threads); opened.device) usable.push_back(*opened.device);
    return usable;
}

/// A suite whose tests run once per device.
class OnEachDevice : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        opened_ = open_for_test(GetParam());
        if (!opened_.device) GTEST_SKIP() << opened_.reason;
    }
    const Device& device() const { return *opened_.device; }

  private:
    TestDevice opened_;
};

}  // namespace arcuate::test

/// Runs the suite (derived from OnEachDevice) on every device.
#define ARCUATE_ON_EACH_DEVICE(Suite) \
    INSTANTIATE_TEST_SUITE_P(, Suite, testing::Values("cpu", "cuda"), [](const auto& spec) { return std::string(spec.param); })
