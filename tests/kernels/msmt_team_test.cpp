// Multi-tissue deconvolution by one thread, by a warp's lanes in turn and by lanes that each have a stack of their own: the same bytes.
#include "kernels/msmt_csd.hpp"
#include "msmt_apart.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <vector>

namespace arcuate::kernels {
namespace {

constexpr int capacity = 48;
using Kernel = EstimateMsmt<capacity>;

/// A cone of random planes with a common inside. Some lie so near to each other that their products do not tell them apart.
class MsmtTeams : public testing::Test {
  public:
    static constexpr int volumes = 30, unknowns = 20, constraints = 128, voxels = 40;

    MsmtTeams() {
        std::normal_distribution<double> normal;
        for (int r = 0; r < constraints; ++r) {
            const auto row = [&](int of) { return constraint_.begin() + of * capacity; };
            if (r % 4 == 3) std::copy_n(row(r - 1), unknowns, row(r));
            for (int c = 0; c < unknowns; ++c) row(r)[c] += (r % 4 == 3 ? 1e-5 : 1) * normal(engine_);
            row(r)[0] = std::abs(row(r)[0]);
            double square = 0;
            for (int c = 0; c < unknowns; ++c) square += row(r)[c] * row(r)[c];
            for (int c = 0; c < unknowns; ++c) {
                row(r)[c] /= std::sqrt(square);
                constraint_t_.at(static_cast<std::size_t>(c * constraints + r)) = static_cast<float>(row(r)[c]);
            }
        }
        for (int i = 0; i < constraints; ++i) {
            std::vector<std::pair<double, int>> others;
            for (int j = 0; j < constraints; ++j) {
                double product = i == j ? 1 : 0;
                for (int c = 0; c < unknowns && i != j; ++c) product += constraint_[at(i, capacity, c)] * constraint_[at(j, capacity, c)];
                gram_[at(i, constraints, j)] = product;
                gram_f_[at(i, constraints, j)] = static_cast<float>(product);
                if (i != j) others.push_back({-product, j});
            }
            std::sort(others.begin(), others.end());
            for (int k = 0; k < msmt_neighbours; ++k) near_[at(i, msmt_neighbours, k)] = static_cast<std::int16_t>(others[static_cast<std::size_t>(k)].second);
        }
        for (int v = 0; v < volumes; ++v)
            for (int c = 0; c < unknowns; ++c) project_[at(v, capacity, c)] = normal(engine_);
        for (int j = 0; j < unknowns; ++j)
            for (int c = 0; c < unknowns; ++c) recover_[at(j, capacity, c)] = (j == c) + 0.1 * normal(engine_);
        for (auto& s : signal_) s = std::abs(static_cast<float>(normal(engine_)));
        std::fill_n(signal_.begin() + 7 * volumes, volumes, 0.0f);
        signal_[5 * volumes + 3] = std::numeric_limits<float>::quiet_NaN();
    }

    Kernel kernel(std::vector<float>& out, std::vector<CsdOutcome>& outcome, int most = 200) const {
        out.assign(voxels * unknowns, -1.0f);
        outcome.assign(voxels, CsdOutcome::skipped);
        return {{volumes, unknowns, constraints, most, project_.data(), constraint_.data(), constraint_t_.data(), gram_.data(), gram_f_.data(), near_.data(), recover_.data()},
                {signal_.data(), volumes, volumes}, {out.data(), unknowns, unknowns}, outcome.data()};
    }

  private:
    static std::size_t at(int row, int width, int column) { return static_cast<std::size_t>(row * width + column); }

    std::mt19937 engine_{8};
    std::vector<double> project_ = std::vector<double>(volumes * capacity), constraint_ = std::vector<double>(constraints * capacity), gram_ = std::vector<double>(constraints * constraints),
                        recover_ = std::vector<double>(unknowns * capacity);
    std::vector<float> constraint_t_ = std::vector<float>(unknowns * constraints), gram_f_ = std::vector<float>(constraints * constraints), signal_ = std::vector<float>(voxels * volumes);
    std::vector<std::int16_t> near_ = std::vector<std::int16_t>(constraints * msmt_neighbours);
};

TEST_F(MsmtTeams, WhoeverWorksOnAVoxelTheBytesAreTheSame) {
    for (const int most : {200, 3}) {  // of three rounds some voxels do not converge
        std::vector<float> alone, others;
        std::vector<CsdOutcome> of_alone, of_others;
        const auto room = std::make_unique<Kernel::Room>();
        int careful = 0;
        const Kernel one = kernel(alone, of_alone, most);
        for (int v = 0; v < voxels; ++v) {
            room->careful.count = -1;
            one.estimate(Team<1>{}, v, *room);
            careful += room->careful.count >= 0;
        }
        if (most == 200) {
            EXPECT_GT(careful, 0);  // nearly dependent planes
        }
        EXPECT_LT(careful, voxels - 10);
        EXPECT_GT(std::count(of_alone.begin(), of_alone.end(), most == 3 ? CsdOutcome::not_converged : CsdOutcome::converged), voxels / 2);
        EXPECT_EQ(of_alone[5], CsdOutcome::skipped);
        EXPECT_EQ(of_alone[7], CsdOutcome::skipped);

        const Kernel warp = kernel(others, of_others, most);
        for (int v = 0; v < voxels; ++v) warp.estimate(Team<32>{}, v, *room);
        EXPECT_EQ(others, alone);
        EXPECT_EQ(of_others, of_alone);
        for (const bool backwards : {false, true}) {
            const Kernel apart = kernel(others, of_others, most);
            estimate_msmt_apart(&apart, voxels, backwards);
            EXPECT_EQ(others, alone);
            EXPECT_EQ(of_others, of_alone);
        }
    }
}

}  // namespace
}  // namespace arcuate::kernels
