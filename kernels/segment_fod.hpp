// The lobes of a voxel's FOD (Smith et al. 2013, NeuroImage 67:298, appendix 2): sampled over a dense net of directions, cut at its valleys.
//
// Flooding from the largest sample downwards: a sample whose higher neighbours belong to no lobe begins one, one beside a single lobe joins it, and one
// between several is a bridge, which floods no further and in the end counts for the lobe of the highest peak. Lobes are numbered as they begin, so that the
// highest has the lowest number, and whether a sample's higher neighbours agree is a matter of their least and greatest number.
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

/// The amplitudes along the net's directions, padding included. Written for the compiler to take eight directions at a time.
template <int Lmax>
ARCUATE_HD void sample_fod(const LobeNet& net, const float* f, float* amplitude) {
    constexpr int block = 32;
    ARCUATE_ROLLED
    for (int d = 0; d < LobeNet::padded; d += block) {
        float sum[block];
        for (int k = 0; k < block; ++k) sum[k] = 0;
        ARCUATE_ROLLED
        for (int c = 0; c < sh_count(Lmax); ++c) {
            const float* const b = net.basis_t + c * LobeNet::padded + d;
            const float coefficient = f[c];
            for (int k = 0; k < block; ++k) sum[k] = fma(b[k], coefficient, sum[k]);
        }
        for (int k = 0; k < block; ++k) amplitude[d + k] = sum[k];
    }
}

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
        sample_fod<Lmax>(net, f, amplitude);
        std::int16_t owner[LobeNet::size], peak[LobeNet::size];
        const int lobes_found = flood(amplitude, owner, peak);

        Lobe* const out = lobes + voxel * max_lobes;
        int count = 0;
        double wide[n];
        for (int c = 0; c < n; ++c) wide[c] = static_cast<double>(f[c]);
        std::uint8_t lobe_of[LobeNet::size], kept_as[LobeNet::size];
        ARCUATE_ROLLED
        for (int k = 0; k < lobes_found; ++k) {
            const bool kept = count < max_lobes && is_lobe(wide, amplitude, peak[k], out[count]);
            kept_as[k] = kept ? static_cast<std::uint8_t>(count++) : std::uint8_t{max_lobes};
        }
        ARCUATE_ROLLED
        for (int i = 0; i < LobeNet::size; ++i) lobe_of[i] = owner[i] == none ? std::uint8_t{max_lobes} : kept_as[owner[i]];
        measure(amplitude, lobe_of, out, count);
        if (null_lobe && count < max_lobes) {
            count = add_null_lobe(lobe_of, out, count);
        } else if (dilate && count > 1) {
            grow(lobe_of, out, count);
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

    /// The samples above 0 by falling amplitude, of equal ones the first first, and how many: sorted byte by byte of their bits.
    ARCUATE_HD static int descending(const float* amplitude, std::int16_t* order) {
        constexpr int bytes = 4, values = 256;
        std::uint16_t place[bytes][values];
        std::int16_t other[LobeNet::size];
        ARCUATE_ROLLED
        for (int b = 0; b < bytes * values; ++b) place[b / values][b % values] = 0;
        const auto digit = [&](int i, int byte) { return ~bits_of(amplitude[i]) >> (8 * byte) & 255u; };
        int count = 0;
        ARCUATE_ROLLED
        for (int i = 0; i < LobeNet::size; ++i) {
            if (!(amplitude[i] > 0.0f)) continue;
            order[count++] = static_cast<std::int16_t>(i);
            for (int byte = 0; byte < bytes; ++byte) ++place[byte][digit(i, byte)];
        }
        ARCUATE_ROLLED
        for (int byte = 0; byte < bytes; ++byte) {
            std::uint16_t before = 0;
            ARCUATE_ROLLED
            for (int v = 0; v < values; ++v) {
                const std::uint16_t here = place[byte][v];
                place[byte][v] = before;
                before = static_cast<std::uint16_t>(before + here);
            }
            const std::int16_t* const from = byte & 1 ? other : order;
            std::int16_t* const to = byte & 1 ? order : other;
            ARCUATE_ROLLED
            for (int r = 0; r < count; ++r) to[place[byte][digit(from[r], byte)]++] = from[r];
        }
        return count;
    }

    /// owner: the number of the lobe that each sample belongs to, `none` where the amplitude is not positive. peak: the sample at each lobe's peak. Returns
    /// how many lobes there are.
    ARCUATE_HD int flood(const float* amplitude, std::int16_t* owner, std::int16_t* peak) const {
        std::int16_t order[LobeNet::size], passed_on[LobeNet::size];
        const int samples = descending(amplitude, order);
        ARCUATE_ROLLED
        for (int i = 0; i < LobeNet::size; ++i) owner[i] = passed_on[i] = none;
        int lobes_found = 0;
        ARCUATE_ROLLED
        for (int r = 0; r < samples; ++r) {
            const int i = order[r];
            const std::int16_t* const near = net.neighbour + LobeNet::neighbours * i;
            std::uint16_t least = 0xffff;  // as `none` reads without a sign
            std::int16_t greatest = none;
            ARCUATE_UNROLL
            for (int k = 0; k < LobeNet::neighbours; ++k) {
                const std::int16_t lobe = passed_on[near[k]];
                const auto number = static_cast<std::uint16_t>(lobe);
                least = number < least ? number : least;
                greatest = lobe > greatest ? lobe : greatest;
            }
            if (greatest == none) {
                peak[lobes_found] = static_cast<std::int16_t>(i);
                greatest = static_cast<std::int16_t>(lobes_found);
                least = static_cast<std::uint16_t>(lobes_found++);
            }
            owner[i] = static_cast<std::int16_t>(least);
            passed_on[i] = least == static_cast<std::uint16_t>(greatest) ? greatest : none;
        }
        return lobes_found;
    }

    /// Whether the lobe that peaks at sample i is high enough; then `lobe` gets its peak.
    ARCUATE_HD bool is_lobe(const double* f, const float* amplitude, int i, Lobe& lobe) const {
        // A peak between samples is at most l (l + 1) / 4 (2.2 degrees)^2 higher: 6% at lmax 12.
        if (!(amplitude[i] > 0.9f * peak_threshold)) return false;
        lobe = Lobe{};
        lobe.peak = amplitude[i];
        const double* const d = net.directions + 3 * i;
        for (int k = 0; k < 3; ++k) lobe.direction[k] = static_cast<float>(d[k]);
        if (refine_peaks || lobe.peak < peak_threshold) {
            const auto refined = FindPeaks<Lmax>::refine(f, d, 2);
            if (static_cast<float>(refined.amplitude) > lobe.peak) {
                lobe.peak = static_cast<float>(refined.amplitude);
                for (int k = 0; k < 3; ++k) lobe.direction[k] = static_cast<float>(refined.d[k]);
            }
        }
        return lobe.peak >= peak_threshold;
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
    ARCUATE_HD void grow(std::uint8_t* lobe_of, const Lobe* out, int count) const {
        std::uint8_t rank[max_lobes + 1], lobe_at[max_lobes + 1];  // by falling integral; none comes last
        rank[max_lobes] = lobe_at[max_lobes] = max_lobes;
        for (int a = 0; a < count; ++a) {
            int larger = 0;
            for (int b = 0; b < count; ++b) larger += is_larger(out, b, a) ? 1 : 0;
            rank[a] = static_cast<std::uint8_t>(larger);
            lobe_at[larger] = static_cast<std::uint8_t>(a);
        }
        std::int16_t left[LobeNet::size];
        std::uint8_t joined[LobeNet::size];
        int outside = 0;
        ARCUATE_ROLLED
        for (int i = 0; i < LobeNet::size; ++i) {
            left[outside] = static_cast<std::int16_t>(i);
            outside += lobe_of[i] == max_lobes ? 1 : 0;
            lobe_of[i] = rank[lobe_of[i]];
        }
        for (int before = outside + 1; outside > 0 && outside < before;) {
            ARCUATE_ROLLED
            for (int r = 0; r < outside; ++r) {
                const std::int16_t* const near = net.neighbour + LobeNet::neighbours * left[r];
                std::uint8_t best = max_lobes;
                ARCUATE_UNROLL
                for (int k = 0; k < LobeNet::neighbours; ++k) best = lobe_of[near[k]] < best ? lobe_of[near[k]] : best;
                joined[r] = best;
            }
            before = outside;
            outside = 0;
            ARCUATE_ROLLED
            for (int r = 0; r < before; ++r) {
                const std::int16_t i = left[r];
                lobe_of[i] = joined[r];
                left[outside] = i;
                outside += joined[r] == max_lobes ? 1 : 0;
            }
        }
        ARCUATE_ROLLED
        for (int i = 0; i < LobeNet::size; ++i) lobe_of[i] = lobe_at[lobe_of[i]];
    }
    ARCUATE_HD static bool is_larger(const Lobe* out, int a, int b) { return out[a].integral > out[b].integral || (out[a].integral == out[b].integral && a < b); }
};

/// What the FOD of a voxel has in lobes found in another FOD: linear in its coefficients, but never below 0.
template <int Lmax>
struct MeasureLobes {
    LobeNet net;
    RowsView<const float> fods;     ///< (voxels, coefficients)
    const std::uint8_t* rows;       ///< (voxels, row_bytes): as SegmentFod's
    const std::uint8_t* counts;     ///< (voxels) lobes
    float* integrals;               ///< out (voxels, max_lobes)

    ARCUATE_HD void operator()(std::int64_t voxel) const {
        constexpr int max_lobes = SegmentFod<Lmax>::max_lobes, row_bytes = SegmentFod<Lmax>::row_bytes;
        float amplitude[LobeNet::padded];
        sample_fod<Lmax>(net, fods.row(voxel), amplitude);
        double integral[max_lobes + 1];
        for (int k = 0; k <= max_lobes; ++k) integral[k] = 0;
        const std::uint8_t* const row = rows + voxel * row_bytes;
        ARCUATE_ROLLED
        for (int i = 0; i < LobeNet::size; ++i) {
            const int lobe = row[i / 2] >> (i & 1 ? 4 : 0) & 15;
            integral[lobe] += static_cast<double>(amplitude[i]) * static_cast<double>(net.weight[i]);
        }
        float* const out = integrals + voxel * max_lobes;
        for (int k = 0; k < counts[voxel]; ++k) out[k] = max(static_cast<float>(integral[k]), 0.0f);
    }
};

}  // namespace arcuate::kernels
