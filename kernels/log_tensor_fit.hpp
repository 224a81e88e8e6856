// The seven parameters of a tensor's log signal, xx, yy, zz, xy, xz, yz and ln S0, for as many voxels as Lanes has: LogSignalFit's method, written over the
// lane, because within one voxel the lanes of an 8 x 8 system are half empty, and each square root and division waits for the last. Every lane goes through the
// same operations, so a voxel's tensor is the same to the last bit by Double1 (what a GPU runs) and by Double4 beside any neighbours; a test holds that.
#pragma once

#include "kernels/lanes.hpp"

namespace arcuate::kernels {

template <class Lanes>
struct LogTensorFit {
    static constexpr int n = 7, width = 8;          ///< parameters, columns of the design
    static constexpr int block = 32;                ///< volumes at a time: loops over them are vector code
    static constexpr int lanes = Lanes::count;

    const double* design;  ///< (volumes, width) ln S = design . parameters; the eighth column is zero
    int volumes;
    bool weighted;         ///< first pass weighted by the signal; otherwise unweighted
    int reweightings;      ///< further passes, weighted by the predicted signal

    /// The largest signal of each voxel; whether all of every voxel are finite and one is positive.
    ARCUATE_HD bool measure(const float* const* s, float* largest) const {
        bool usable = true;
        for (int r = 0; r < lanes; ++r) {
            // As integers: those of positive floats have their order, and those of negative ones are negative.
            std::int32_t top = 0;
            std::uint32_t farthest = 0;
            ARCUATE_ROLLED
            for (int v = 0; v < volumes; ++v) {
                const std::uint32_t bits = bits_of(s[r][v]);
                top = max(top, static_cast<std::int32_t>(bits));
                farthest = max(farthest, bits & 0x7fffffffu);
            }
            largest[r] = float_of(static_cast<std::uint32_t>(top));
            usable = usable && top > 0 && farthest < 0x7f800000u;
        }
        return usable;
    }

    /// Of signals that measure() found usable: `p` becomes the parameters of ln (S / largest), one voxel after the other, and `s` that logarithm. Bit r of
    /// the result: voxel r has a solution (its normal matrix is positive definite).
    ARCUATE_HD int fit(float* const* s, const float* largest, double (*p)[n]) const {
        // Signals relative to the largest: their logarithms are small, so float keeps them to 1e-7; weights do not depend on the scale.
        System normal;
        Lanes x[n];
        float row[block], weight[lanes * block], value[lanes * block];  // of one block of volumes; voxel fastest
        clear(normal);
        for (int v = 0; v < volumes; v += block) {
            const int count = min(block, volumes - v);
            for (int r = 0; r < lanes; ++r) {
                ARCUATE_ROLLED
                for (int k = 0; k < block; ++k) row[k] = s[r][min(v + k, volumes - 1)];
                ARCUATE_ROLLED
                for (int k = 0; k < block; ++k) row[k] = max(row[k] / largest[r], 1e-6f);
                ARCUATE_ROLLED
                for (int k = 0; k < block; ++k) weight[lanes * k + r] = weighted ? row[k] : 1.0f;
                ARCUATE_ROLLED
                for (int k = 0; k < block; ++k) row[k] = log(row[k]);
                ARCUATE_ROLLED
                for (int k = 0; k < block; ++k) value[lanes * k + r] = row[k];
                for (int k = 0; k < count; ++k) s[r][v + k] = row[k];
            }
            add(normal, v, count, weight, value);
        }
        int solved = solve(normal, x);
        for (int pass = 0; pass < reweightings; ++pass) {
            clear(normal);
            for (int v = 0; v < volumes; v += block) {
                const int count = min(block, volumes - v);
                for (int k = 0; k < count; ++k) predict(design + std::int64_t{v + k} * width, x).store(weight + lanes * k);
                for (int k = lanes * count; k < lanes * block; ++k) weight[k] = 0;
                ARCUATE_ROLLED
                for (int k = 0; k < lanes * block; ++k) weight[k] = exp(weight[k]);
                for (int r = 0; r < lanes; ++r)
                    for (int k = 0; k < count; ++k) value[lanes * k + r] = s[r][v + k];
                add(normal, v, count, weight, value);
            }
            solved &= solve(normal, x);
        }
        for (int i = 0; i < n; ++i) {
            double lane[lanes];
            x[i].store(lane);
            for (int r = 0; r < lanes; ++r) p[r][i] = lane[r];
        }
        return solved;
    }

  private:
    /// Upper triangle by rows, and the right-hand side.
    struct System {
        Lanes a[n * (n + 1) / 2], b[n];
        static constexpr int at(int i, int j) { return i * n - i * (i - 1) / 2 + j - i; }
    };

    ARCUATE_HD static void clear(System& normal) {
        for (auto& element : normal.a) element = Lanes::all(0);
        for (auto& element : normal.b) element = Lanes::all(0);
    }

    ARCUATE_HD static Lanes predict(const double* x, const Lanes* p) {
        Lanes part[4];
        ARCUATE_UNROLL
        for (int i = 0; i < 4; ++i) part[i] = Lanes::all(x[i]) * p[i];
        ARCUATE_UNROLL
        for (int i = 4; i < n; ++i) part[i - 4] = fma(Lanes::all(x[i]), p[i], part[i - 4]);
        return (part[0] + part[1]) + (part[2] + part[3]);
    }

    /// `count` volumes from `first` on: var(ln S) is proportional to 1/S^2, so the squared residual counts S^2 times. Three groups of rows, whose sums fit
    /// into the registers.
    ARCUATE_HD void add(System& normal, int first, int count, const float* weight, const float* value) const {
        const double* const x = design + std::int64_t{first} * width;
        double square[lanes * block];
        ARCUATE_ROLLED
        for (int k = 0; k < lanes * block; ++k) square[k] = static_cast<double>(weight[k]) * static_cast<double>(weight[k]);
        add_rows<0, 2>(normal, x, square, count);
        add_rows<2, 4>(normal, x, square, count);
        add_rows<4, n>(normal, x, square, count);
        Lanes right[n];
        for (auto& element : right) element = Lanes::all(0);
        for (int k = 0; k < count; ++k) {
            const Lanes scale = Lanes::load(square + lanes * k) * Lanes::load(value + lanes * k);
            ARCUATE_UNROLL
            for (int i = 0; i < n; ++i) right[i] = fma(Lanes::all(x[k * width + i]), scale, right[i]);
        }
        for (int i = 0; i < n; ++i) normal.b[i] = normal.b[i] + right[i];
    }

    template <int First, int End>
    ARCUATE_HD static void add_rows(System& normal, const double* x, const double* weight, int count) {
        Lanes sum[End - First][n];
        ARCUATE_UNROLL
        for (int i = First; i < End; ++i) {
            ARCUATE_UNROLL
            for (int j = i; j < n; ++j) sum[i - First][j] = normal.a[System::at(i, j)];
        }
        for (int k = 0; k < count; ++k, x += width) {
            const Lanes w = Lanes::load(weight + lanes * k);
            Lanes down[End - First];
            ARCUATE_UNROLL
            for (int i = First; i < End; ++i) down[i - First] = Lanes::all(x[i]);
            ARCUATE_UNROLL
            for (int j = First; j < n; ++j) {
                const Lanes across = (j < End ? down[j - First] : Lanes::all(x[j])) * w;
                ARCUATE_UNROLL
                for (int i = First; i < End && i <= j; ++i) sum[i - First][j] = fma(down[i - First], across, sum[i - First][j]);
            }
        }
        ARCUATE_UNROLL
        for (int i = First; i < End; ++i) {
            ARCUATE_UNROLL
            for (int j = i; j < n; ++j) normal.a[System::at(i, j)] = sum[i - First][j];
        }
    }

    /// By Cholesky's factor, in place; bit r of the result: lane r has a solution.
    ARCUATE_HD static int solve(System& u, Lanes* x) {
        Lanes inverse[n], zero = Lanes::all(0);
        int solved = (1 << lanes) - 1;
        ARCUATE_UNROLL
        for (int i = 0; i < n; ++i) {
            ARCUATE_UNROLL
            for (int above = 0; above < i; ++above) {
                const Lanes down = u.a[System::at(above, i)];
                ARCUATE_UNROLL
                for (int j = i; j < n; ++j) u.a[System::at(i, j)] = fnma(down, u.a[System::at(above, j)], u.a[System::at(i, j)]);
                u.b[i] = fnma(down, u.b[above], u.b[i]);
            }
            const Lanes pivot = u.a[System::at(i, i)];
            solved &= zero.below(pivot);
            inverse[i] = Lanes::all(1) / sqrt(pivot);
            ARCUATE_UNROLL
            for (int j = i; j < n; ++j) u.a[System::at(i, j)] = u.a[System::at(i, j)] * inverse[i];
            u.b[i] = u.b[i] * inverse[i];
        }
        ARCUATE_UNROLL
        for (int i = n - 1; i >= 0; --i) {
            x[i] = u.b[i];
            ARCUATE_UNROLL
            for (int j = n - 1; j > i; --j) x[i] = fnma(u.a[System::at(i, j)], x[j], x[i]);
            x[i] = x[i] * inverse[i];
        }
        return solved;
    }
};

}  // namespace arcuate::kernels
