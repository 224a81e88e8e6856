// Four voxels in the lanes of vectors against the same voxels one by one: every bit.
#include "kernels/philox.hpp"
#include "kernels/tensor_fit.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <vector>

namespace arcuate::kernels {
namespace {

struct Fitted {
    std::vector<float> signals, maps, scale;
    std::vector<std::uint8_t> fitted;
};

float random(std::uint32_t item, std::uint32_t draw) { return uniform_above_zero(Philox{11, item, Purpose::noise, draw}(0).v[0]); }

template <class Run>
Fitted fit(const std::vector<double>& design, std::vector<float> signals, std::int64_t voxels, int volumes, bool weighted, int passes, const Run& run) {
    Fitted out{std::move(signals), std::vector<float>(static_cast<std::size_t>(voxels * TensorColumns::count), -1.0f),
               std::vector<float>(static_cast<std::size_t>(voxels), -1.0f), std::vector<std::uint8_t>(static_cast<std::size_t>(voxels), 9)};
    run(FitTensor{design.data(), volumes, 1000, weighted, passes, {out.signals.data(), volumes, volumes},
                  {out.maps.data(), TensorColumns::count, TensorColumns::count}, out.fitted.data(), out.scale.data()});
    return out;
}

bool same(const std::vector<float>& a, const std::vector<float>& b) { return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0; }

TEST(FourTensors, EveryBitOfOneByOne) {
    for (const int volumes : {7, 31, 32, 33, 102}) {
        std::vector<double> design(static_cast<std::size_t>(volumes) * 8, 0.0);
        for (int v = 0; v < volumes; ++v)
            for (int i = 0; i < 7; ++i)
                design[static_cast<std::size_t>(v * 8 + i)] = i == 6 ? 1.0 : -2.0 * static_cast<double>(random(static_cast<std::uint32_t>(v), static_cast<std::uint32_t>(i)));
        for (const std::int64_t voxels : {1, 3, 4, 5, 203}) {
            std::vector<float> signals(static_cast<std::size_t>(voxels * volumes));
            for (std::int64_t i = 0; i < voxels * volumes; ++i) {
                const float x = random(static_cast<std::uint32_t>(i), 99);
                signals[static_cast<std::size_t>(i)] = i % 97 == 5 ? -x : i % 89 == 7 ? 0.0f : 3000.0f * x * x;
            }
            const auto at = [&](std::int64_t voxel, int volume) -> float& { return signals[static_cast<std::size_t>(voxel * volumes + volume)]; };
            if (voxels > 100) {  // beside sound neighbours: nothing measured, not a number, infinite; one signal alone, whose other weights are all the least
                for (int v = 0; v < volumes; ++v) at(9, v) = 0, at(30, v) = v == 2 ? 1.0f : 0.0f, at(61, v) = v == 2 ? 1e30f : 1e-30f;
                at(42, 3) = std::numeric_limits<float>::quiet_NaN();
                at(75, volumes - 1) = std::numeric_limits<float>::infinity();
            }
            for (const bool weighted : {false, true})
                for (const int passes : {0, 2}) {
                    const auto one = fit(design, signals, voxels, volumes, weighted, passes, [&](const FitTensor& kernel) {
                        for (std::int64_t v = 0; v < voxels; ++v) kernel(v);
                    });
                    const auto four = fit(design, signals, voxels, volumes, weighted, passes, [&](const FitTensor& kernel) {
                        for (std::int64_t i = 0; i < (voxels + 3) / 4; ++i) FitFourTensors{kernel, voxels}(i);
                    });
                    EXPECT_TRUE(same(one.maps, four.maps)) << volumes << " volumes, " << voxels << " voxels, weighted " << weighted << ", passes " << passes;
                    EXPECT_TRUE(same(one.signals, four.signals));
                    EXPECT_TRUE(same(one.scale, four.scale));
                    EXPECT_EQ(one.fitted, four.fitted);
                    if (voxels > 100 && volumes > 30) {
                        EXPECT_EQ(one.fitted[8], 1);
                        for (const std::size_t v : {9u, 42u, 75u}) EXPECT_EQ(one.fitted[v], 0) << v;
                    }
                }
        }
    }
}

// Where the normal matrix is singular, neither way finds a tensor.
TEST(FourTensors, NoSolution) {
    const int volumes = 12;
    std::vector<double> design(volumes * 8, 0.0);
    for (int v = 0; v < volumes; ++v) design[static_cast<std::size_t>(v * 8 + 6)] = 1.0;
    const auto four = fit(design, std::vector<float>(4 * volumes, 5.0f), 4, volumes, true, 2, [&](const FitTensor& kernel) { FitFourTensors{kernel, 4}(0); });
    EXPECT_EQ(four.fitted, (std::vector<std::uint8_t>{0, 0, 0, 0}));
    for (const float value : four.maps) EXPECT_EQ(value, 0.0f);
}

}  // namespace
}  // namespace arcuate::kernels
