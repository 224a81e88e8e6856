// The lobes of a voxel's FOD (Smith et al. 2013, NeuroImage 67:298, appendix 2): sampled over a dense net of directions, cut at its valleys.
//
// Flooding from the largest sample downwards: a sample whose higher neighbours belong to no lobe begins one, one beside a single lobe joins it, and one
// between several is a bridge, which floods no further and in the end counts for the lobe of the highest peak. So what a sample becomes depends on its
// higher neighbours alone, and instead of sorting, each sample waits for those.
#pragma once

#include "kernels/fod_peaks.hpp"

namespace arcuate::kernels {

/// Samples of the sphere that the voxels share. One of each pair of opposite directions.
struct LobeNet {
    static constexpr int size = 1281, padded = 1312, neighbours = 6;  ///< padded to a multiple of 32

    const float* basis_t;             ///< (coefficients, padded)
    const float* weight;              ///< (size) sums with these weights are integrals over the whole sphere, exact for the order of the FOD [sr]
    const double* directions;         ///< (size, 3) unit
    const std::int16_t* neighbour;    ///< (size, neighbours), itself as padding
};

struct Lobe {
    float integral;           ///< over the lobe and its opposite
    float peak;
    float direction[3];       ///< of the peak
    float mean_direction[3];
};

template <int Lmax>
struct SegmentFod {
    static constexpr int n = sh_count(Lmax);
    static constexpr int max_lobes = 15;
    static constexpr int row_bytes = (LobeNet::size + 1) / 2;

    LobeNet net;
    float peak_threshold;          ///< a lobe's peak is at least this
    bool refine_peaks;             ///< find peaks between the samples; without, only where that decides whether a lobe is high enough
    bool dilate;                   ///< directions of no lobe go to the nearest
    bool null_lobe;                ///< directions of no lobe make one of their own, without integral
    RowsView<const float> fods;    ///< (voxels, n)
    std::uint8_t* counts;          ///< out (voxels)
    Lobe* lobes;                   ///< out (voxels, max_lobes), of falling peak (as sampled)
    std::uint8_t* rows;            ///< out (voxels, row_bytes): the lobe of each direction, max_lobes for none; four bits each

    ARCUATE_HD void operator()(std::int64_t voxel) const {
        const float* const f = fods.row(voxel);
        float amplitude[LobeNet::padded];
        sample(f, amplitude);
        std::int16_t owner[LobeNet::size];  // the sample at the lobe's peak, or none
        flood(amplitude, owner);

        Lobe* const out = lobes + voxel * max_lobes;
        std::int16_t at_peak[max_lobes];
        int count = 0;
        double wide[n];
        for (int c = 0; c < n; ++c) wide[c] = static_cast<double>(f[c]);
        std::uint8_t lobe_of[LobeNet::size], lobe_at_peak[LobeNet::size];
        ARCUATE_ROLLED
        for (int i = 0; i < LobeNet::size; ++i) {
            lobe_at_peak[i] = max_lobes;
            if (owner[i] == i) count = insert(wide, amplitude, i, at_peak, out, count);
        }
        for (int k = 0; k < count; ++k) lobe_at_peak[at_peak[k]] = static_cast<std::uint8_t>(k);
        ARCUATE_ROLLED
        for (int i = 0; i < LobeNet::size; ++i) lobe_of[i] = owner[i] < 0 ? std::uint8_t{max_lobes} : lobe_at_peak[owner[i]];
        measure(amplitude, lobe_of, out, count);
        if (null_lobe && count < max_lobes) {
            count = add_null_lobe(lobe_of, out, count);
        } else if (dilate) {
            grow(lobe_of, out);
        }
        counts[voxel] = static_cast<std::uint8_t>(count);
        std::uint8_t* const row = rows + voxel * row_bytes;
        ARCUATE_ROLLED
        for (int b = 0; b < row_bytes; ++b) {
            const std::uint8_t high = 2 * b + 1 < LobeNet::size ? lobe_of[2 * b + 1] : std::uint8_t{max_lobes};
            row[b] = static_cast<std::uint8_t>(lobe_of[2 * b] | high << 4);
        }
    }

  private:
    static constexpr std::int16_t none = -1;

    /// Written for the compiler to take eight directions at a time.
    ARCUATE_HD void sample(const float* f, float* amplitude) const {
        constexpr int block = 32;
        ARCUATE_ROLLED
        for (int d = 0; d < LobeNet::padded; d += block) {
            float sum[block];
            for (int k = 0; k < block; ++k) sum[k] = 0;
            ARCUATE_ROLLED
            for (int c = 0; c < n; ++c) {
                const float* const b = net.basis_t + c * LobeNet::padded + d;
                const float coefficient = f[c];
                for (int k = 0; k < block; ++k) sum[k] = fma(b[k], coefficient, sum[k]);
            }
            for (int k = 0; k < block; ++k) amplitude[d + k] = sum[k];
        }
    }

    /// Of two samples with the same amplitude the first counts as higher.
    ARCUATE_HD static bool is_higher(const float* amplitude, int j, int i) { return amplitude[j] > amplitude[i] || (amplitude[j] == amplitude[i] && j < i); }

    /// owner: the sample at the peak of the lobe that each sample belongs to, `none` where the amplitude is not positive.
    ARCUATE_HD void flood(const float* amplitude, std::int16_t* owner) const {
        constexpr std::uint8_t bridge = 64, done = 128;  // bits below: higher neighbours that have not been asked
        std::uint8_t state[LobeNet::size];
        std::int16_t path[LobeNet::size];  // samples that wait, each for the next
        ARCUATE_ROLLED
        for (int i = 0; i < LobeNet::size; ++i) {
            const std::int16_t* const near = net.neighbour + LobeNet::neighbours * i;
            int higher = 0;
            ARCUATE_UNROLL
            for (int k = 0; k < LobeNet::neighbours; ++k) {
                const int j = near[k];
                const int above = static_cast<int>(amplitude[j] > amplitude[i]) | (static_cast<int>(amplitude[j] == amplitude[i]) & static_cast<int>(j < i));
                higher |= above << k;
            }
            state[i] = amplitude[i] > 0.0f ? static_cast<std::uint8_t>(higher) : done;
            owner[i] = none;
        }
        ARCUATE_ROLLED
        for (int start = 0; start < LobeNet::size; ++start) {
            if (state[start] & done) continue;
            int length = 1;
            path[0] = static_cast<std::int16_t>(start);
            while (length > 0) {
                const int i = path[length - 1], pending = state[i] & (bridge - 1);
                if (pending == 0) {
                    if (owner[i] == none) owner[i] = static_cast<std::int16_t>(i);
                    state[i] = static_cast<std::uint8_t>(state[i] | done);
                    --length;
                    continue;
                }
                const int j = net.neighbour[LobeNet::neighbours * i + lowest_bit(static_cast<std::uint32_t>(pending))];
                if (!(state[j] & done)) {
                    path[length++] = static_cast<std::int16_t>(j);
                    continue;
                }
                state[i] = static_cast<std::uint8_t>(state[i] & (state[i] - 1));
                if (state[j] & bridge) continue;
                const std::int16_t lobe = owner[j];
                if (owner[i] == none) {
                    owner[i] = lobe;
                } else if (owner[i] != lobe) {
                    state[i] = static_cast<std::uint8_t>(state[i] | bridge);
                    if (is_higher(amplitude, lobe, owner[i])) owner[i] = lobe;
                }
            }
        }
    }

    /// Adds the lobe that peaks at sample i, unless it is too low; of more than max_lobes the highest stay.
    ARCUATE_HD int insert(const double* f, const float* amplitude, int i, std::int16_t* at_peak, Lobe* out, int count) const {
        Lobe lobe{};
        lobe.peak = amplitude[i];
        const double* const d = net.directions + 3 * i;
        for (int k = 0; k < 3; ++k) lobe.direction[k] = static_cast<float>(d[k]);
        // A peak between samples is at most l (l + 1) / 4 (2.2 degrees)^2 higher: 6% at lmax 12.
        if (!(lobe.peak > 0.9f * peak_threshold)) return count;
        if (refine_peaks || lobe.peak < peak_threshold) {
            const auto refined = FindPeaks<Lmax>::refine(f, d, 2);
            if (static_cast<float>(refined.amplitude) > lobe.peak) {
                lobe.peak = static_cast<float>(refined.amplitude);
                for (int k = 0; k < 3; ++k) lobe.direction[k] = static_cast<float>(refined.d[k]);
            }
        }
        if (!(lobe.peak >= peak_threshold)) return count;
        int place = count;
        while (place > 0 && is_higher(amplitude, i, at_peak[place - 1])) --place;
        if (place == max_lobes) return count;
        const int last = count < max_lobes ? count : max_lobes - 1;
        for (int k = last; k > place; --k) {
            at_peak[k] = at_peak[k - 1];
            out[k] = out[k - 1];
        }
        at_peak[place] = static_cast<std::int16_t>(i);
        out[place] = lobe;
        return last + 1;
    }

    /// Integrals and mean directions; samples in their order.
    ARCUATE_HD void measure(const float* amplitude, const std::uint8_t* lobe_of, Lobe* out, int count) const {
        double integral[max_lobes], mean[max_lobes][3];
        for (int k = 0; k < count; ++k) integral[k] = mean[k][0] = mean[k][1] = mean[k][2] = 0;
        ARCUATE_ROLLED
        for (int i = 0; i < LobeNet::size; ++i) {
            const int k = lobe_of[i];
            if (k == max_lobes) continue;
            const double part = static_cast<double>(amplitude[i]) * static_cast<double>(net.weight[i]);
            const double* const d = net.directions + 3 * i;
            const double along = d[0] * static_cast<double>(out[k].direction[0]) + d[1] * static_cast<double>(out[k].direction[1]) +
                                 d[2] * static_cast<double>(out[k].direction[2]);
            const double side = along < 0 ? -part : part;
            integral[k] += part;
            for (int axis = 0; axis < 3; ++axis) mean[k][axis] = fma(side, d[axis], mean[k][axis]);
        }
        for (int k = 0; k < count; ++k) {
            out[k].integral = static_cast<float>(integral[k]);
            const double scale = 1.0 / sqrt(mean[k][0] * mean[k][0] + mean[k][1] * mean[k][1] + mean[k][2] * mean[k][2]);
            for (int axis = 0; axis < 3; ++axis) out[k].mean_direction[axis] = static_cast<float>(mean[k][axis] * scale);
        }
    }

    ARCUATE_HD static int add_null_lobe(std::uint8_t* lobe_of, Lobe* out, int count) {
        bool any = false;
        ARCUATE_ROLLED
        for (int i = 0; i < LobeNet::size; ++i)
            if (lobe_of[i] == max_lobes) {
                lobe_of[i] = static_cast<std::uint8_t>(count);
                any = true;
            }
        if (any) out[count] = Lobe{};
        return count + (any ? 1 : 0);
    }

    /// Ring by ring, directions of no lobe join a lobe beside them; of several the one of the largest integral.
    ARCUATE_HD void grow(std::uint8_t* lobe_of, const Lobe* out) const {
        constexpr std::uint8_t fresh = 16;  // added to the lobe of those that joined in this ring
        std::int16_t ring[LobeNet::size];   // [begin, end): the last ring; behind it the next
        int begin = 0, end = 0;
        ARCUATE_ROLLED
        for (int i = 0; i < LobeNet::size; ++i)
            if (lobe_of[i] != max_lobes) ring[end++] = static_cast<std::int16_t>(i);
        while (begin < end) {
            int next = end;
            ARCUATE_ROLLED
            for (int r = begin; r < end; ++r) {
                const std::int16_t* const near = net.neighbour + LobeNet::neighbours * ring[r];
                const int lobe = lobe_of[ring[r]];
                ARCUATE_ROLLED
                for (int k = 0; k < LobeNet::neighbours; ++k) {
                    std::uint8_t& other = lobe_of[near[k]];
                    if (other < max_lobes) continue;
                    const bool is_new = other == max_lobes;
                    if (is_new) ring[next++] = near[k];
                    if (is_new || is_larger(out, lobe, other - fresh)) other = static_cast<std::uint8_t>(fresh + lobe);
                }
            }
            begin = end;
            end = next;
            ARCUATE_ROLLED
            for (int r = begin; r < end; ++r) lobe_of[ring[r]] = static_cast<std::uint8_t>(lobe_of[ring[r]] - fresh);
        }
    }
    ARCUATE_HD static bool is_larger(const Lobe* out, int a, int b) { return out[a].integral > out[b].integral || (out[a].integral == out[b].integral && a < b); }
};

}  // namespace arcuate::kernels
