// Small dense linear algebra on the host, in a fixed order of operations: what it computes feeds kernels, so it must not depend on the compiler.
#pragma once

#include <cstddef>
#include <vector>

namespace arcuate::dwi {

/// Row-major.
struct Matrix {
    std::size_t rows = 0, columns = 0;
    std::vector<double> values;

    Matrix() = default;
    Matrix(std::size_t r, std::size_t c) : rows(r), columns(c), values(r * c, 0.0) {}
    double& operator()(std::size_t r, std::size_t c) { return values[r * columns + c]; }
    double operator()(std::size_t r, std::size_t c) const { return values[r * columns + c]; }
};

/// A^T B
Matrix transposed_product(const Matrix& a, const Matrix& b);

/// Lower Cholesky factor of a symmetric positive definite matrix. An empty matrix where a pivot falls below `tolerance` times its diagonal
/// element: the columns behind it are (nearly) dependent.
Matrix cholesky(const Matrix& symmetric, double tolerance = 1e-10);

/// Whether the first `columns` columns are linearly independent, as cholesky() judges A^T A with this tolerance.
bool independent_columns(const Matrix& a, std::size_t columns, double tolerance);

/// Solves L L^T X = B.
Matrix cholesky_solve(const Matrix& factor, const Matrix& b);
/// Solves L X = B.
Matrix forward_solve(const Matrix& factor, const Matrix& b);
/// Solves L^T X = B.
Matrix backward_solve(const Matrix& factor, const Matrix& b);

}  // namespace arcuate::dwi
