// The two highest peaks of a voxel's FOD: local maxima over a dense set of directions, refined by Newton's method on the sphere.
#pragma once

#include "kernels/sh_basis.hpp"
#include "kernels/views.hpp"

namespace arcuate::kernels {

inline constexpr int peak_directions = 320;   ///< a multiple of 32
inline constexpr int peak_neighbours = 12;

/// Columns of the output rows: amplitudes of the highest peak and of the next (0 where there is none), unit direction of the highest.
struct PeakColumns {
    static constexpr int first = 0, second = 1, direction = 2, count = 5;
};

template <int Lmax>
struct FindPeaks {
    static constexpr int n = sh_count(Lmax);

    const double* directions;        ///< (peak_directions, 3) unit
    const double* basis_t;           ///< (n, peak_directions)
    const std::int16_t* neighbours;  ///< (peak_directions, peak_neighbours) the nearest directions or opposites; itself as padding
    RowsView<const float> fods;      ///< (voxels, n)
    RowsView<float> peaks;           ///< (voxels, PeakColumns::count)

    struct Peak {
        double amplitude;
        double d[3];
    };

    ARCUATE_HD void operator()(std::int64_t voxel) const {
        double f[n];
        for (int c = 0; c < n; ++c) f[c] = static_cast<double>(fods.row(voxel)[c]);
        float amplitude[peak_directions];
        sample(f, amplitude);
        Peak first{0, {0, 0, 0}};
        double second = 0;
        for (int i = 0; i < peak_directions; ++i) {
            if (!(amplitude[i] > 0.0f) || !is_maximum(amplitude, i)) continue;
            const Peak p = refine(f, directions + 3 * i);
            const double cosine = p.d[0] * first.d[0] + p.d[1] * first.d[1] + p.d[2] * first.d[2];
            if (cosine * cosine > 0.98) {  // the same peak, found from both sides of it (8 degrees)
                if (p.amplitude > first.amplitude) first = p;
            } else if (p.amplitude > first.amplitude) {
                second = first.amplitude;
                first = p;
            } else {
                second = max(second, p.amplitude);
            }
        }
        float* const out = peaks.row(voxel);
        out[PeakColumns::first] = static_cast<float>(first.amplitude);
        out[PeakColumns::second] = static_cast<float>(second);
        for (int k = 0; k < 3; ++k) out[PeakColumns::direction + k] = static_cast<float>(first.d[k]);
    }

    ARCUATE_HD void sample(const double* f, float* amplitude) const {
        for (int d = 0; d < peak_directions; d += 32) {
            double sum[32];
            ARCUATE_UNROLL
            for (int k = 0; k < 32; ++k) sum[k] = 0;
            for (int c = 0; c < n; ++c) {
                const double* const b = basis_t + c * peak_directions + d;
                ARCUATE_UNROLL
                for (int k = 0; k < 32; ++k) sum[k] = fma(b[k], f[c], sum[k]);
            }
            for (int k = 0; k < 32; ++k) amplitude[d + k] = static_cast<float>(sum[k]);
        }
    }

    ARCUATE_HD bool is_maximum(const float* amplitude, int i) const {
        for (int k = 0; k < peak_neighbours; ++k) {
            const int j = neighbours[i * peak_neighbours + k];
            if (amplitude[j] > amplitude[i] || (amplitude[j] == amplitude[i] && j < i)) return false;
        }
        return true;
    }

    ARCUATE_HD static double amplitude_along(const double* f, const double* d) {
        double basis[n];
        sh_basis<Lmax>(d[0], d[1], d[2], basis);
        double sum = 0;
        for (int c = 0; c < n; ++c) sum = fma(basis[c], f[c], sum);
        return sum;
    }

    /// The point at tangent coordinates (a, b) from d, back on the sphere.
    ARCUATE_HD static void displaced(const double* d, const double* u, const double* v, double a, double b, double* out) {
        double square = 0;
        for (int k = 0; k < 3; ++k) {
            out[k] = fma(a, u[k], fma(b, v[k], d[k]));
            square = fma(out[k], out[k], square);
        }
        const double scale = 1.0 / sqrt(square);
        for (int k = 0; k < 3; ++k) out[k] = out[k] * scale;
    }

    /// Steps of Newton's method uphill from a direction near a peak.
    ARCUATE_HD static Peak refine(const double* f, const double* start, int passes = 4) {
        constexpr double h = 0.02;          // radians; differences below err by h^2 l^2 / 12, 0.2% of the step at lmax 8
        constexpr double longest = 0.07;    // half the spacing of the directions
        Peak p{0, {start[0], start[1], start[2]}};
        for (int pass = 0; pass < passes; ++pass) {
            // Tangent vectors, from the axis that d is farthest from.
            const double* const d = p.d;
            int axis = 0;
            for (int k = 1; k < 3; ++k)
                if (abs(d[k]) < abs(d[axis])) axis = k;
            double u[3] = {-d[axis] * d[0], -d[axis] * d[1], -d[axis] * d[2]};
            u[axis] += 1.0;
            const double scale = 1.0 / sqrt(u[0] * u[0] + u[1] * u[1] + u[2] * u[2]);
            for (double& component : u) component = component * scale;
            const double v[3] = {d[1] * u[2] - d[2] * u[1], d[2] * u[0] - d[0] * u[2], d[0] * u[1] - d[1] * u[0]};

            double at[3][3];
            for (int i = 0; i < 3; ++i)
                for (int j = 0; j < 3; ++j) {
                    double q[3];
                    displaced(d, u, v, h * (i - 1), h * (j - 1), q);
                    at[i][j] = amplitude_along(f, q);
                }
            const double gu = (at[2][1] - at[0][1]) / (2 * h), gv = (at[1][2] - at[1][0]) / (2 * h);
            const double huu = (at[2][1] - 2 * at[1][1] + at[0][1]) / (h * h), hvv = (at[1][2] - 2 * at[1][1] + at[1][0]) / (h * h);
            const double huv = (at[2][2] - at[2][0] - at[0][2] + at[0][0]) / (4 * h * h);
            const double determinant = huu * hvv - huv * huv;
            double a = gu, b = gv;  // uphill, where the surface does not yet bend down
            if (huu < 0 && determinant > 0) {
                a = (huv * gv - hvv * gu) / determinant;
                b = (huv * gu - huu * gv) / determinant;
            }
            const double step = sqrt(a * a + b * b);
            if (step > longest) {
                a = a * (longest / step);
                b = b * (longest / step);
            }
            double next[3];
            displaced(d, u, v, a, b, next);
            for (int k = 0; k < 3; ++k) p.d[k] = next[k];
        }
        p.amplitude = amplitude_along(f, p.d);
        return p;
    }
};

}  // namespace arcuate::kernels
