// FitTensor for four voxels at a time, one per vector lane: what a processor runs. Every lane goes through the operations of LogSignalFit<7> and of
// solve() in their order, so that a voxel's tensor is the same to the last bit, whichever voxels are its neighbours; a test holds that. Within one
// voxel the lanes of its 8 x 8 system are half empty, and each square root and division waits for the last.
#pragma once

#include "kernels/tensor_fit.hpp"

namespace arcuate::kernels {

struct FitFourTensors {
    static constexpr int n = FitTensor::parameters, width = FitTensor::Normal::width, block = LogSignalFit<n>::block;

    FitTensor fit;
    std::int64_t voxels;  ///< the last item has what is left of them

    ARCUATE_HD void operator()(std::int64_t item) const {
        const std::int64_t first = 4 * item;
        if (first + 4 <= voxels && fit_four(first)) return;
        for (std::int64_t v = first; v < min(first + 4, voxels); ++v) fit(v);
    }

  private:
    /// Upper triangle by rows, and the right-hand side.
    struct System {
        Double4 a[n * (n + 1) / 2], b[n];
        static constexpr int at(int i, int j) { return i * n - i * (i - 1) / 2 + j - i; }
    };
    /// Of one block of volumes, voxel fastest.
    using Block = float[4 * block];

    /// False, with nothing changed, where one of the four has no usable signal.
    ARCUATE_HD bool fit_four(std::int64_t first) const {
        float* const s[4] = {fit.signals.row(first), fit.signals.row(first + 1), fit.signals.row(first + 2), fit.signals.row(first + 3)};
        float largest[4] = {0, 0, 0, 0};
        bool finite = true;
        for (int v = 0; v < fit.volumes; ++v)
            for (int r = 0; r < 4; ++r) {
                finite = finite && is_finite(s[r][v]);
                largest[r] = max(largest[r], s[r][v]);
            }
        for (int r = 0; r < 4; ++r) finite = finite && largest[r] > 0.0f;
        if (!finite) return false;

        System normal;
        Double4 p[n];
        Block weight, value;
        clear(normal);
        for (int v = 0; v < fit.volumes; v += block) {
            const int count = min(block, fit.volumes - v);
            for (int k = 0; k < block; ++k)
                for (int r = 0; r < 4; ++r) weight[4 * k + r] = k < count ? s[r][v + k] / largest[r] : 1.0f;
            ARCUATE_ROLLED
            for (int k = 0; k < 4 * block; ++k) weight[k] = max(weight[k], 1e-6f);
            ARCUATE_ROLLED
            for (int k = 0; k < 4 * block; ++k) value[k] = log(weight[k]);
            for (int r = 0; r < 4; ++r)
                for (int k = 0; k < count; ++k) s[r][v + k] = value[4 * k + r];
            if (!fit.weighted)
                ARCUATE_ROLLED
                for (int k = 0; k < 4 * block; ++k) weight[k] = 1.0f;
            add(normal, v, count, weight, value);
        }
        int solved = solve(normal, p);
        for (int pass = 0; pass < fit.reweightings; ++pass) {
            clear(normal);
            for (int v = 0; v < fit.volumes; v += block) {
                const int count = min(block, fit.volumes - v);
                for (int k = 0; k < count; ++k) predict(fit.design + std::int64_t{v + k} * width, p).store(weight + 4 * k);
                for (int k = 4 * count; k < 4 * block; ++k) weight[k] = 0;
                ARCUATE_ROLLED
                for (int k = 0; k < 4 * block; ++k) weight[k] = exp(weight[k]);
                for (int k = 0; k < count; ++k)
                    for (int r = 0; r < 4; ++r) value[4 * k + r] = s[r][v + k];
                add(normal, v, count, weight, value);
            }
            solved &= solve(normal, p);
        }
        for (int r = 0; r < 4; ++r) {
            double lanes[4], parameters[n];
            for (int i = 0; i < n; ++i) {
                p[i].store(lanes);
                parameters[i] = lanes[r];
            }
            fit.finish(first + r, solved >> r & 1, parameters, largest[r]);
        }
        return true;
    }

    ARCUATE_HD static void clear(System& normal) {
        for (auto& element : normal.a) element = Double4::all(0);
        for (auto& element : normal.b) element = Double4::all(0);
    }

    /// As LogSignalFit::predict: four interleaved partial sums, then their tree.
    ARCUATE_HD static Double4 predict(const double* x, const Double4* p) {
        Double4 part[4];
        ARCUATE_UNROLL
        for (int i = 0; i < 4; ++i) part[i] = Double4::all(x[i]) * p[i];
        ARCUATE_UNROLL
        for (int i = 4; i < n; ++i) part[i - 4] = fma(Double4::all(x[i]), p[i], part[i - 4]);
        return (part[0] + part[1]) + (part[2] + part[3]);
    }

    /// As add_weighted_rows. Three groups of rows, whose sums fit into the registers.
    ARCUATE_HD void add(System& normal, int first, int count, const float* weight, const float* value) const {
        const double* const x = fit.design + std::int64_t{first} * width;
        double square[4 * block];
        ARCUATE_ROLLED
        for (int k = 0; k < 4 * block; ++k) square[k] = static_cast<double>(weight[k]) * static_cast<double>(weight[k]);
        add_rows<0, 2>(normal, x, square, count);
        add_rows<2, 4>(normal, x, square, count);
        add_rows<4, n>(normal, x, square, count);
        Double4 right[n];
        for (auto& element : right) element = Double4::all(0);
        for (int k = 0; k < count; ++k) {
            const Double4 scale = Double4::load(square + 4 * k) * Double4::load(value + 4 * k);
            ARCUATE_UNROLL
            for (int i = 0; i < n; ++i) right[i] = fma(Double4::all(x[k * width + i]), scale, right[i]);
        }
        for (int i = 0; i < n; ++i) normal.b[i] = normal.b[i] + right[i];
    }

    template <int First, int End>
    ARCUATE_HD static void add_rows(System& normal, const double* x, const double* weight, int count) {
        Double4 sum[End - First][n];
        ARCUATE_UNROLL
        for (int i = First; i < End; ++i) {
            ARCUATE_UNROLL
            for (int j = i; j < n; ++j) sum[i - First][j] = normal.a[System::at(i, j)];
        }
        for (int k = 0; k < count; ++k, x += width) {
            const Double4 w = Double4::load(weight + 4 * k);
            Double4 down[End - First];
            ARCUATE_UNROLL
            for (int i = First; i < End; ++i) down[i - First] = Double4::all(x[i]);
            ARCUATE_UNROLL
            for (int j = First; j < n; ++j) {
                const Double4 across = (j < End ? down[j - First] : Double4::all(x[j])) * w;
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

    /// As kernels::solve; bit r of the result: lane r has a solution.
    ARCUATE_HD static int solve(System& u, Double4* x) {
        Double4 inverse[n], zero = Double4::all(0);
        int solved = 15;
        ARCUATE_UNROLL
        for (int i = 0; i < n; ++i) {
            ARCUATE_UNROLL
            for (int above = 0; above < i; ++above) {
                const Double4 down = u.a[System::at(above, i)];
                ARCUATE_UNROLL
                for (int j = i; j < n; ++j) u.a[System::at(i, j)] = fnma(down, u.a[System::at(above, j)], u.a[System::at(i, j)]);
                u.b[i] = fnma(down, u.b[above], u.b[i]);
            }
            const Double4 pivot = u.a[System::at(i, i)];
            solved &= zero.below(pivot);
            inverse[i] = Double4::all(1) / sqrt(pivot);
            ARCUATE_UNROLL
            for (int j = i; j < n; ++j) u.a[System::at(i, j)] = u.a[System::at(i, j)] * inverse[i];
            u.b[i] = u.b[i] * inverse[i];
        }
        ARCUATE_UNROLL
        for (int i = n - 1; i >= 0; --i) {
            Double4 part[4] = {zero, zero, zero, zero};
            ARCUATE_UNROLL
            for (int j = i + 1; j < n; ++j) part[j & 3] = fma(u.a[System::at(i, j)], x[j], part[j & 3]);
            x[i] = (u.b[i] - ((part[0] + part[1]) + (part[2] + part[3]))) * inverse[i];
        }
        return solved;
    }
};

}  // namespace arcuate::kernels
