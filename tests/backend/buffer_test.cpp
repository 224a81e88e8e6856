// Buffer: values travel to the device and back, memory has one owner.
#include "backend/buffer.hpp"
#include "backend/launch.hpp"
#include "devices.hpp"
#include "probe_kernels.hpp"

#include <atomic>
#include <cstdint>
#include <numeric>
#include <thread>
#include <type_traits>

namespace {

using arcuate::Buffer;

static_assert(!std::is_copy_constructible_v<Buffer<float>> && !std::is_copy_assignable_v<Buffer<float>>);
static_assert(std::is_nothrow_move_constructible_v<Buffer<float>> && std::is_nothrow_move_assignable_v<Buffer<float>>);

class BufferOn : public arcuate::test::OnEachDevice {
  protected:
    static std::vector<float> ascending(std::size_t n) {
        std::vector<float> values(n);
        std::iota(values.begin(), values.end(), 1.0f);
        return values;
    }
};
ARCUATE_ON_EACH_DEVICE(BufferOn);

TEST_P(BufferOn, GivesBackWhatWasUploaded) {
    for (const std::size_t n : {1u, 597u, 100003u}) {
        const auto values = ascending(n);
        EXPECT_EQ((Buffer(device(), values).to_host()), values);
        Buffer<float> later(device(), n);
        later.upload(values);
        EXPECT_EQ(later.to_host(), values);
        EXPECT_EQ(later.size(), n);
    }
}

TEST_P(BufferOn, DownloadsTheFirstValuesAlone) {
    const Buffer<float> buffer(device(), ascending(100));
    std::vector<float> part(3, -1.0f);
    buffer.download(part);
    EXPECT_EQ(part, (std::vector<float>{1, 2, 3}));
}

TEST_P(BufferOn, ZerosAreZero) {
    EXPECT_EQ(Buffer<std::int64_t>::zeros(device(), 597).to_host(), std::vector<std::int64_t>(597));
}

TEST_P(BufferOn, EmptyOnesHoldNothing) {
    const Buffer<float> nothing, none(device(), 0);
    EXPECT_EQ(nothing.data(), nullptr);
    EXPECT_EQ(none.data(), nullptr);
    EXPECT_EQ(none.size(), 0u);
    EXPECT_TRUE(none.to_host().empty());
    EXPECT_TRUE(Buffer<float>::zeros(device(), 0).to_host().empty());
    EXPECT_TRUE((Buffer(device(), std::vector<float>{}).to_host().empty()));
}

TEST_P(BufferOn, MovesItsMemory) {
    Buffer<float> a(device(), ascending(5));
    const float* memory = a.data();
    Buffer<float> b(std::move(a));
    EXPECT_EQ(b.data(), memory);
    EXPECT_EQ(a.data(), nullptr);
    EXPECT_EQ(a.size(), 0u);
    Buffer<float> c(device(), 7);
    c = std::move(b);
    EXPECT_EQ(c.data(), memory);
    EXPECT_EQ(b.data(), nullptr);
    EXPECT_EQ(c.to_host(), ascending(5));
    c = Buffer<float>();
    EXPECT_EQ(c.size(), 0u);
}

TEST_P(BufferOn, KeepsItsDeviceAlive) {
    Buffer<float> buffer;
    {
        const auto short_lived = arcuate::Device::open(GetParam(), 1);
        buffer = Buffer<float>(short_lived, ascending(10));
    }
    EXPECT_EQ(buffer.to_host(), ascending(10));
}

// Copies of any size, also beyond the pinned pieces that a GPU's go through.
TEST_P(BufferOn, LargeCopiesAreWhole) {
    constexpr std::size_t piece = (2 << 20) / sizeof(float);
    for (const std::size_t n : {piece - 1, piece, piece + 1, 2 * piece, 5 * piece + 17}) {
        const auto values = ascending(n);
        const Buffer<float> buffer(device(), values);
        EXPECT_EQ(buffer.to_host(), values) << n;
    }
}

TEST_P(BufferOn, WhatTheHostFilledIsThereForOtherStreams) {
    const auto other = device().with_own_stream(), urgent = device().with_own_stream(arcuate::Priority::high);
    EXPECT_TRUE(device().is_same(other) && other.is_same(urgent));
    const auto values = ascending(100003);
    const Buffer<float> from(device(), values);
    Buffer<float> sum = Buffer<float>::zeros(other, values.size()), copy(urgent, values.size());
    arcuate::launch(urgent, 100003, arcuate::test::AddOne{from.data(), copy.data()});
    urgent.synchronize();
    arcuate::launch(other, 100003, arcuate::test::AddOne{copy.data(), sum.data()});
    auto expected = values;
    for (float& v : expected) v += 2;
    EXPECT_EQ(sum.to_host(), expected);
}

TEST_P(BufferOn, StreamsWorkSideBySide) {
    std::vector<std::jthread> threads;
    std::atomic<int> right = 0;
    for (int t = 0; t < 3; ++t)
        threads.emplace_back([&, t] {
            const auto mine = device().with_own_stream(t == 0 ? arcuate::Priority::high : arcuate::Priority::normal);
            for (int round = 0; round < 20; ++round) {
                const std::size_t n = 1000 * static_cast<std::size_t>(round * 3 + t + 1);
                auto a = Buffer<float>::zeros(mine, n);
                for (int i = 0; i < 5; ++i) arcuate::launch(mine, static_cast<std::int64_t>(n), arcuate::test::AddOne{a.data(), a.data()});
                right += a.to_host() == std::vector<float>(n, 5.0f);
            }
        });
    threads.clear();
    EXPECT_EQ(right, 60);
}

TEST_P(BufferOn, TooMuchIsRefusedWithAdvice) {
    try {
        Buffer<float> impossible(device(), std::size_t{1} << 55);
        FAIL() << "128 PiB were allocated";
    } catch (const arcuate::DeviceError& error) {
        EXPECT_NE(std::string(error.what()).find("not enough memory"), std::string::npos) << error.what();
    }
}

}  // namespace
