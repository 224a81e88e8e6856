// Signals of known tensors and fibres for the tests of this folder.
#pragma once

#include "arcuate/core/directions.hpp"
#include "arcuate/core/gradient_table.hpp"
#include "arcuate/core/image.hpp"
#include "kernels/philox.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace arcuate::test {

/// `zeros` volumes with b=0, then a shell of `directions` evenly spread ones.
inline GradientTable shell_table(int zeros, int directions, double b) {
    GradientTable t;
    for (int i = 0; i < zeros; ++i) {
        t.directions.push_back({0, 0, 0});
        t.b_values.push_back(0);
    }
    for (const auto& d : repelled_directions(directions)) {
        t.directions.push_back(d);
        t.b_values.push_back(b);
    }
    return t;
}

inline Vec3d unit(double x, double y, double z) {
    const double length = std::sqrt(x * x + y * y + z * z);
    return {x / length, y / length, z / length};
}

/// S0 exp(-b g.D.g) of an axially symmetric tensor along `fibre`.
inline double axial_signal(double s0, double b, const Vec3d& g, const Vec3d& fibre, double axial, double radial) {
    const double cosine = g[0] * fibre[0] + g[1] * fibre[1] + g[2] * fibre[2];
    return s0 * std::exp(-b * (radial + (axial - radial) * cosine * cosine));
}

/// A block of voxels that each hold two crossing fibres and noise; odd sizes, so that no chunk divides them.
inline ScalarImage noisy_crossings(const GradientTable& t, std::array<std::int64_t, 3> size, double sigma) {
    ScalarImage image({size, {}}, t.size());
    for (std::int64_t v = 0; v < image.grid.voxels(); ++v) {
        const double turn = 0.37 * static_cast<double>(v);
        const Vec3d a = unit(std::cos(turn), std::sin(turn), 0.3), b = unit(std::sin(turn), 0.2, std::cos(2 * turn));
        for (std::int64_t k = 0; k < t.size(); ++k) {
            const auto i = static_cast<std::size_t>(k);
            const kernels::Philox stream{7, static_cast<std::uint64_t>(v), kernels::Purpose::noise, 0};
            const auto r = stream(static_cast<std::uint32_t>(k));
            const auto noise = static_cast<double>(kernels::normal2(r.v[0], r.v[1]).a);
            image.at(v, k) = static_cast<float>(0.6 * axial_signal(1000, t.b_values[i], t.directions[i], a, 1.7e-3, 0.3e-3) +
                                                0.4 * axial_signal(1000, t.b_values[i], t.directions[i], b, 1.7e-3, 0.3e-3) + sigma * noise);
        }
    }
    return image;
}

/// Signals of one voxel as doubles, from volume `first` on.
inline std::vector<double> voxel_signals(const ScalarImage& image, std::int64_t voxel, std::int64_t first = 0) {
    std::vector<double> out;
    for (std::int64_t k = first; k < image.volumes; ++k) out.push_back(static_cast<double>(image.at(voxel, k)));
    return out;
}

template <class T>
bool same_bytes(const Image<T>& a, const Image<T>& b) {
    return a.data.size() == b.data.size() && std::memcmp(a.data.data(), b.data.data(), a.data.size() * sizeof(T)) == 0;
}

}  // namespace arcuate::test
