// The positive definite tensor that fits the log signal best, where the linear fit has an eigenvalue that is not positive.
#pragma once

#include "kernels/tensor_fit.hpp"

namespace arcuate::kernels {

/// FitTensor's fit, its reweighting passes included, over D = L L^T, L lower triangular (Koay et al. 2006, J Magn Reson 182:115): each pass is Newton's
/// method with Levenberg's damping, from the tensor before it with its eigenvalues clipped. The sum of squares is
/// quadratic in D, so its normal equations are all that a step needs. Voxels whose tensor is positive keep every byte.
struct MakeTensorPositive {
    static constexpr int steps = 100;                 ///< of a pass, at most
    static constexpr std::uint8_t constrained = 2;    ///< fitted[voxel] where the tensor was replaced
    static constexpr int n = FitTensor::parameters;
    using Normal = FitTensor::Normal;

    FitTensor fit;       ///< as it ran: its signals are now ln (S / scale)
    const float* scale;  ///< (voxels) the largest signal

    ARCUATE_HD void operator()(std::int64_t voxel) const {
        if (!fit.fitted[voxel]) return;
        float* const m = fit.maps.row(voxel);
        SymmetricTensor d{};
        for (int i = 0; i < 6; ++i) d.v[i] = static_cast<double>(m[TensorColumns::tensor + i]) * fit.b_scale;
        double values[3], vectors[3][3];
        eigen_decompose(d, values, vectors);
        if (values[0] > 0 && values[1] > 0 && values[2] > 0) return;

        double p[n], q[n];
        for (int i = 0; i < 6; ++i) p[i] = d.v[i];
        p[6] = static_cast<double>(log(m[TensorColumns::s0] / scale[voxel]));
        for (int pass = 0; pass <= fit.reweightings; ++pass) {
            Normal normal;
            sum_up(fit.signals.row(voxel), pass > 0, p, normal);
            start(values, vectors, p[6], q);
            minimise(normal, q);
            to_tensor(q, p);
            for (int i = 0; i < 6; ++i) d.v[i] = p[i];
            eigen_decompose(d, values, vectors);
        }
        // A trace of isotropy keeps the smallest eigenvalue above the rounding of the float tensor.
        const double above_rounding = 1e-6 * (p[0] + p[1] + p[2]);
        for (int i = 0; i < 3; ++i) p[i] = p[i] + above_rounding;
        fit.fitted[voxel] = fit.write(p, scale[voxel], m) ? constrained : std::uint8_t{0};
        if (!fit.fitted[voxel])
            for (int c = 0; c < TensorColumns::count; ++c) m[c] = 0.0f;
    }

    /// The normal equations with FitTensor's first weights, or weighted by the prediction of p.
    ARCUATE_HD void sum_up(const float* log_signal, bool reweighted, const double* p, Normal& normal) const {
        normal.clear();
        for (int v = 0; v < fit.volumes; ++v) {
            float exponent = log_signal[v];
            if (reweighted) {
                const double* const x = fit.design + v * 8;
                double predicted = x[0] * p[0];
                for (int i = 1; i < n; ++i) predicted = fma(x[i], p[i], predicted);
                exponent = static_cast<float>(predicted);
            }
            fit.add(normal, v, log_signal[v], fit.weighted ? static_cast<double>(exp(exponent)) : 1.0);
        }
    }

    /// L (l00, l11, l22, l10, l20, l21) and ln S0 of the tensor with eigenvalues below 1% of the largest raised to that. Not to zero: the
    /// derivative along a column that is zero vanishes, and Newton's method would never leave it.
    ARCUATE_HD static void start(const double* values, const double (*vectors)[3], double log_s0, double* q) {
        const double least = 0.01 * max(max(values[0], max(values[1], values[2])), 0.01);
        double d[3][3];
        for (int i = 0; i < 3; ++i)
            for (int j = 0; j < 3; ++j) {
                d[i][j] = 0;
                for (int k = 0; k < 3; ++k) d[i][j] = fma(vectors[i][k] * max(values[k], least), vectors[j][k], d[i][j]);
            }
        q[0] = sqrt(d[0][0]);
        q[3] = d[1][0] / q[0];
        q[4] = d[2][0] / q[0];
        q[1] = sqrt(max(d[1][1] - q[3] * q[3], least));
        q[5] = (d[2][1] - q[4] * q[3]) / q[1];
        q[2] = sqrt(max(d[2][2] - q[4] * q[4] - q[5] * q[5], least));
        q[6] = log_s0;
    }

    ARCUATE_HD static void to_tensor(const double* q, double* p) {
        p[0] = q[0] * q[0];
        p[1] = q[3] * q[3] + q[1] * q[1];
        p[2] = q[4] * q[4] + q[5] * q[5] + q[2] * q[2];
        p[3] = q[0] * q[3];
        p[4] = q[0] * q[4];
        p[5] = q[3] * q[4] + q[1] * q[5];
        p[6] = q[6];
    }

    /// Half the weighted sum of squares less its constant, and its gradient over p.
    ARCUATE_HD static double cost(const Normal& normal, const double* p, double* gradient) {
        double twice = 0;
        for (int i = 0; i < n; ++i) {
            double row = 0;
            for (int j = 0; j < n; ++j) row = fma(element(normal, i, j), p[j], row);
            const double right = normal.a[Normal::at(i, n)];
            gradient[i] = row - right;
            twice = fma(p[i], row - 2.0 * right, twice);
        }
        return 0.5 * twice;
    }
    ARCUATE_HD static double element(const Normal& normal, int i, int j) { return normal.a[i < j ? Normal::at(i, j) : Normal::at(j, i)]; }

    ARCUATE_HD static void minimise(const Normal& normal, double* q) {
        double p[n], g[n], trial[n], trial_p[n], trial_g[n], step[n];
        to_tensor(q, p);
        double now = cost(normal, p, g), damping = 1e-3;
        Normal system, factor;
        for (int pass = 0; pass < steps; ++pass) {
            newton_system(normal, q, g, damping, system);
            bool better = solve(system, factor, step);
            if (better) {
                for (int i = 0; i < n; ++i) trial[i] = q[i] + step[i];
                to_tensor(trial, trial_p);
                const double then = cost(normal, trial_p, trial_g);
                better = then < now;
                if (better) {
                    now = then;
                    for (int i = 0; i < n; ++i) q[i] = trial[i], g[i] = trial_g[i];
                }
            }
            damping = better ? damping * 0.2 : damping * 5.0;
            if (damping > 1e8) break;  // nothing to gain within rounding
        }
    }

    /// (J^T A J + second derivatives + damping) step = -J^T g, where A is the normal matrix and J = dp/dq.
    ARCUATE_HD static void newton_system(const Normal& normal, const double* q, const double* g, double damping, Normal& system) {
        // Element k of q is L[row_of][column_of]; element k of p is D[row_of][column_of] too.
        const int row_of[6] = {0, 1, 2, 1, 2, 2}, column_of[6] = {0, 1, 2, 0, 0, 1};
        const double l[3][3] = {{q[0], 0, 0}, {q[3], q[1], 0}, {q[4], q[5], q[2]}};
        // dcost = sum of slope[i][j] dD[i][j] over all nine elements.
        const double slope[3][3] = {{g[0], 0.5 * g[3], 0.5 * g[4]}, {0.5 * g[3], g[1], 0.5 * g[5]}, {0.5 * g[4], 0.5 * g[5], g[2]}};
        double jacobian[n][n], product[n][n];
        for (int k = 0; k < n; ++k)
            for (int j = 0; j < n; ++j) {
                double value = k == j ? 1.0 : 0.0;
                if (k < 6 && j < 6) {  // dD[a][b] / dL[i][c] = [a = i] L[b][c] + [b = i] L[a][c]
                    const int a = row_of[k], b = column_of[k], i = row_of[j], c = column_of[j];
                    value = (a == i ? l[b][c] : 0.0) + (b == i ? l[a][c] : 0.0);
                }
                jacobian[k][j] = value;
            }
        for (int i = 0; i < n; ++i)
            for (int j = 0; j < n; ++j) {
                product[i][j] = 0;
                for (int k = 0; k < n; ++k) product[i][j] = fma(element(normal, i, k), jacobian[k][j], product[i][j]);
            }
        system.clear();
        double trace = 0;
        for (int i = 0; i < n; ++i) {
            double right = 0;
            for (int k = 0; k < n; ++k) right = fma(-jacobian[k][i], g[k], right);
            system.a[Normal::at(i, n)] = right;
            for (int j = i / 4 * 4; j < n; ++j) {
                double sum = 0;
                for (int k = 0; k < n; ++k) sum = fma(jacobian[k][i], product[k][j], sum);
                if (i < 6 && j < 6 && column_of[i] == column_of[j]) sum = sum + 2.0 * slope[row_of[i]][row_of[j]];
                system.a[Normal::at(i, j)] = sum;
            }
            trace = trace + abs(system.a[Normal::at(i, i)]);
        }
        for (int i = 0; i < n; ++i) system.a[Normal::at(i, i)] = fma(damping, trace, system.a[Normal::at(i, i)]);
    }
};

}  // namespace arcuate::kernels
