// Buffer: values travel to the device and back, memory has one owner.
#include "backend/buffer.hpp"
#include "devices.hpp"

#include <cstdint>
#include <numeric>
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

TEST_P(BufferOn, TooMuchIsRefusedWithAdvice) {
    try {
        Buffer<float> impossible(device(), std::size_t{1} << 55);
        FAIL() << "128 PiB were allocated";
    } catch (const arcuate::DeviceError& error) {
        EXPECT_NE(std::string(error.what()).find("not enough memory"), std::string::npos) << error.what();
    }
}

}  // namespace
