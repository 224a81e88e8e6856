#include "dwi/dense.hpp"

#include "kernels/math.hpp"

namespace arcuate::dwi {

Matrix transposed_product(const Matrix& a, const Matrix& b) {
    Matrix out(a.columns, b.columns);
    for (std::size_t k = 0; k < a.rows; ++k)
        for (std::size_t i = 0; i < a.columns; ++i)
            for (std::size_t j = 0; j < b.columns; ++j) out(i, j) += a(k, i) * b(k, j);
    return out;
}

Matrix cholesky(const Matrix& symmetric, double tolerance) {
    const std::size_t n = symmetric.rows;
    Matrix l(n, n);
    for (std::size_t j = 0; j < n; ++j)
        for (std::size_t i = j; i < n; ++i) {
            double sum = symmetric(i, j);
            for (std::size_t k = 0; k < j; ++k) sum -= l(i, k) * l(j, k);
            if (i > j) {
                l(i, j) = sum / l(j, j);
            } else {
                if (!(sum > tolerance * symmetric(j, j))) return {};
                l(j, j) = kernels::sqrt(sum);
            }
        }
    return l;
}

Matrix forward_solve(const Matrix& factor, const Matrix& b) {
    Matrix x = b;
    for (std::size_t c = 0; c < b.columns; ++c)
        for (std::size_t i = 0; i < factor.rows; ++i) {
            for (std::size_t k = 0; k < i; ++k) x(i, c) -= factor(i, k) * x(k, c);
            x(i, c) /= factor(i, i);
        }
    return x;
}

Matrix backward_solve(const Matrix& factor, const Matrix& b) {
    Matrix x = b;
    for (std::size_t c = 0; c < b.columns; ++c)
        for (std::size_t i = factor.rows; i-- > 0;) {
            for (std::size_t k = i + 1; k < factor.rows; ++k) x(i, c) -= factor(k, i) * x(k, c);
            x(i, c) /= factor(i, i);
        }
    return x;
}

bool independent_columns(const Matrix& a, std::size_t columns, double tolerance) {
    Matrix used(a.rows, columns);
    for (std::size_t r = 0; r < a.rows; ++r)
        for (std::size_t c = 0; c < columns; ++c) used(r, c) = a(r, c);
    return !cholesky(transposed_product(used, used), tolerance).values.empty();
}

Matrix cholesky_solve(const Matrix& factor, const Matrix& b) { return backward_solve(factor, forward_solve(factor, b)); }

}  // namespace arcuate::dwi
