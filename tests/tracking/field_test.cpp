// FODs as trackers hold them, in either precision.
#include "tracking/field.hpp"

#include "arcuate/core/error.hpp"
#include "kernels/philox.hpp"
#include "tracking/fields.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace arcuate;
using namespace arcuate::kernels;

namespace {

using Single = tracking::FodOnDevice<8>;
using Half = tracking::FodOnDevice<8, std::uint16_t>;

const Device& cpu() {
    static const Device device = Device::open("cpu", 2);
    return device;
}
ScalarImage times(ScalarImage image, float factor) {
    for (auto& c : image.data) c *= factor;
    return image;
}
/// Random points of the grid that lie in the field, with a random direction each.
template <class Field, class Use>
int for_each_point(const ScalarImage& fod, const Field& field, const Use& use) {
    int used = 0;
    for (std::uint64_t i = 0; i < 3000; ++i) {
        const auto r = Philox{11, i, Purpose::seed, 0}(0), d = Philox{12, i, Purpose::seed, 0}(0);
        const auto& n = fod.grid.size;
        const Vec3d p = transform_point(fod.grid.voxel_to_world, {double(n[0] - 1) * uniform(r.v[0]), double(n[1] - 1) * uniform(r.v[1]), double(n[2] - 1) * uniform(r.v[2])});
        Vec3 direction;
        uniform_direction(d.v[0], d.v[1], direction.x, direction.y, direction.z);
        Cell cell;
        if (!field.locate({static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2])}, cell)) continue;
        ++used;
        use(cell, direction);
    }
    return used;
}

}  // namespace

// A half is within 2^-11 of what it stands for, or within 2^-25 of the scale where that is very small. So an interpolated coefficient is within 2^-11 of the interpolated
// sizes, and an amplitude within the sum of that over the coefficients' monomials.
TEST(FodHalves, AreWithinTheirRoundingOfSingles) {
    const auto image = test::crossing_lobes();
    const Single single(image, cpu());
    const Half half(image, cpu());
    const auto a = single.view();
    const auto b = half.view();
    constexpr int stride = FodField<8>::stride;
    int different = 0;
    const int used = for_each_point(image, a, [&](const Cell& cell, Vec3 direction) {
        float c[stride], h[stride], monomial[stride];
        a.interpolate(cell, c);
        b.interpolate(cell, h);
        for (int j = 0; j < stride; ++j) {
            float only[stride]{};
            only[j] = j < sh_count(8) ? 1.0f : 0.0f;
            monomial[j] = ShPolynomial<8>::value(only, direction.x, direction.y, direction.z);
        }
        double bound = 0;
        for (int j = 0; j < stride; ++j) {
            double size = 0, eight[8];
            for (int k = 0; k < 8; ++k) eight[k] = static_cast<double>(cell.weight[k]) * std::abs(static_cast<double>(a.coefficients[cell.row[k] * stride + j]));
            for (const double one : eight) size += one;
            const double near = 0x1.01p-11 * size + 0x1p-24 * static_cast<double>(b.scale);
            ASSERT_NEAR(h[j], c[j], near) << j;
            different += h[j] != c[j];
            bound += near * std::abs(static_cast<double>(monomial[j]));
        }
        EXPECT_NEAR(b.amplitude(cell, direction), a.amplitude(cell, direction), bound + 1e-5);
    });
    EXPECT_GT(used, 2000);
    EXPECT_GT(different, 10 * used);
}

TEST(FodHalves, GroupsOfEightAreThoseOfTheWhole) {
    const auto image = test::crossing_lobes();
    const Single single(image, cpu());
    const Half half(image, cpu());
    const auto expect_same = [&](const auto& field) {
        for_each_point(image, field, [&](const Cell& cell, Vec3) {
            float c[FodField<8>::stride], group[8];
            field.interpolate(cell, c);
            for (int j = 0; j < FodField<8>::stride; ++j) {
                if (j % 8 == 0) field.interpolate8(cell, j).store(group);
                ASSERT_EQ(group[j % 8], c[j]);
            }
        });
    };
    expect_same(single.view());
    expect_same(half.view());
}

// Without a scale the one image would be subnormal and the other infinite in half precision.
TEST(FodHalves, DoNotDependOnTheUnitOfAmplitude) {
    const auto image = test::crossing_lobes();
    const Half half(image, cpu());
    for (const float unit : {0x1p-40f, 0x1p40f}) {
        const Half other(times(image, unit), cpu());
        for_each_point(image, half.view(), [&](const Cell& cell, Vec3) {
            float c[FodField<8>::stride], d[FodField<8>::stride];
            half.view().interpolate(cell, c);
            other.view().interpolate(cell, d);
            for (int j = 0; j < FodField<8>::stride; ++j) ASSERT_EQ(unit * c[j], d[j]);
        });
    }
}

TEST(FodHalves, ScaleIsThePowerOfTwoThatUsesTheRange) {
    using Limits = std::numeric_limits<float>;
    for (const float largest : {1.0f, 1.999f, 0.3f, 25.0f, 1e-20f, 1e20f, 0x1p-111f, Limits::max()}) {
        const float scale = tracking::half_scale(largest);
        int exponent;
        EXPECT_EQ(std::frexp(scale, &exponent), 0.5f) << largest;
        EXPECT_GE(largest / scale, 0x1p14f) << largest;
        EXPECT_LT(largest / scale, 0x1p15f) << largest;
    }
    EXPECT_EQ(tracking::half_scale(Limits::denorm_min()), Limits::min());
    EXPECT_EQ(tracking::half_scale(0), 1.0f);
}

TEST(FodHalves, WhatIsNotFiniteIsRefused) {
    const auto refused = [&](float value) {
        auto image = test::crossing_lobes();
        image.at(7, 3) = value;
        EXPECT_THROW(Half(image, cpu()), InputError) << value;
    };
    refused(std::numeric_limits<float>::quiet_NaN());
    refused(-std::numeric_limits<float>::infinity());
    auto image = test::crossing_lobes();
    EXPECT_THROW(Half(times(image, 0x1p126f), cpu()), InputError);  // finite, but not as polynomials
    for (auto& c : image.data) c = c == 0 ? 0 : std::numeric_limits<float>::denorm_min();
    Half(image, cpu()).view();
}
