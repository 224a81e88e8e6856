// FA, diffusivities and principal direction against Eigen.
#include "kernels/tensor_metrics.hpp"
#include "kernels/philox.hpp"

#include <Eigen/Eigenvalues>
#include <gtest/gtest.h>

using namespace arcuate::kernels;

namespace {

/// R diag(l1, l2, l3) R', with R of the given number.
SymmetricTensor turned_tensor(double l1, double l2, double l3, std::uint32_t number) {
    Eigen::Matrix3d any;
    for (std::uint32_t i = 0; i < 9; ++i) any(i / 3, i % 3) = uniform(Philox{5, number, Purpose::noise, i}(0).v[0]) - 0.5;
    const Eigen::Matrix3d r = Eigen::HouseholderQR<Eigen::Matrix3d>(any).householderQ();
    const Eigen::Matrix3d d = r * Eigen::Vector3d(l1, l2, l3).asDiagonal() * r.transpose();
    return {{d(0, 0), d(1, 1), d(2, 2), d(0, 1), d(0, 2), d(1, 2)}};
}

Eigen::Matrix3d matrix_of(const SymmetricTensor& t) {
    Eigen::Matrix3d d;
    d << t.v[0], t.v[3], t.v[4], t.v[3], t.v[1], t.v[5], t.v[4], t.v[5], t.v[2];
    return d;
}

}  // namespace

TEST(TensorMetrics, AreThoseOfTheEigenvalues) {
    const double shapes[][3] = {{1.7, 0.3, 0.3}, {1.7, 0.3, 0.2}, {1, 0.999, 0.2}, {1, 0.9, 0.9}, {2, 1, -0.3}, {1e-9, 2e-10, 1e-10}, {1e9, 1e8, -3e8}, {-1, -2, -3}};
    for (const auto& l : shapes)
        for (std::uint32_t number = 0; number < 200; ++number) {
            const SymmetricTensor t = turned_tensor(l[0], l[1], l[2], number);
            const Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d> solved(matrix_of(t));
            const TensorMetrics m = tensor_metrics(t);
            const Eigen::Vector3d v1(m.v1[0], m.v1[1], m.v1[2]), values = solved.eigenvalues();
            // A double's rounding of the matrix over the gap: of the eigenvalue, then of the direction.
            const double size = values.norm(), gap = (values[2] - values[1]) / size;
            EXPECT_LT((v1 - (solved.eigenvectors().col(2).dot(v1) < 0 ? -1 : 1) * solved.eigenvectors().col(2)).norm(), 2e-14 / (gap * gap)) << l[0] << ' ' << number;
            EXPECT_GT(v1[(v1.cwiseAbs().maxCoeff() == std::abs(v1[0])) ? 0 : (v1.cwiseAbs().maxCoeff() == std::abs(v1[1])) ? 1 : 2], 0);
            EXPECT_NEAR(m.ad, values[2], 2e-14 * size / gap);
            EXPECT_NEAR(m.rd, 0.5 * (values[0] + values[1]), 2e-14 * size / gap);
            EXPECT_NEAR(m.md, values.mean(), 1e-15 * size);
            EXPECT_NEAR(m.fa, std::sqrt(1.5) * (values.array() - values.mean()).matrix().norm() / size, 1e-14);
        }
}

TEST(TensorMetrics, OfEqualEigenvaluesHaveADirectionOfTheirPlane) {
    for (std::uint32_t number = 0; number < 200; ++number) {
        const SymmetricTensor t = turned_tensor(1, 1, 0.25, number);
        const TensorMetrics m = tensor_metrics(t);
        const Eigen::Vector3d v1(m.v1[0], m.v1[1], m.v1[2]);
        EXPECT_NEAR(v1.norm(), 1, 1e-6);
        EXPECT_LT((matrix_of(t) * v1 - v1).norm(), 1e-6);
        EXPECT_NEAR(m.ad, 1, 3e-8);
        EXPECT_NEAR(m.rd, 0.625, 3e-8);
    }
    // Exactly equal ones, and none.
    const TensorMetrics plane = tensor_metrics({{2, 2, 1, 0, 0, 0}}), ball = tensor_metrics({{2, 2, 2, 0, 0, 0}}), nothing = tensor_metrics({{0, 0, 0, 0, 0, 0}});
    EXPECT_NEAR(plane.v1[0] * plane.v1[0] + plane.v1[1] * plane.v1[1], 1, 1e-12);
    EXPECT_NEAR(plane.ad, 2, 1e-7);
    EXPECT_EQ(ball.fa, 0);
    EXPECT_EQ(ball.ad, 2);
    EXPECT_EQ(ball.rd, 2);
    EXPECT_EQ(nothing.fa, 0);
    EXPECT_EQ(nothing.v1[0], 1);
}
