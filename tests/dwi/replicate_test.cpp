// Replicates of a signal against their definition, what they say of the noise, and their bytes.
#include "arcuate/dwi/replicate.hpp"

#include "arcuate/core/error.hpp"
#include "devices.hpp"
#include "reference/replicate.hpp"
#include "simulate.hpp"

#include <gmock/gmock.h>

namespace arcuate::dwi {
namespace {

using test::shell_table;

class SignalReplicate : public test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(SignalReplicate);

/// One table after the other.
GradientTable together(GradientTable a, const GradientTable& b) {
    a.directions.insert(a.directions.end(), b.directions.begin(), b.directions.end());
    a.b_values.insert(a.b_values.end(), b.b_values.begin(), b.b_values.end());
    return a;
}

// Three shells, more volumes than one draw of random bits holds; and an only b=0 volume with a shell that is too small for a fit of its own.
TEST_P(SignalReplicate, IsFitPlusOrMinusCorrectedResiduals) {
    const std::pair<GradientTable, std::vector<int>> cases[] = {
        {together(together(shell_table(4, 20, 700), shell_table(3, 45, 1500)), shell_table(0, 64, 3000)), {0, 4, 6, 8}},
        {together(shell_table(1, 7, 500), shell_table(0, 15, 2000)), {0, -1, 2}}};
    for (const auto& [table, lmax] : cases) {
        const auto fits = replicate_fits(table);
        ASSERT_EQ(fits.size(), lmax.size());
        for (std::size_t s = 0; s < lmax.size(); ++s) EXPECT_EQ(fits[s].lmax, lmax[s]) << fits[s].b_value;
        const auto image = test::noisy_crossings(table, {3, 3, 1}, 40);
        for (const std::uint32_t number : {0u, 5u}) {
            const auto found = replicate_signal(image, table, full_mask(image.grid), {.seed = 3, .number = number}, device());
            for (std::int64_t v = 0; v < 9; ++v) {
                const auto expected = reference::replicate(reference::fit_signal(table, test::voxel_signals(image, v), lmax), static_cast<std::uint64_t>(v), 3, number);
                for (std::int64_t k = 0; k < table.size(); ++k) EXPECT_NEAR(found.at(v, k), expected[static_cast<std::size_t>(k)], 2e-3) << v << ' ' << k;
            }
        }
    }
}

// Noise of known variance on a signal that the fit can follow: corrected residuals have that variance. 1000 voxels of 20 and 4 volumes, whose squares vary by less
// than sqrt(2 / (0.25 x 24000)) = 1.8% where a residual has a quarter of its freedom; bound 5 of these.
TEST_P(SignalReplicate, SpreadAsMuchAsTheNoise) {
    const auto table = shell_table(4, 20, 1000);
    const double sigma = 30;
    ScalarImage image({{1000, 1, 1}, {}}, table.size());
    for (std::int64_t v = 0; v < 1000; ++v)
        for (std::int64_t k = 0; k < table.size(); ++k) {
            const double cosine = table.directions[std::size_t(k)][0];
            const auto bits = kernels::Philox{2, std::uint64_t(v), kernels::Purpose::noise, 0}(std::uint32_t(k));
            image.at(v, k) = static_cast<float>(800 - 500 * cosine * cosine + sigma * double(kernels::normal2(bits.v[0], bits.v[1]).a));
        }
    const auto a = replicate_signal(image, table, full_mask(image.grid), {.number = 1}, device()), b = replicate_signal(image, table, full_mask(image.grid), {.number = 2}, device());
    double zeros = 0, weighted = 0, same = 0, columns_alike = 0;
    for (std::int64_t v = 0; v < 1000; ++v)
        for (std::int64_t k = 0; k < table.size(); ++k) {
            // Two replicates of a volume agree or differ by twice its error, each half of the times.
            const double half = (double(a.at(v, k)) - double(b.at(v, k))) / 2;
            (k < 4 ? zeros : weighted) += 2 * half * half;
            same += half == 0;
            columns_alike += k > 0 && (a.at(v, k) == b.at(v, k)) == (a.at(v, k - 1) == b.at(v, k - 1));
        }
    EXPECT_NEAR(std::sqrt(zeros / 4000), sigma, 5 * 0.02 * sigma);
    EXPECT_NEAR(std::sqrt(weighted / 20000), sigma, 5 * 0.009 * sigma);
    EXPECT_NEAR(same / 24000, 0.5, 5 * 0.5 / std::sqrt(24000.0));
    EXPECT_NEAR(columns_alike / 23000, 0.5, 5 * 0.5 / std::sqrt(23000.0));
}

// The same bytes also inside a smaller mask: a voxel's signs are its own. Outside it, and where a signal is not finite, the image stays.
TEST_P(SignalReplicate, ThreadsChunksAndMaskDoNotChangeAByte) {
    const auto table = shell_table(2, 20, 1000);
    auto image = test::noisy_crossings(table, {7, 5, 3}, 60);
    image.at(4, 3) = NAN;
    auto part = full_mask(image.grid);
    for (std::int64_t v = 0; v < 105; v += 3) part.at(v) = 0;
    const auto expected = replicate_signal(image, table, full_mask(image.grid), {}, Device::open("cpu", 1));
    for (const int threads : {1, 2, 3})
        for (const std::int64_t chunk : {1, 13, 1000}) {
            const auto d = device().is_cuda() ? device() : Device::open("cpu", threads);
            EXPECT_TRUE(test::same_bytes(replicate_signal(image, table, full_mask(image.grid), {.chunk = chunk}, d), expected));
        }
    const auto masked = replicate_signal(image, table, part, {}, device());
    for (std::int64_t v = 0; v < 105; ++v)
        for (std::int64_t k = 0; k < table.size(); ++k) {
            const float value = part.at(v) ? expected.at(v, k) : image.at(v, k);
            EXPECT_TRUE(masked.at(v, k) == value || (std::isnan(value) && std::isnan(masked.at(v, k))));
            if (v == 4 && k != 3) { EXPECT_EQ(expected.at(v, k), image.at(v, k)); }
        }
    EXPECT_FALSE(test::same_bytes(replicate_signal(image, table, part, {.seed = 2}, device()), masked));
    EXPECT_FALSE(test::same_bytes(replicate_signal(image, table, part, {.number = 2}, device()), masked));
}

// Voxels of the same signal: those of one block get the same replicate, their neighbours another.
TEST_P(SignalReplicate, BlocksShareTheirSigns) {
    const auto table = shell_table(1, 15, 1000);
    const auto one = test::noisy_crossings(table, {1, 1, 1}, 60);
    ScalarImage image({{5, 3, 3}, {}}, table.size());
    for (std::int64_t k = 0; k < table.size(); ++k)
        for (std::int64_t v = 0; v < 45; ++v) image.at(v, k) = one.at(0, k);
    const auto r = replicate_signal(image, table, full_mask(image.grid), {.block = 2}, device());
    const auto alike = [&](std::int64_t a, std::int64_t b) {
        for (std::int64_t k = 0; k < table.size(); ++k)
            if (r.at(a, k) != r.at(b, k)) return false;
        return true;
    };
    const auto at = [&](std::int64_t x, std::int64_t y, std::int64_t z) { return image.grid.index(x, y, z); };
    EXPECT_TRUE(alike(at(0, 0, 0), at(1, 1, 1)));
    EXPECT_TRUE(alike(at(2, 0, 0), at(3, 1, 1)));
    EXPECT_FALSE(alike(at(1, 0, 0), at(2, 0, 0)));
    EXPECT_FALSE(alike(at(0, 1, 0), at(0, 2, 0)));
    EXPECT_FALSE(alike(at(0, 0, 1), at(0, 0, 2)));
    EXPECT_FALSE(alike(at(4, 0, 0), at(0, 2, 0))) << "the last block of a row is not the first of the next";
}

TEST(ReplicateErrors, SayWhatIsWrong) {
    const auto message = [](const GradientTable& t, const ReplicateOptions& options) -> std::string {
        const ScalarImage image({{2, 1, 1}, {}}, t.size(), 1.0f);
        try {
            replicate_signal(image, t, full_mask(image.grid), options, Device::open("cpu", 1));
        } catch (const InputError& error) {
            return error.what();
        }
        return {};
    };
    EXPECT_THAT(message(shell_table(3, 7, 1000), {}), testing::HasSubstr("no shell has enough directions"));
    EXPECT_THAT(message(shell_table(9, 0, 1000), {}), testing::HasSubstr("no shell has enough directions"));
    auto two = shell_table(1, 2, 1000);  // measured ten times
    for (int i = 0; i < 9; ++i) two = together(two, shell_table(0, 2, 1000));
    EXPECT_THAT(message(two, {}), testing::HasSubstr("no shell has enough directions"));
    EXPECT_THAT(message(shell_table(1, 20, 1000), {.lmax = 3}), testing::HasSubstr("lmax 3"));
    EXPECT_THAT(message(shell_table(1, 20, 1000), {.lmax = 10}), testing::HasSubstr("lmax 10"));
    EXPECT_THAT(message(shell_table(1, 20, 1000), {.number = -1}), testing::HasSubstr("no replicate -1"));
    EXPECT_THAT(message(shell_table(1, 20, 1000), {.block = 0}), testing::HasSubstr("block of 0"));
}

}  // namespace
}  // namespace arcuate::dwi
