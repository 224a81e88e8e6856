// Brain masks of made-up heads, and images that have no brain in them.
#include "arcuate/dwi/brain_mask.hpp"

#include "arcuate/core/error.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace arcuate::dwi {
namespace {

using testing::HasSubstr;

const GradientTable table{{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}}, {0, 1000, 1000}};

/// Noise-like background of 20 to 39; `inside` says how bright each shell is.
template <class Inside>
ScalarImage head(const Inside& inside, std::array<std::int64_t, 3> size = {24, 22, 20}) {
    ScalarImage image({size, {}}, 3);
    for (std::int64_t v = 0; v < image.grid.voxels(); ++v) {
        const std::int64_t x = v % size[0], y = v / size[0] % size[1], z = v / (size[0] * size[1]);
        for (std::int64_t k = 0; k < 3; ++k) image.at(v, k) = static_cast<float>(20 + (x * 7 + y * 13 + z * 5 + k) % 20) + static_cast<float>(inside(x, y, z, k > 0));
    }
    return image;
}
double distance2(std::int64_t x, std::int64_t y, std::int64_t z, double cx = 11, double cy = 10, double cz = 9) {
    return (double(x) - cx) * (double(x) - cx) + (double(y) - cy) * (double(y) - cy) + (double(z) - cz) * (double(z) - cz);
}
template <class Inside>
std::int64_t differences(const Mask& mask, const Inside& inside) {
    std::int64_t n = 0;
    for (std::int64_t z = 0; z < mask.grid.size[2]; ++z)
        for (std::int64_t y = 0; y < mask.grid.size[1]; ++y)
            for (std::int64_t x = 0; x < mask.grid.size[0]; ++x) n += (mask.at(mask.grid.index(x, y, z)) != 0) != inside(x, y, z);
    return n;
}
template <class Action>
std::string complaint(const Action& action) {
    try {
        action();
    } catch (const InputError& error) {
        return error.what();
    }
    return {};
}

// Fluid is bright without weighting only, tissue with weighting only: the union of both shells is the head. A hole inside is filled.
TEST(BrainMask, UnitesShellsAndFillsHoles) {
    const auto inside = [](auto x, auto y, auto z) { return distance2(x, y, z) < 49; };
    const auto image = head([&](auto x, auto y, auto z, bool weighted) {
        const bool hole = distance2(x, y, z, 11, 10, 9) < 7;
        return !inside(x, y, z) || hole ? 0 : (x < 11) == weighted ? 500 : 0;
    });
    const auto mask = brain_mask(image, table, {.clean_scale = 0});
    EXPECT_EQ(mask.at(image.grid.index(11, 10, 9)), 1) << "the hole";
    EXPECT_LE(differences(mask, inside), 60) << "the median rounds the surface, which has some 600 voxels";
    for (const auto value : mask.data) EXPECT_LE(value, 1);
}

TEST(BrainMask, CutsBridgesAndDropsOtherParts) {
    const auto ball = [](auto x, auto y, auto z) { return distance2(x, y, z, 8, 10, 9) < 49; };
    const auto bridge = [](auto x, auto y, auto z) { return x >= 14 && x < 20 && y >= 9 && y < 12 && z >= 8 && z < 11; };
    const auto eye = [](auto x, auto y, auto z) { return distance2(x, y, z, 20, 10, 9) < 7; };
    const auto speck = [](auto x, auto y, auto z) { return x < 3 && y < 3 && z < 3; };
    const auto image = head([&](auto x, auto y, auto z, bool) { return ball(x, y, z) || bridge(x, y, z) || eye(x, y, z) || speck(x, y, z) ? 500 : 0; });
    const auto at_eye = image.grid.index(20, 10, 9), at_speck = image.grid.index(1, 1, 1), at_centre = image.grid.index(8, 10, 9);
    const auto as_is = brain_mask(image, table, {.clean_scale = 0});
    EXPECT_EQ(as_is.at(at_eye), 1);
    EXPECT_EQ(as_is.at(at_speck), 0) << "not connected";
    const auto clean = brain_mask(image, table);
    EXPECT_EQ(clean.at(at_eye), 0);
    EXPECT_EQ(clean.at(at_centre), 1);
    EXPECT_LE(differences(clean, ball), 60);
}

// A head that reaches both ends of the image is not worn off there, and a hole that opens to the outside is none.
TEST(BrainMask, EndsWithTheFieldOfView) {
    const auto tube = [](auto x, auto y, auto) { return distance2(x, y, 0, 11, 10, 0) < 64; };
    const auto image = head([&](auto x, auto y, auto z, bool) { return tube(x, y, z) ? 500 : 0; });
    const auto mask = brain_mask(image, table);
    for (std::int64_t z = 0; z < 20; ++z) EXPECT_EQ(mask.at(image.grid.index(11, 10, z)), 1);
    EXPECT_LE(differences(mask, tube), 20 * 12);
    const auto thin = brain_mask(image, table, {.erode = 2});
    EXPECT_EQ(thin.at(image.grid.index(11, 10, 0)), 1);
    EXPECT_GT(differences(thin, tube), 20 * 40);
}

TEST(BrainMask, ErodesAndDilatesByFaces) {
    const auto image = head([](auto x, auto y, auto z, bool) { return distance2(x, y, z) < 49 ? 500 : 0; });
    const auto mask = brain_mask(image, table);
    const auto count = [](const Mask& m) { return std::count(m.data.begin(), m.data.end(), 1); };
    const auto thin = brain_mask(image, table, {.erode = 1}), thick = brain_mask(image, table, {.dilate = 1});
    for (std::int64_t v = 0; v < image.grid.voxels(); ++v) {
        EXPECT_LE(thin.at(v), mask.at(v));
        EXPECT_GE(thick.at(v), mask.at(v));
    }
    EXPECT_LT(count(thin), count(mask));
    EXPECT_GT(count(thick), count(mask));
}

TEST(BrainMask, SaysWhereThereIsNone) {
    const auto flat = [](auto, auto, auto, bool) { return 0; };
    ScalarImage image = head(flat);
    EXPECT_THAT(complaint([&] { brain_mask(head(flat, {20, 20, 11}), table); }), HasSubstr("an image of 20x20x11 voxels (fewer than 12 along an axis"));
    std::fill(image.data.begin(), image.data.end(), 5.0f);
    EXPECT_THAT(complaint([&] { brain_mask(image, table); }), HasSubstr("no shell has a dark background"));
    std::fill(image.data.begin(), image.data.end(), std::numeric_limits<float>::quiet_NaN());
    EXPECT_THAT(complaint([&] { brain_mask(image, table); }), HasSubstr("no shell has a dark background"));
    // Tissue everywhere, a little brighter here than there: no background.
    const auto everywhere = head([](auto x, auto y, auto z, bool) { return distance2(x, y, z) < 49 ? 900 : 600; });
    EXPECT_THAT(complaint([&] { brain_mask(everywhere, table); }), HasSubstr("no shell has a dark background"));
    const auto small = head([](auto x, auto y, auto z, bool) { return x > 8 && x < 12 && y > 8 && y < 12 && z > 8 && z < 12 ? 500 : 0; });
    EXPECT_THAT(complaint([&] { brain_mask(small, table); }), HasSubstr("thicker than 4 voxels"));
    EXPECT_THAT(complaint([&] { brain_mask(small, table, {.erode = -1}); }), HasSubstr("negative"));
    EXPECT_THAT(complaint([&] { brain_mask(small, {{{0, 0, 0}}, {0}}); }), HasSubstr("1 entries but the image has 3 volumes"));
}

}  // namespace
}  // namespace arcuate::dwi
