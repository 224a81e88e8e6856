#include "arcuate/core/directions.hpp"

#include <cmath>

namespace arcuate {

namespace {

void normalize(Vec3d& d) {
    const double length = std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
    for (double& c : d) c /= length;
}

}  // namespace

std::vector<Vec3d> repelled_directions(int n) {
    // A spiral of golden-angle turns over the hemisphere is nearly even already; descent on the energy evens out its rim and its pole.
    std::vector<Vec3d> d(static_cast<std::size_t>(n));
    constexpr double turn[2] = {-0.73736887807831985, 0.67549029426152361};  // cosine and sine of the golden angle, 2.39996 rad
    double x = 1, y = 0;
    for (int i = 0; i < n; ++i) {
        const double z = 1 - (i + 0.5) / n, r = std::sqrt(1 - z * z);
        d[static_cast<std::size_t>(i)] = {r * x, r * y, z};
        normalize(d[static_cast<std::size_t>(i)]);
        const double next = turn[0] * x - turn[1] * y;
        y = turn[1] * x + turn[0] * y;
        x = next;
    }
    // Energy falls steadily with this step for 6 to 2000 directions; after 60 passes 300 of them are nowhere closer than 8 degrees.
    const double step = 1.0 / (n * std::sqrt(static_cast<double>(n)));
    for (int pass = 0; pass < 60; ++pass) {
        std::vector<Vec3d> force(d.size(), Vec3d{0, 0, 0});
        for (std::size_t i = 0; i < d.size(); ++i)
            for (std::size_t j = 0; j < i; ++j) {
                const double cosine = d[i][0] * d[j][0] + d[i][1] * d[j][1] + d[i][2] * d[j][2];
                const double near = 2 - 2 * cosine, far = 2 + 2 * cosine;  // squared distances to the direction and to its opposite
                const double pull = 1 / (far * std::sqrt(far)), push = 1 / (near * std::sqrt(near));
                for (int k = 0; k < 3; ++k) {
                    // the radial part is removed by normalising; both ends of the pair feel the same
                    force[i][k] += push * (d[i][k] - d[j][k]) + pull * (d[i][k] + d[j][k]);
                    force[j][k] += push * (d[j][k] - d[i][k]) + pull * (d[i][k] + d[j][k]);
                }
            }
        for (std::size_t i = 0; i < d.size(); ++i) {
            for (int k = 0; k < 3; ++k) d[i][k] += step * force[i][k];
            normalize(d[i]);
        }
    }
    for (auto& direction : d)
        if (direction[2] < 0)
            for (double& c : direction) c = -c;
    return d;
}

}  // namespace arcuate
