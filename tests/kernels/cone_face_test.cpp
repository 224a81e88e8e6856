// Faces of a cone: projections that are known by hand, and of random cones the conditions that make a point the projection.
#include "kernels/cone_face.hpp"
#include "kernels/gram_face.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace arcuate::kernels {
namespace {

constexpr int capacity = 48;

/// Both kinds of face through one interface: constraints by their rows, the point, and where it goes.
class ByRows {
  public:
    void begin(const std::vector<double>& rows, const std::vector<double>& b, int unknowns) { face_.begin(rows.data(), b.data(), unknowns); }
    void join(int which, double with) { face_.join(which, with); }
    bool settle(std::vector<double>& y) { return face_.settle(y.data()); }
    void correct(std::vector<double>& y) { face_.refine(y.data()); }
    const auto& face() const { return face_; }

  private:
    ConeFace<capacity> face_;
};
template <class Team>
class ByProducts {
  public:
    void begin(const std::vector<double>& rows, const std::vector<double>& b, int unknowns) {
        rows_ = rows, b_ = b;
        const auto n = rows.size() / capacity;
        products_.resize(n * n);
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j) products_[i * n + j] = dot(row(i), row(j));
        face_.begin(room_, products_.data(), static_cast<int>(n), unknowns);
    }
    void join(int which, double) { face_.join(which, dot(row(static_cast<std::size_t>(which)), b_.data())); }
    bool settle(std::vector<double>& y) {
        const bool grown = face_.settle();
        go_to(y);
        return grown;
    }
    void correct(std::vector<double>& y) {
        double rest[capacity];
        for (int i = 0; i < face_.count; ++i) rest[i] = dot(row(static_cast<std::size_t>(room_.index[i])), y.data());
        face_.correct(rest);
        go_to(y);
    }
    struct Found {
        const int& count;
        const std::int16_t* index;
        const double* multiplier;
    };
    Found face() const { return {face_.count, room_.index, room_.multiplier}; }

  private:
    const double* row(std::size_t which) const { return rows_.data() + which * capacity; }
    static double dot(const double* a, const double* b) { return ConeFace<capacity>::dot(a, b); }
    void go_to(std::vector<double>& y) const {
        y = b_;
        for (int i = 0; i < face_.count; ++i) add_scaled4(y.data(), row(static_cast<std::size_t>(room_.index[i])), room_.multiplier[i], capacity);
    }
    std::vector<double> rows_, b_, products_;
    GramFaceRoom<capacity> room_;
    GramFace<capacity, Team> face_;
};

template <class Face>
class ConeFaces : public testing::Test {
  public:
    Face face_;
    static constexpr double near = 1e-12;
};
using All = testing::Types<ByRows, ByProducts<Team<1>>, ByProducts<Team<32>>>;
TYPED_TEST_SUITE(ConeFaces, All);

TYPED_TEST(ConeFaces, AQuadrantByHand) {
    std::vector<double> rows(3 * capacity, 0), b(capacity, 0), y(capacity, 0);
    rows[0] = 1;                                                            // x >= 0
    rows[capacity + 1] = 1;                                                 // y >= 0
    rows[2 * capacity] = rows[2 * capacity + 1] = std::sqrt(0.5);        // x + y >= 0
    b[0] = -1, b[1] = 2;
    auto& cone = this->face_;
    const auto& face = cone.face();
    cone.begin(rows, b, 2);
    cone.join(1, 0);  // y is positive: without multiplier it stays out
    EXPECT_EQ(face.count, 0);
    cone.join(0, 0);
    cone.join(2, 0);  // kept by x = 0 already
    ASSERT_EQ(face.count, 1);
    EXPECT_TRUE(cone.settle(y));
    EXPECT_NEAR(y[0], 0, this->near);
    EXPECT_NEAR(y[1], 2, this->near);
    EXPECT_NEAR(face.multiplier[0], 1, this->near);
    EXPECT_FALSE(cone.settle(y));  // nothing grows any more

    if (!std::is_same_v<TypeParam, ByRows>) return;  // which takes no multipliers in
    cone.join(1, 5);  // with a multiplier it comes in, and leaves when that turns negative
    EXPECT_EQ(face.count, 2);
    cone.settle(y);
    ASSERT_EQ(face.count, 1);
    EXPECT_EQ(face.index[0], 0);
    EXPECT_NEAR(y[1], 2, this->near);
}

TYPED_TEST(ConeFaces, ADependentRowStaysOut) {
    std::vector<double> rows(2 * capacity, 0), b(capacity, 0);
    rows[0] = rows[capacity] = 1;
    b[0] = -1;
    this->face_.begin(rows, b, 2);
    this->face_.join(0, 0);
    this->face_.join(1, 1);
    EXPECT_EQ(this->face_.face().count, 1);
}

TYPED_TEST(ConeFaces, RandomConesMeetTheConditions) {
    constexpr int unknowns = 20, constraints = 60;
    std::mt19937 engine(4);
    std::normal_distribution<double> normal;
    for (int repeat = 0; repeat < 20; ++repeat) {
        std::vector<double> rows(constraints * capacity, 0), b(capacity, 0), y(capacity, 0);
        for (int r = 0; r < constraints; ++r) {
            double length = 0;
            std::vector<double> row(unknowns);
            for (auto& x : row) x = normal(engine), length += x * x;
            row[0] = std::abs(row[0]);  // the cone has an inside
            for (int c = 0; c < unknowns; ++c) rows[static_cast<std::size_t>(r * capacity + c)] = row[static_cast<std::size_t>(c)] / std::sqrt(length);
        }
        for (int c = 0; c < unknowns; ++c) y[static_cast<std::size_t>(c)] = b[static_cast<std::size_t>(c)] = normal(engine);
        auto& cone = this->face_;
        const auto& face = cone.face();
        cone.begin(rows, b, unknowns);
        int rounds = 0;
        for (;; ++rounds) {  // the most violated one joins, as Lawson & Hanson have it
            int worst = 0;
            double least = 0;
            for (int r = 0; r < constraints; ++r) {
                const double here = ConeFace<capacity>::dot(rows.data() + r * capacity, y.data());
                if (here < least) least = here, worst = r;
            }
            if (least > -this->near) break;
            ASSERT_LT(rounds, 500);
            cone.join(worst, 0);
            ASSERT_TRUE(cone.settle(y));
        }
        EXPECT_GT(rounds, 3);
        cone.correct(y);
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
            EXPECT_NEAR(ConeFace<capacity>::dot(rows.data() + face.index[i] * capacity, y.data()), 0, 10 * this->near);
        }
    }
}

}  // namespace
}  // namespace arcuate::kernels
