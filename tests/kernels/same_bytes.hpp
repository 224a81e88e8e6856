// One digest per item over what the kernels' arithmetic gives for it. The programs same_bytes.cpp and same_bytes.cu print the digest of all
// digests; built by every compiler, for every processor, at every optimisation level, they must print the same line (same_bytes.cmake).
#pragma once

#include "kernels/cone_face.hpp"
#include "kernels/cubic_spline.hpp"
#include "kernels/gram_face.hpp"
#include "kernels/log_signal_fit.hpp"
#include "kernels/log_tensor_fit.hpp"
#include "kernels/philox_lanes.hpp"
#include "kernels/sh_polynomial.hpp"
#include "kernels/tensor_metrics.hpp"

namespace arcuate::test {

inline constexpr std::uint32_t n_items = 100000;

/// FNV-1a, 64 bits, over 32-bit words.
struct Digest {
    std::uint64_t value = 0xcbf29ce484222325ull;
    ARCUATE_HD void add(std::uint32_t word) {
        for (int byte = 0; byte < 4; ++byte) value = (value ^ (word >> (8 * byte) & 0xffu)) * 0x100000001b3ull;
    }
    ARCUATE_HD void add(float x) { add(kernels::bits_of(x)); }
    ARCUATE_HD void add(double x) {
        const auto bits = std::bit_cast<std::uint64_t>(x);
        add(static_cast<std::uint32_t>(bits));
        add(static_cast<std::uint32_t>(bits >> 32));
    }
    ARCUATE_HD void add(kernels::Vec3 a) {
        add(a.x);
        add(a.y);
        add(a.z);
    }
};

ARCUATE_HD std::uint64_t digest_of_item(std::uint32_t item) {
    namespace k = kernels;
    Digest digest;
    // A float from anywhere in the range, one in [-1, 1), one in [0, 1) and a direction.
    const k::Random4 random = k::Philox{7, item, k::Purpose::noise, 3}(1);
    for (const auto word : random.v) digest.add(word);
    const float any = k::float_of(item * 42949u), unit = 2.0f * k::uniform(random.v[0]) - 1.0f, positive = k::uniform_above_zero(random.v[1]);
    k::Vec3 d;
    k::uniform_direction(random.v[2], random.v[3], d.x, d.y, d.z);

    digest.add(k::exp(any));
    digest.add(k::exp(100.0f * unit));
    digest.add(k::log(any));
    digest.add(k::log(positive));
    digest.add(k::pow(positive, 8.0f * unit));
    const k::SinCos wild = k::sincos(any), tame = k::sincos(60000.0f * unit);
    digest.add(wild.sin);
    digest.add(wild.cos);
    digest.add(tame.sin);
    digest.add(tame.cos);
    digest.add(k::acos(any));
    digest.add(k::acos(unit));
    digest.add(k::sqrt(k::abs(k::is_nan(any) ? 1.0f : any)));
    digest.add(k::sqrt(1.0 / positive));
    digest.add(static_cast<std::uint32_t>(k::floor_int(1e6f * unit)));
    digest.add(k::round_even(1e6f * unit));

    const k::Normal2 normal = k::normal2(random.v[0], random.v[1]);
    digest.add(normal.a);
    digest.add(normal.b);
    const k::Frame frame = k::frame_around(d);
    digest.add(frame.u);
    digest.add(frame.v);
    digest.add(k::in_world(frame, {unit, positive, normal.a}));
    digest.add(k::normalized(k::cross(d, frame.u) + normal.b * d));

    float single[sh_count(8)];
    k::sh_basis<8, float>(d.x, d.y, d.z, single);
    for (const float value : single) digest.add(value);
    double fine[sh_count(8)];
    k::sh_basis<8, double>(d.x, d.y, d.z, fine);
    for (const double value : fine) digest.add(value);

    if (item % 8 == 0) {  // every half that is finite, before the items end
        alignas(32) float floats[8];
        alignas(16) std::uint16_t halves[8];
        for (std::uint32_t j = 0; j < 8; ++j) {
            halves[j] = static_cast<std::uint16_t>(item + j & ((item + j & 0x7c00u) == 0x7c00u ? 0xbfffu : 0xffffu));
            floats[j] = single[j];
        }
        float wide[8];
        k::Float8::load_aligned(halves).store(wide);
        for (const float value : wide) digest.add(value);
        (k::Float8::load_aligned(floats) * k::Float8::load_aligned(halves)).store(wide);
        for (const float value : wide) digest.add(value);
    }

    // Vector lanes and what is built of them: a weighted fit of seven parameters to 37 values. Slow where an fma is a library call, so not for every item.
    if (item % 64 == 0) {
        constexpr int volumes = 37;
        using Fit = k::LogSignalFit<7>;
        double design[volumes * Fit::width];
        float signal[volumes];
        for (int v = 0; v < volumes; ++v) {
            const auto volume = static_cast<std::uint32_t>(v);
            for (int i = 0; i < Fit::width; i += 4) {
                const k::Random4 more = k::Philox{8, item, k::Purpose::noise, volume}(static_cast<std::uint32_t>(i));
                for (int j = 0; j < 4; ++j) design[v * Fit::width + i + j] = i + j < 7 ? static_cast<double>(k::uniform(more.v[j])) : 0.0;
            }
            signal[v] = k::uniform_above_zero(k::Philox{9, item, k::Purpose::noise, volume}(0).v[0]);
        }
        double p[7] = {};
        float largest = 0;
        digest.add(static_cast<std::uint32_t>(Fit{design, volumes, true, 2}(signal, p, largest)));
        for (const double value : p) digest.add(value);
        float beside[4][volumes], most[4];
        float* const rows[4] = {beside[0], beside[1], beside[2], beside[3]};
        for (int r = 0; r < 4; ++r)
            for (int v = 0; v < volumes; ++v) beside[r][v] = k::exp(signal[(v + r) % volumes]);  // fit() left logarithms
        const k::LogTensorFit<k::Double4> four{design, volumes, true, 2};
        double of_four[4][7] = {};
        digest.add(static_cast<std::uint32_t>(four.measure(rows, most)));
        digest.add(static_cast<std::uint32_t>(four.fit(rows, most, of_four)));
        for (const auto& of_one : of_four)
            for (const double value : of_one) digest.add(value);
        digest.add(static_cast<std::uint32_t>(k::Double4::load(design).below(k::Double4::load(design + 8))));
        double plane[48 * 3], point[48], on[48], products[9];
        float plane_f[48 * 3];
        for (int j = 0; j < 48 * 3; ++j) plane_f[j] = static_cast<float>(plane[j] = j % 48 < 40 ? design[j] - 0.4 : 0.0);
        for (int j = 0; j < 48; ++j) point[j] = j < 40 ? -design[j + 150] : 0.0;
        k::ConeFace<48> face;
        k::GramFaceRoom<48> room;
        k::GramFace<48> by_products;
        for (int j = 0; j < 9; ++j) products[j] = j % 4 == 0 ? 1 : 0.1 * face.dot(plane + j / 3 * 48, plane + j % 3 * 48);
        face.begin(plane, point, 40);
        by_products.begin(room, products, 3, 40);
        for (int j = 0; j < 3; ++j) {
            face.join(j, 0.25);
            by_products.join(j, face.dot(plane + j * 48, point));
        }
        digest.add(static_cast<std::uint32_t>(face.settle(on)));
        digest.add(static_cast<std::uint32_t>(by_products.settle()));
        digest.add(static_cast<std::uint32_t>(face.count + 4 * by_products.count));
        face.refine(on);
        for (int j = 0; j < 40; ++j) digest.add(on[j]);
        for (int j = 0; j < by_products.count; ++j) digest.add(room.multiplier[j]);
        const k::Float8 eight = k::fma(k::Float8::load(signal), k::Float8::load(signal + 8), k::min(k::Float8::load(signal + 16), k::Float8::all(0.5f)));
        digest.add(k::least_of(eight));
        digest.add(k::tree_sum(k::negated(k::log_of_normal(k::max(eight, k::Float8::all(positive))), random.v[2])));
        std::uint32_t steps[8];
        for (std::uint32_t j = 0; j < 8; ++j) steps[j] = item + j * j;
        const k::Random4x8 streams = k::eight_streams({random.v[0], item, k::Purpose::bootstrap, 0}, steps, 5), draws = k::eight_draws({random.v[0], item, k::Purpose::noise, 1}, 6);
        for (int i = 0; i < 4; ++i)
            for (int j = 0; j < 8; ++j) digest.add(streams.v[i][j] + 3 * draws.v[i][j]);
        const k::SinCos8 turned = k::sincos(k::Float8::all(6.0f) * k::uniform(draws.v[1]));
        float polynomial[k::ShPolynomial<8>::stride];
        for (int j = 0; j < k::ShPolynomial<8>::stride; ++j) polynomial[j] = j < sh_count(8) ? single[j] : 0.0f;
        const k::Float8 low = k::sqrt(k::uniform(draws.v[2]) * k::Float8::all(0.25f));
        digest.add(k::tree_sum(k::ShPolynomial<8>::value(polynomial, low * turned.cos, low * turned.sin, k::Float8::all(1.0f) - low * low)));
        const k::TensorMetrics metrics = k::tensor_metrics({{design[0], design[1], design[2], design[3] - 0.5, design[4] - 0.5, design[5] - 0.5}});
        const double of_metrics[] = {metrics.fa, metrics.ad, metrics.rd, metrics.v1[0], metrics.v1[1], metrics.v1[2]};
        for (const double value : of_metrics) digest.add(value);
        float voxels[5 * 4 * 6];
        for (int j = 0; j < 5 * 4 * 6; ++j) voxels[j] = static_cast<float>(design[j]);
        const k::SplineView spline{voxels, nullptr, 5, 4, 6, {{{0.7, -0.2, 0.1, 1.5}, {0.3, 0.6, -0.2, 1.25}, {-0.1, 0.2, 0.8, 2.5}}}};
        k::SplineView::Place place{};
        k::Vec3 slope{0, 0, 0};
        if (spline.locate({design[1], design[2] - 0.5, design[3]}, place)) digest.add(spline.sample(place, slope));
        digest.add(slope);
        digest.add(static_cast<std::uint32_t>(eight.not_above(k::Float8::load(signal + 24))));
        digest.add(k::tree_sum(k::asin(k::choose_below(eight, k::Float8::load(signal + 4), k::uniform(draws.v[3]), k::Float8::all(0.25f)))));
        k::Float8 columns[8];
        float sums[8];
        k::transpose(plane_f, 12, columns);
        k::sums_of(columns, sums);
        k::sums_of(columns + 4, sums + 4);
        for (const float value : sums) digest.add(value);
        digest.add(k::tree_sum(k::fnma(columns[0], columns[1], columns[2] / k::max(columns[3], k::Float8::all(0.01f)))));
        digest.add(static_cast<std::uint32_t>(k::count_bits(random.v[0]) + k::lowest_bit(random.v[0] | 0x80000000u)));
    }
    return digest.value;
}

}  // namespace arcuate::test
