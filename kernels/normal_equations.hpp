// Symmetric positive definite systems of a few dozen unknowns, one per voxel: sums of outer products, and Cholesky's solution.
//
// In double: a normal matrix has the square of its design's condition number, and with float pivots the tensor of a low-contrast voxel or a
// super-resolved FOD would lose most of its digits. The systems are small, so a GPU with few double units is still bound by memory.
//
// Only the upper triangle is kept, in bands of four rows; a band starts at its first diagonal column and ends at `width`:
//     band 0   x x x x x x x x     width = N + 1, rounded up to a multiple of 4: the column after the unknowns is the right-hand side,
//     band 1           x x x x     so that the factorisation does the forward substitution too. Columns beyond it are zero.
// Every sum runs in ascending order of its terms with one fma per term, whatever the tiles, so vector lanes and GPU threads agree.
#pragma once

#include "kernels/lanes.hpp"
#include "kernels/math.hpp"

namespace arcuate::kernels {

template <int N>
struct NormalEquations {
    static constexpr int unknowns = N;
    static constexpr int width = (N + 4) / 4 * 4;  ///< columns of a row, right-hand side and padding included
    static constexpr int bands = (N + 3) / 4;
    static constexpr int band_start(int band) { return 4 * width * band - 8 * band * (band - 1); }
    static constexpr int size = band_start(bands);
    /// Where column 0 of row i would be; columns from i/4*4 on exist.
    static constexpr int row_start(int i) { return band_start(i / 4) + (i % 4) * (width - i / 4 * 4) - i / 4 * 4; }
    static constexpr int at(int i, int j) { return row_start(i) + j; }

    double a[size];

    ARCUATE_HD void clear() {
        for (int i = 0; i < size; ++i) a[i] = 0;
    }
};

namespace detail {

/// What Cholesky's factorisation does to four rows: row r less less[above][r] times every one above it, and in the end times scale[r], the inverse root of
/// its pivot. A root waits for nothing and nothing but the end waits for it.
struct FourPivots {
    double less[4][4], scale[4];

    /// `a` is the rows' own square; from `rows` on there are none, and scale is 0. False where a pivot is not positive.
    ARCUATE_HD bool find(double (*a)[4], int rows) {
        bool positive = true;
        ARCUATE_UNROLL
        for (int i = 0; i < 4; ++i) {
            ARCUATE_UNROLL
            for (int above = 0; above < i; ++above) {
                ARCUATE_UNROLL
                for (int j = i; j < 4; ++j) a[i][j] = fma(-less[above][i], a[above][j], a[i][j]);
            }
            const double inverse = i < rows ? 1.0 / a[i][i] : 0.0;
            positive = positive && (i >= rows || a[i][i] > 0);
            scale[i] = sqrt(inverse);
            ARCUATE_UNROLL
            for (int j = i + 1; j < 4; ++j) less[i][j] = a[i][j] * inverse;
        }
        return positive;
    }
};

/// A tile of four rows and W columns, held in registers.
template <int W>
struct Tile {
    Double4 v[4][W / 4];

    ARCUATE_HD void load(const double* from, int stride) {
        ARCUATE_UNROLL
        for (int r = 0; r < 4; ++r) {
            ARCUATE_UNROLL
            for (int c = 0; c < W / 4; ++c) v[r][c] = Double4::load(from + r * stride + 4 * c);
        }
    }
    ARCUATE_HD void store(double* to, int stride) const {
        ARCUATE_UNROLL
        for (int r = 0; r < 4; ++r) {
            ARCUATE_UNROLL
            for (int c = 0; c < W / 4; ++c) v[r][c].store(to + r * stride + 4 * c);
        }
    }
    /// v += left (scale right)^T
    ARCUATE_HD void add_scaled(const double* left, const double* right, Double4 scale) {
        Double4 across[W / 4];
        ARCUATE_UNROLL
        for (int c = 0; c < W / 4; ++c) across[c] = Double4::load(right + 4 * c) * scale;
        ARCUATE_UNROLL
        for (int r = 0; r < 4; ++r) {
            const Double4 down = Double4::all(left[r]);
            ARCUATE_UNROLL
            for (int c = 0; c < W / 4; ++c) v[r][c] = fma(down, across[c], v[r][c]);
        }
    }
    /// v += left right^T, or v -= left right^T
    template <bool Subtract>
    ARCUATE_HD void add(const double* left, const double* right) {
        Double4 across[W / 4];
        ARCUATE_UNROLL
        for (int c = 0; c < W / 4; ++c) across[c] = Double4::load(right + 4 * c);
        ARCUATE_UNROLL
        for (int r = 0; r < 4; ++r) {
            const Double4 down = Double4::all(left[r]);
            ARCUATE_UNROLL
            for (int c = 0; c < W / 4; ++c) v[r][c] = Subtract ? fnma(down, across[c], v[r][c]) : fma(down, across[c], v[r][c]);
        }
    }
    ARCUATE_HD void eliminate(const FourPivots& pivots) {
        ARCUATE_UNROLL
        for (int r = 1; r < 4; ++r) {
            ARCUATE_UNROLL
            for (int above = 0; above < r; ++above) {
                const Double4 down = Double4::all(pivots.less[above][r]);
                ARCUATE_UNROLL
                for (int c = 0; c < W / 4; ++c) v[r][c] = fnma(down, v[above][c], v[r][c]);
            }
        }
        ARCUATE_UNROLL
        for (int r = 0; r < 4; ++r) {
            const Double4 scale = Double4::all(pivots.scale[r]);
            ARCUATE_UNROLL
            for (int c = 0; c < W / 4; ++c) v[r][c] = v[r][c] * scale;
        }
    }
};

/// Calls body(Tile<8 or 4>, column) over the columns [first, width) of one band, both multiples of 4.
template <class Body>
ARCUATE_HD void for_tiles(int first, int width, const Body& body) {
    int column = first;
    if ((width - first) % 8) {
        body(Tile<4>{}, column);
        column += 4;
    }
    ARCUATE_ROLLED
    for (; column < width; column += 8) body(Tile<8>{}, column);
}

}  // namespace detail

/// Adds x_k x_k^T for the rows x_k = rows + index[k] * width, k = 0 ... count-1; or takes them away.
template <bool Subtract, int N>
ARCUATE_HD void add_outer_products(NormalEquations<N>& normal, const double* rows, const std::int16_t* index, int count) {
    using Normal = NormalEquations<N>;
    ARCUATE_ROLLED
    for (int band = 0; band < Normal::bands; ++band) {
        const int first = 4 * band, stride = Normal::width - first;
        detail::for_tiles(first, Normal::width, [&](auto tile, int column) {
            double* const here = normal.a + Normal::band_start(band) + (column - first);
            tile.load(here, stride);
            for (int k = 0; k < count; ++k) {
                const double* const x = rows + std::int64_t{index[k]} * Normal::width;
                tile.template add<Subtract>(x + first, x + column);
            }
            tile.store(here, stride);
        });
    }
}

/// Adds weight[k] x_k x_k^T, and weight[k] value[k] x_k on the right-hand side, for the rows x_k = rows + k * width, which are zero from N on.
template <int N>
ARCUATE_HD void add_weighted_rows(NormalEquations<N>& normal, const double* rows, const double* weight, const float* value, int count) {
    using Normal = NormalEquations<N>;
    ARCUATE_ROLLED
    for (int band = 0; band < Normal::bands; ++band) {
        const int first = 4 * band, stride = Normal::width - first;
        detail::for_tiles(first, Normal::width, [&](auto tile, int column) {
            double* const here = normal.a + Normal::band_start(band) + (column - first);
            tile.load(here, stride);
            const double* x = rows;
            for (int k = 0; k < count; ++k, x += Normal::width) tile.add_scaled(x + first, x + column, Double4::all(weight[k]));
            tile.store(here, stride);
        });
    }
    Double4 right[Normal::width / 4];
    ARCUATE_UNROLL
    for (int c = 0; c < Normal::width / 4; ++c) right[c] = Double4::all(0);
    const double* x = rows;
    for (int k = 0; k < count; ++k, x += Normal::width) {
        const Double4 scale = Double4::all(weight[k] * static_cast<double>(value[k]));
        ARCUATE_UNROLL
        for (int c = 0; c < Normal::width / 4; ++c) right[c] = fma(Double4::load(x + 4 * c), scale, right[c]);
    }
    double sum[Normal::width];
    ARCUATE_UNROLL
    for (int c = 0; c < Normal::width / 4; ++c) right[c].store(sum + 4 * c);
    for (int i = 0; i < N; ++i) normal.a[Normal::at(i, N)] = normal.a[Normal::at(i, N)] + sum[i];
}

/// Adds weight * x x^T, x of `width` values: N of the design and the measurement after them.
template <int N>
ARCUATE_HD void add_outer_product(NormalEquations<N>& normal, const double* x, double weight) {
    using Normal = NormalEquations<N>;
    ARCUATE_UNROLL
    for (int i = 0; i < N; ++i) {
        const Double4 s = Double4::all(weight * x[i]);
        ARCUATE_UNROLL
        for (int j = i / 4 * 4; j < Normal::width; j += 4) {
            double* const here = normal.a + Normal::at(i, j);
            fma(s, Double4::load(x + j), Double4::load(here)).store(here);
        }
    }
}

/// Solves for the unknowns. Returns false, and leaves `solution` alone, where a pivot is not positive (or not a number).
/// `factor` is scratch: U with A = U^T U, and U^-T b in the right-hand column.
template <int N>
ARCUATE_HD bool solve(const NormalEquations<N>& normal, NormalEquations<N>& factor, double* solution) {
    using Normal = NormalEquations<N>;
    constexpr int padded = 4 * Normal::bands;
    double inverse_pivot[padded];
    ARCUATE_ROLLED
    for (int band = 0; band < Normal::bands; ++band) {
        const int first = 4 * band, stride = Normal::width - first;
        detail::FourPivots pivots{};
        bool positive = true;
        detail::for_tiles(first, Normal::width, [&](auto tile, int column) {
            tile.load(normal.a + Normal::band_start(band) + (column - first), stride);
            // What the rows above take away, ...
            ARCUATE_ROLLED
            for (int above = 0; above < band; ++above) {
                const double* u = factor.a + Normal::band_start(above) - 4 * above;
                ARCUATE_UNROLL
                for (int r = 0; r < 4; ++r, u += Normal::width - 4 * above) tile.template add<true>(u + first, u + column);
            }
            // ... then what the band's rows do to each other: the first tile holds their pivots.
            if (column == first) {
                double square[4][4];
                ARCUATE_UNROLL
                for (int r = 0; r < 4; ++r) tile.v[r][0].store(square[r]);
                positive = pivots.find(square, min(4, N - first));
            }
            tile.eliminate(pivots);
            tile.store(factor.a + Normal::band_start(band) + (column - first), stride);
        });
        if (!positive) return false;
        for (int r = 0; r < 4; ++r) inverse_pivot[first + r] = pivots.scale[r];
    }
    // Back substitution, U x = y, band by band: four interleaved partial sums over the bands after it, then the band's own.
    double x[padded];
    ARCUATE_ROLLED
    for (int band = Normal::bands - 1; band >= 0; --band) {
        const int first = 4 * band;
        const double* const u = factor.a + Normal::row_start(first);
        const int stride = Normal::width - first;
        Double4 part[4];
        ARCUATE_UNROLL
        for (int r = 0; r < 4; ++r) part[r] = Double4::all(0);
        ARCUATE_ROLLED
        for (int j = first + 4; j < padded; j += 4) {
            const Double4 known = Double4::load(x + j);
            ARCUATE_UNROLL
            for (int r = 0; r < 4; ++r) part[r] = fma(Double4::load(u + r * stride + j), known, part[r]);
        }
        double sum[4], y[4];
        sums_of(part, sum);
        ARCUATE_UNROLL
        for (int r = 3; r >= 0; --r) {
            y[r] = 0;
            if (first + r >= N) continue;
            y[r] = u[r * stride + N] - sum[r];
            ARCUATE_UNROLL
            for (int j = 3; j > r; --j) y[r] = fma(-u[r * stride + first + j], y[j], y[r]);
            y[r] = y[r] * inverse_pivot[first + r];
        }
        ARCUATE_UNROLL
        for (int r = 0; r < 4; ++r) x[first + r] = y[r];
    }
    for (int i = 0; i < N; ++i) solution[i] = x[i];
    return true;
}

}  // namespace arcuate::kernels
