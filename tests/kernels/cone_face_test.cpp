// Faces of a cone: projections that are known by hand, and of random cones the conditions that make a point the projection.
#include "kernels/cone_face.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace arcuate::kernels {
namespace {

constexpr int capacity = 48;

template <class Lanes>
class ConeFaces : public testing::Test {
  public:
    using Number = typename Lanes::Scalar;
    ConeFace<Lanes, capacity> cone_face;
    static constexpr Number near = std::is_same_v<Number, double> ? Number(1e-12) : Number(1e-4);
};
using Both = testing::Types<Double4, Float8>;
TYPED_TEST_SUITE(ConeFaces, Both);

TYPED_TEST(ConeFaces, AQuadrantByHand) {
    using T = typename TestFixture::Number;
    std::vector<T> rows(3 * capacity, 0), b(capacity, 0), y(capacity, 0);
    rows[0] = 1;                                                            // x >= 0
    rows[capacity + 1] = 1;                                                 // y >= 0
    rows[2 * capacity] = rows[2 * capacity + 1] = T(std::sqrt(0.5));        // x + y >= 0
    b[0] = -1, b[1] = 2;
    auto& face = this->cone_face;
    face.begin(rows.data(), b.data(), 2);
    face.join(1, 0);  // y is positive: without multiplier it stays out
    EXPECT_EQ(face.count, 0);
    face.join(0, 0);
    face.join(2, 0);  // kept by x = 0 already
    ASSERT_EQ(face.count, 1);
    EXPECT_TRUE(face.settle(y.data()));
    EXPECT_NEAR(y[0], 0, this->near);
    EXPECT_NEAR(y[1], 2, this->near);
    EXPECT_NEAR(face.multiplier[0], 1, this->near);
    EXPECT_FALSE(face.settle(y.data()));  // nothing grows any more

    face.join(1, 5);  // with a multiplier it comes in, and leaves when that turns negative
    EXPECT_EQ(face.count, 2);
    face.settle(y.data());
    ASSERT_EQ(face.count, 1);
    EXPECT_EQ(face.index[0], 0);
    EXPECT_NEAR(y[1], 2, this->near);
}

TYPED_TEST(ConeFaces, ADependentRowStaysOut) {
    using T = typename TestFixture::Number;
    std::vector<T> rows(2 * capacity, 0), b(capacity, 0);
    rows[0] = rows[capacity] = 1;
    b[0] = -1;
    this->cone_face.begin(rows.data(), b.data(), 2);
    this->cone_face.join(0, 0);
    this->cone_face.join(1, 1);
    EXPECT_EQ(this->cone_face.count, 1);
}

TYPED_TEST(ConeFaces, RandomConesMeetTheConditions) {
    using T = typename TestFixture::Number;
    constexpr int unknowns = 20, constraints = 60;
    std::mt19937 engine(4);
    std::normal_distribution<double> normal;
    for (int cone = 0; cone < 20; ++cone) {
        std::vector<T> rows(constraints * capacity, 0), b(capacity, 0), y(capacity, 0);
        for (int r = 0; r < constraints; ++r) {
            double length = 0;
            std::vector<double> row(unknowns);
            for (auto& x : row) x = normal(engine), length += x * x;
            row[0] = std::abs(row[0]);  // the cone has an inside
            for (int c = 0; c < unknowns; ++c) rows[static_cast<std::size_t>(r * capacity + c)] = T(row[static_cast<std::size_t>(c)] / std::sqrt(length));
        }
        for (int c = 0; c < unknowns; ++c) y[static_cast<std::size_t>(c)] = b[static_cast<std::size_t>(c)] = T(normal(engine));
        auto& face = this->cone_face;
        face.begin(rows.data(), b.data(), unknowns);
        int rounds = 0;
        for (;; ++rounds) {  // the most violated one joins, as Lawson & Hanson have it
            int worst = 0;
            T least = 0;
            for (int r = 0; r < constraints; ++r) {
                const T here = face.dot(face.row(r), y.data());
                if (here < least) least = here, worst = r;
            }
            if (least > -this->near) break;
            ASSERT_LT(rounds, 500);
            face.join(worst, 0);
            ASSERT_TRUE(face.settle(y.data()));
        }
        EXPECT_GT(rounds, 3);
        face.refine(y.data());
        // y is in the cone, b - y is spanned by the active rows with multipliers above 0, and stands at right angles to y.
        double across = 0;
        for (int c = 0; c < unknowns; ++c) {
            double rest = b[static_cast<std::size_t>(c)] - y[static_cast<std::size_t>(c)];
            across += rest * y[static_cast<std::size_t>(c)];
            for (int i = 0; i < face.count; ++i) rest += face.multiplier[i] * rows[static_cast<std::size_t>(face.index[i] * capacity + c)];
            EXPECT_NEAR(rest, 0, 10 * this->near);
        }
        EXPECT_NEAR(across, 0, 20 * this->near);
        for (int i = 0; i < face.count; ++i) {
            EXPECT_GT(face.multiplier[i], 0);
            EXPECT_NEAR(face.dot(face.row(face.index[i]), y.data()), 0, 10 * this->near);
        }
    }
}

}  // namespace
}  // namespace arcuate::kernels
