// Maps beyond FitTensor's own, from its rows: eigenvalues, minor directions, tensor mode, Westin's shape measures, colour FA, residual.
// A kernel of its own, so that who does not ask for them does not pay.
#pragma once

#include "kernels/tensor_fit.hpp"

namespace arcuate::kernels {

/// Columns of the output rows.
struct TensorMapColumns {
    static constexpr int eigenvalues = 0, v2 = 3, v3 = 6, mode = 9, cl = 10, cp = 11, cs = 12, colour_fa = 13, residual = 16, count = 17;
};

/// Index of the largest, middle and smallest eigenvalue; equal ones in the order they came.
ARCUATE_HD void descending(const double* values, int* order) {
    order[0] = 0, order[1] = 1, order[2] = 2;
    for (int pass = 0; pass < 2; ++pass)
        for (int i = 0; i < 2; ++i)
            if (values[order[i]] < values[order[i + 1]]) {
                const int smaller = order[i];
                order[i] = order[i + 1];
                order[i + 1] = smaller;
            }
}

/// Column `which` as a unit vector whose component of largest magnitude is positive.
ARCUATE_HD void unit_column(const double (*vectors)[3], int which, double* out) {
    double length = 0;
    int largest = 0;
    for (int i = 0; i < 3; ++i) {
        out[i] = vectors[i][which];
        length = fma(out[i], out[i], length);
        if (abs(out[i]) > abs(out[largest])) largest = i;
    }
    const double scale = (out[largest] < 0 ? -1.0 : 1.0) / sqrt(length);
    for (int i = 0; i < 3; ++i) out[i] = out[i] * scale;
}

/// 3 sqrt(6) det(A / |A|), A the tensor less its mean diffusivity (Ennis & Kindlmann 2006, Magn Reson Med 55:136): 1 linear, 0 orthotropic,
/// -1 planar; 0 for an isotropic tensor, which has none.
ARCUATE_HD double tensor_mode(const SymmetricTensor& d) {
    const double md = (d.v[0] + d.v[1] + d.v[2]) / 3.0;
    const double x = d.v[0] - md, y = d.v[1] - md, z = d.v[2] - md, xy = d.v[3], xz = d.v[4], yz = d.v[5];
    const double norm = sqrt(x * x + y * y + z * z + 2.0 * (xy * xy + xz * xz + yz * yz));
    if (!(norm > 0)) return 0;
    const double determinant = x * (y * z - yz * yz) - xy * (xy * z - yz * xz) + xz * (xy * yz - y * xz);
    return min(1.0, max(-1.0, 7.348469228349534 * (determinant / norm / norm / norm)));
}

struct DeriveTensorMaps {
    FitTensor fit;        ///< as it ran: its signals are now ln (S / scale)
    const float* scale;   ///< (voxels) the largest signal; null where no residual is asked for
    RowsView<float> out;  ///< (voxels, TensorMapColumns::count) zero where not fitted

    ARCUATE_HD void operator()(std::int64_t voxel) const {
        using C = TensorMapColumns;
        float* const o = out.row(voxel);
        for (int c = 0; c < C::count; ++c) o[c] = 0.0f;
        if (!fit.fitted[voxel]) return;
        const float* const m = fit.maps.row(voxel);
        SymmetricTensor d{};
        for (int i = 0; i < 6; ++i) d.v[i] = static_cast<double>(m[TensorColumns::tensor + i]);
        double values[3], vectors[3][3], v[3];
        int order[3];
        eigen_decompose(d, values, vectors);
        descending(values, order);
        for (int i = 0; i < 3; ++i) o[C::eigenvalues + i] = static_cast<float>(values[order[i]]);
        unit_column(vectors, order[1], v);
        for (int i = 0; i < 3; ++i) o[C::v2 + i] = static_cast<float>(v[i]);
        unit_column(vectors, order[2], v);
        for (int i = 0; i < 3; ++i) o[C::v3 + i] = static_cast<float>(v[i]);
        o[C::mode] = static_cast<float>(tensor_mode(d));
        // By the trace, so that the three sum to 1 (Westin et al. 1997, Proc ISMRM 5:1742); as MRtrix3 and DIPY have them.
        const double l1 = values[order[0]], l2 = values[order[1]], l3 = values[order[2]], trace = l1 + l2 + l3;
        if (trace > 0) {
            o[C::cl] = static_cast<float>((l1 - l2) / trace);
            o[C::cp] = static_cast<float>(2.0 * (l2 - l3) / trace);
            o[C::cs] = static_cast<float>(3.0 * l3 / trace);
        }
        for (int i = 0; i < 3; ++i) o[C::colour_fa + i] = abs(m[TensorColumns::v1 + i]) * m[TensorColumns::fa];
        if (scale) o[C::residual] = residual(m, fit.signals.row(voxel), scale[voxel]);
    }

    /// Root mean square over the volumes of S - S0 exp(-b g.D.g), in the signal's unit.
    ARCUATE_HD float residual(const float* m, const float* log_signal, float largest) const {
        double p[6];
        for (int i = 0; i < 6; ++i) p[i] = static_cast<double>(m[TensorColumns::tensor + i]) * fit.b_scale;
        double sum = 0;
        for (int v = 0; v < fit.volumes; ++v) {
            const double* const x = fit.design + v * 8;
            double attenuation = x[0] * p[0];
            for (int i = 1; i < 6; ++i) attenuation = fma(x[i], p[i], attenuation);
            const double predicted = static_cast<double>(exp(static_cast<float>(attenuation))) * static_cast<double>(m[TensorColumns::s0]);
            const double difference = static_cast<double>(exp(log_signal[v])) * static_cast<double>(largest) - predicted;
            sum = fma(difference, difference, sum);
        }
        const float r = static_cast<float>(sqrt(sum / static_cast<double>(fit.volumes)));
        return is_finite(r) ? r : 0.0f;
    }
};

}  // namespace arcuate::kernels
