// How sure one can be of a voxel's tensor from one acquisition: the bootstrap of the fit's residuals.
//
// A replicate is the fitted log signal plus residuals, fitted again with the weights of the original fit. That fit is linear, so replicate minus
// original is a sum over the volumes of an influence row, which depends on the volume alone, times the residual given to it:
//   wild (Whitcher et al. 2008, Hum Brain Mapp 29:346): the volume's own residual with a random sign;
//   residual (Chung, Lu & Henry 2006, NeuroImage 33:531): one drawn from all volumes', weighted so that they have one variance.
// A residual is smaller than the error it stands for by the volume's leverage h: divided by sqrt(1 - h) it has the error's variance (HC2), divided
// by 1 - h more (HC3), which makes up for what a normal interval of a few dozen volumes lacks.
#pragma once

#include "kernels/philox.hpp"
#include "kernels/select.hpp"
#include "kernels/tensor_fit.hpp"

namespace arcuate::kernels {

/// Columns of the output rows; FA without unit, MD [mm2/s], cone [degrees].
struct BootstrapColumns {
    static constexpr int fa_se = 0, fa_lower = 1, fa_upper = 2, md_se = 3, md_lower = 4, md_upper = 5, cone95 = 6, count = 7;
};

struct BootstrapTensor {
    static constexpr int n = FitTensor::parameters;
    static constexpr int width = 8;   ///< columns of an influence row: six tensor elements, one unused, the pool of residuals
    static constexpr int kept = 5;    ///< floats kept per replicate: FA, MD, principal direction
    using Normal = FitTensor::Normal;

    FitTensor fit;                  ///< its maps are not written
    const std::int64_t* item;       ///< (voxels) index in the image: the address of the random numbers
    std::uint64_t seed;
    int replicates;                 ///< at least 2
    bool wild;                      ///< otherwise residual
    bool hc3;                       ///< otherwise HC2
    bool percentile;                ///< intervals from the replicates' 2.5 and 97.5 percentiles; otherwise estimate +- 1.96 standard errors
    RowsView<float> influence;      ///< (voxels, volumes * width) scratch
    RowsView<float> samples;        ///< (voxels, replicates * kept) scratch
    RowsView<float> out;            ///< (voxels, BootstrapColumns::count) zero where skipped

    ARCUATE_HD void operator()(std::int64_t voxel) const {
        float* const o = out.row(voxel);
        double p[n];
        float largest = 0.0f;
        bool good = fit.fit(fit.signals.row(voxel), p, largest);
        int pool = 0;
        good = good && prepare(fit.signals.row(voxel), p, influence.row(voxel), pool);
        if (good) {
            draw(voxel, p, pool);
            summarise(p, samples.row(voxel), o);
            for (int c = 0; c < BootstrapColumns::count; ++c) good = good && is_finite(o[c]);
        }
        fit.fitted[voxel] = good;
        if (!good)
            for (int c = 0; c < BootstrapColumns::count; ++c) o[c] = 0.0f;
    }

    /// Influence rows, scaled by the volume's own residual (wild) or by 1 / weight (residual, with the pool to draw from in the last column).
    ARCUATE_HD bool prepare(const float* log_signal, const double* p, float* rows, int& pool) const {
        Normal normal, factor;
        normal.clear();
        for (int v = 0; v < fit.volumes; ++v) fit.add(normal, v, log_signal[v], weight(log_signal, p, v));
        double inverse[n][n];
        for (int i = 0; i < n; ++i) {
            for (int k = 0; k < n; ++k) normal.a[Normal::at(k, n)] = k == i ? 1.0 : 0.0;
            if (!solve(normal, factor, inverse[i])) return false;
        }
        // Pooled variance of the weighted residuals, for volumes that the fit follows whatever they say (an only b=0 volume, say): their residual
        // tells nothing of their error.
        constexpr double followed = 0.05;
        double sum = 0, mean = 0;
        for (int v = 0; v < fit.volumes; ++v) {
            const double w = weight(log_signal, p, v), left = 1.0 - leverage(inverse, v, w);
            if (left < followed) continue;
            const double e = w * residual(log_signal, p, v);
            const double corrected = e / (hc3 ? left : sqrt(left));
            sum = fma(e, e, sum);
            mean = mean + corrected;
            rows[std::int64_t{pool++} * width + width - 1] = static_cast<float>(corrected);
        }
        const double sigma = sqrt(sum / static_cast<double>(fit.volumes - n));
        mean = mean / static_cast<double>(pool);
        for (int k = 0; k < pool; ++k) rows[std::int64_t{k} * width + width - 1] = rows[std::int64_t{k} * width + width - 1] - static_cast<float>(mean);
        for (int v = 0; v < fit.volumes; ++v) {
            const double* const x = fit.design + v * 8;
            const double w = weight(log_signal, p, v), left = 1.0 - leverage(inverse, v, w);
            double scale = w;
            if (wild) scale = left < followed ? w * sigma : w * w * residual(log_signal, p, v) / (hc3 ? left : sqrt(left));
            for (int i = 0; i < 6; ++i) {
                double sum_i = 0;
                for (int k = 0; k < n; ++k) sum_i = fma(inverse[i][k], x[k], sum_i);
                rows[std::int64_t{v} * width + i] = static_cast<float>(sum_i * scale);
            }
            rows[std::int64_t{v} * width + 6] = 0.0f;
        }
        return pool > 0;
    }

    ARCUATE_HD double predicted(const double* p, int v) const {
        const double* const x = fit.design + v * 8;
        double sum = x[0] * p[0];
        for (int i = 1; i < n; ++i) sum = fma(x[i], p[i], sum);
        return sum;
    }
    ARCUATE_HD double residual(const float* log_signal, const double* p, int v) const { return static_cast<double>(log_signal[v]) - predicted(p, v); }
    ARCUATE_HD double weight(const float* log_signal, const double* p, int v) const {
        if (!fit.weighted) return 1.0;
        return static_cast<double>(exp(fit.reweightings > 0 ? static_cast<float>(predicted(p, v)) : log_signal[v]));
    }
    ARCUATE_HD double leverage(const double (*inverse)[n], int v, double w) const {
        const double* const x = fit.design + v * 8;
        double sum = 0;
        for (int i = 0; i < n; ++i)
            for (int k = 0; k < n; ++k) sum = fma(x[i] * inverse[i][k], x[k], sum);
        return w * w * sum;
    }

    ARCUATE_HD void draw(std::int64_t voxel, const double* p, int pool) const {
        const float* const rows = influence.row(voxel);
        float* const s = samples.row(voxel);
        for (int r = 0; r < replicates; ++r) {
            const Philox stream{seed, static_cast<std::uint64_t>(item[voxel]), Purpose::bootstrap, static_cast<std::uint32_t>(r)};
            float change[width] = {0, 0, 0, 0, 0, 0, 0, 0};
            if (wild)
                add_signed(stream, rows, change);
            else
                add_drawn(stream, rows, pool, change);
            SymmetricTensor d{};
            for (int i = 0; i < 6; ++i) d.v[i] = p[i] + static_cast<double>(change[i]);
            const TensorMetrics m = tensor_metrics(d);
            s[r] = static_cast<float>(m.fa);
            s[replicates + r] = static_cast<float>(m.md);
            for (int i = 0; i < 3; ++i) s[(2 + i) * std::int64_t{replicates} + r] = static_cast<float>(m.v1[i]);
        }
    }

    /// One bit a volume: 128 signs a draw.
    ARCUATE_HD void add_signed(const Philox& stream, const float* rows, float* change) const {
        for (int first = 0; first < fit.volumes; first += 128) {
            const Random4 bits = stream(static_cast<std::uint32_t>(first / 128));
            const int last = min(fit.volumes, first + 128);
            for (int v = first; v < last; ++v) {
                const std::uint32_t sign = (bits.v[(v - first) / 32] << (31 - v % 32)) & 0x80000000u;
                const float* const row = rows + std::int64_t{v} * width;
                ARCUATE_UNROLL
                for (int i = 0; i < width; ++i) change[i] = change[i] + float_of(bits_of(row[i]) ^ sign);
            }
        }
    }

    /// One word a volume.
    ARCUATE_HD void add_drawn(const Philox& stream, const float* rows, int pool, float* change) const {
        for (int first = 0; first < fit.volumes; first += 4) {
            const Random4 bits = stream(static_cast<std::uint32_t>(first / 4));
            const int last = min(fit.volumes, first + 4);
            for (int v = first; v < last; ++v) {
                const auto drawn = std::int64_t{uniform_below(bits.v[v - first], static_cast<std::uint32_t>(pool))};
                const float e = rows[drawn * width + width - 1];
                const float* const row = rows + std::int64_t{v} * width;
                ARCUATE_UNROLL
                for (int i = 0; i < width; ++i) change[i] = fma(e, row[i], change[i]);
            }
        }
    }

    ARCUATE_HD void summarise(const double* p, float* s, float* o) const {
        using C = BootstrapColumns;
        SymmetricTensor d{};
        for (int i = 0; i < 6; ++i) d.v[i] = p[i];
        const TensorMetrics m = tensor_metrics(d);
        const double b = fit.b_scale;
        interval(m.fa, 1.0, s, o + C::fa_se);
        o[C::fa_lower] = max(0.0f, o[C::fa_lower]);
        interval(m.md, b, s + replicates, o + C::md_se);
        o[C::cone95] = cone95(s + 2 * std::int64_t{replicates});
    }

    /// Standard error, lower and upper end, over `unit`.
    ARCUATE_HD void interval(double estimate, double unit, float* row, float* o) const {
        double sum = 0, squares = 0;
        for (int r = 0; r < replicates; ++r) sum = sum + static_cast<double>(row[r]);
        const double mean = sum / static_cast<double>(replicates);
        for (int r = 0; r < replicates; ++r) squares = fma(static_cast<double>(row[r]) - mean, static_cast<double>(row[r]) - mean, squares);
        const double se = sqrt(squares / static_cast<double>(replicates - 1));
        o[0] = static_cast<float>(se / unit);
        o[1] = static_cast<float>((percentile ? static_cast<double>(quantile(row, replicates, 1, 40).value()) : estimate - 1.959963985 * se) / unit);
        o[2] = static_cast<float>((percentile ? static_cast<double>(quantile(row, replicates, 39, 40).value()) : estimate + 1.959963985 * se) / unit);
    }

    /// Angle to the main direction of the mean dyadic that 95% of the replicates' directions stay within [degrees] (Jones 2003, Magn Reson Med 49:7).
    ARCUATE_HD float cone95(float* directions) const {
        const std::int64_t b = replicates;
        SymmetricTensor dyadic{};
        for (std::int64_t r = 0; r < b; ++r) {
            const double x = static_cast<double>(directions[r]), y = static_cast<double>(directions[b + r]), z = static_cast<double>(directions[2 * b + r]);
            const double product[6] = {x * x, y * y, z * z, x * y, x * z, y * z};
            for (int i = 0; i < 6; ++i) dyadic.v[i] = dyadic.v[i] + product[i];
        }
        const TensorMetrics mean = tensor_metrics(dyadic);
        for (std::int64_t r = 0; r < b; ++r) {
            const double x = static_cast<double>(directions[r]), y = static_cast<double>(directions[b + r]), z = static_cast<double>(directions[2 * b + r]);
            const double* const m = mean.v1;
            const double cx = y * m[2] - z * m[1], cy = z * m[0] - x * m[2], cz = x * m[1] - y * m[0];
            // The sine, which keeps small angles exact; it orders angles of axes as they are.
            directions[r] = static_cast<float>(sqrt(min(1.0, cx * cx + cy * cy + cz * cz)));
        }
        Quantile q = quantile(directions, replicates, 19, 20);
        constexpr float degrees = 57.2957795f;
        q.below = asin(q.below) * degrees;
        q.above = asin(q.above) * degrees;
        return q.value();
    }
};

}  // namespace arcuate::kernels
