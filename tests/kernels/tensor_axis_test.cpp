// FA and principal direction against the rotations of tensor_metrics and Eigen.
#include "kernels/tensor_axis.hpp"
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

TEST(TensorAxis, IsTheEigenvectorOfTheLargestEigenvalue) {
    const double shapes[][3] = {{1.7, 0.3, 0.3}, {1.7, 0.3, 0.2}, {1, 0.999, 0.2}, {1, 0.9, 0.9}, {2, 1, -0.3}, {1e-9, 2e-10, 1e-10}, {1e9, 1e8, -3e8}, {-1, -2, -3}};
    for (const auto& l : shapes)
        for (std::uint32_t number = 0; number < 200; ++number) {
            const SymmetricTensor t = turned_tensor(l[0], l[1], l[2], number);
            const Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d> solved(matrix_of(t));
            const TensorAxis axis = tensor_axis(t);
            const Eigen::Vector3d v1(axis.v1.x, axis.v1.y, axis.v1.z);
            // A float's rounding of the direction, and a double's of the matrix over the gap.
            EXPECT_LT((v1 - (solved.eigenvectors().col(2).dot(v1) < 0 ? -1 : 1) * solved.eigenvectors().col(2)).norm(), 1.5e-7) << l[0] << ' ' << number;
            const TensorMetrics m = tensor_metrics(t);
            EXPECT_EQ(axis.fa, m.fa);
            for (int k = 0; k < 3; ++k) EXPECT_NEAR((&axis.v1.x)[k], m.v1[k], 1.5e-7);
        }
}

TEST(TensorAxis, OfEqualEigenvaluesIsOneOfTheirPlane) {
    for (std::uint32_t number = 0; number < 200; ++number) {
        const SymmetricTensor t = turned_tensor(1, 1, 0.25, number);
        const TensorAxis axis = tensor_axis(t);
        const Eigen::Vector3d v1(axis.v1.x, axis.v1.y, axis.v1.z);
        EXPECT_NEAR(v1.norm(), 1, 1e-6);
        EXPECT_LT((matrix_of(t) * v1 - v1).norm(), 1e-6);
    }
    // Exactly equal ones, and none.
    const TensorAxis plane = tensor_axis({{2, 2, 1, 0, 0, 0}}), ball = tensor_axis({{2, 2, 2, 0, 0, 0}}), nothing = tensor_axis({{0, 0, 0, 0, 0, 0}});
    EXPECT_NEAR(plane.v1.x * plane.v1.x + plane.v1.y * plane.v1.y, 1, 1e-6);
    EXPECT_EQ(ball.fa, 0);
    EXPECT_EQ(nothing.fa, 0);
    EXPECT_EQ(length(nothing.v1), 1);
}
