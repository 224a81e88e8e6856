#include "arcuate/dwi/gradient_check.hpp"

#include "arcuate/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace arcuate::dwi {

namespace {

constexpr double clearly_better = 1.05;
/// Standard deviations that chance is given.
constexpr double chance = 6;
constexpr std::int64_t enough_voxels = 2000;  // pieces of a brain of a few hundred voxels mislead
constexpr double cos_squared = 0.75;  // of 30 degrees, so that every direction points at a neighbour

double dot(const Vec3d& a, const Vec3d& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

/// The half of the 26 neighbours that come later in the image, each pair once.
constexpr std::size_t half_neighbours = 13;
std::array<std::array<int, 3>, half_neighbours> later_neighbours() {
    std::array<std::array<int, 3>, half_neighbours> out{};
    std::size_t n = 0;
    for (int z = -1; z <= 1; ++z)
        for (int y = -1; y <= 1; ++y)
            for (int x = -1; x <= 1; ++x)
                if (z > 0 || (z == 0 && (y > 0 || (y == 0 && x > 0)))) out[n++] = {x, y, z};
    return out;
}

/// FSL's frame of an image: image axes, x reversed where the determinant is positive.
struct FslFrame {
    Affine rotation;
    double x;

    explicit FslFrame(const Grid& grid) : rotation(orthonormalized(grid.voxel_to_world)), x(determinant(grid.voxel_to_world) > 0 ? -1.0 : 1.0) {}
    Vec3d to_world(const Vec3d& v) const { return transform_direction(rotation, {x * v[0], v[1], v[2]}); }
    Vec3d from_world(const Vec3d& w) const {
        Vec3d out{0, 0, 0};  // the rotation's inverse is its transpose
        for (std::size_t axis = 0; axis < 3; ++axis)
            for (std::size_t r = 0; r < 3; ++r) out[axis] += rotation.linear[r][axis] * w[r];
        out[0] *= x;
        return out;
    }
};

Vec3d turned(const GradientOrientation& o, const Vec3d& v) {
    Vec3d out{};
    for (std::size_t i = 0; i < 3; ++i) out[i] = o.sign[i] * v[static_cast<std::size_t>(o.axes[i])];
    return out;
}
Vec3d turned_back(const GradientOrientation& o, const Vec3d& v) {
    Vec3d out{};
    for (std::size_t i = 0; i < 3; ++i) out[static_cast<std::size_t>(o.axes[i])] = o.sign[i] * v[i];
    return out;
}

}  // namespace

std::string GradientOrientation::text() const {
    std::string out;
    for (std::size_t i = 0; i < 3; ++i) out += fmt::format("{}{}{}", i ? " " : "", sign[i] < 0 ? "-" : "", "xyz"[axes[i]]);
    return out;
}

bool GradientCheck::likely_wrong() const {
    if (voxels < enough_voxels || given_is_best() || best().index < clearly_better * given) return false;
    // Two counts of independent links differ by the root of their sum; the best of 23 others is looked at.
    std::int64_t as_given = 0;
    for (const auto& score : scores)
        if (score.orientation.as_given()) as_given = score.links;
    const auto gain = static_cast<double>(best().links - as_given), sum = static_cast<double>(best().links + as_given);
    return gain * gain > chance * chance * sum;
}

std::vector<GradientOrientation> gradient_orientations() {
    std::vector<GradientOrientation> out;
    std::array<int, 3> axes{0, 1, 2};
    do {
        out.push_back({axes, {1, 1, 1}});
        for (std::size_t flipped = 0; flipped < 3; ++flipped) {
            out.push_back({axes, {1, 1, 1}});
            out.back().sign[flipped] = -1;
        }
    } while (std::next_permutation(axes.begin(), axes.end()));
    return out;
}

GradientCheck check_gradients(const TensorMaps& maps, const GradientCheckOptions& options) {
    const Grid& grid = maps.fa.grid;
    std::vector<std::uint16_t> points(static_cast<std::size_t>(grid.voxels()), 0);  // bit k: towards later neighbour k
    std::vector<std::int64_t> voxels;
    for (std::int64_t v = 0; v < grid.voxels(); ++v)
        if (const double fa = static_cast<double>(maps.fa.at(v)); fa >= options.fa && fa > 0 && fa <= 1) voxels.push_back(v);
    if (voxels.empty())
        throw InputError(fmt::format("the gradient table cannot be checked (no voxel has an FA between {} and 1); check the mask, or lower --fa", options.fa));

    // A candidate turns main directions by A; |A v . d| = |v . A' d|, so the 13 lines are turned instead.
    const FslFrame frame(grid);
    const auto neighbours = later_neighbours();
    std::array<Vec3d, half_neighbours> lines{};
    for (std::size_t k = 0; k < half_neighbours; ++k) {
        const auto& n = neighbours[k];
        lines[k] = frame.from_world(transform_direction(grid.voxel_to_world, {double(n[0]), double(n[1]), double(n[2])}));
    }
    std::array<std::int64_t, half_neighbours> step{};
    for (std::size_t k = 0; k < half_neighbours; ++k) step[k] = grid.index(neighbours[k][0], neighbours[k][1], neighbours[k][2]);
    // Which later neighbours are looked at and have about the same main direction does not depend on the candidate.
    std::vector<std::uint16_t> alike;
    std::vector<Vec3d> direction;
    std::vector<std::uint8_t> chosen(static_cast<std::size_t>(grid.voxels()), 0);
    for (const auto v : voxels) chosen[static_cast<std::size_t>(v)] = 1;
    const auto v1 = [&](std::int64_t v) { return Vec3d{double(maps.v1.at(v, 0)), double(maps.v1.at(v, 1)), double(maps.v1.at(v, 2))}; };
    for (const auto v : voxels) {
        const std::int64_t at[3] = {v % grid.size[0], v / grid.size[0] % grid.size[1], v / (grid.size[0] * grid.size[1])};
        const Vec3d& mine = direction.emplace_back(v1(v));
        std::uint16_t set = 0;
        for (std::size_t k = 0; k < half_neighbours; ++k) {
            if (!grid.contains(at[0] + neighbours[k][0], at[1] + neighbours[k][1], at[2] + neighbours[k][2]) || !chosen[static_cast<std::size_t>(v + step[k])]) continue;
            const double cosine = dot(mine, v1(v + step[k]));
            if (cosine * cosine >= cos_squared) set = static_cast<std::uint16_t>(set | 1u << k);
        }
        alike.push_back(set);
    }

    GradientCheck out;
    out.voxels = static_cast<std::int64_t>(voxels.size());
    for (const auto& orientation : gradient_orientations()) {
        std::array<Vec3d, half_neighbours> along{};
        std::array<double, half_neighbours> bound{};
        for (std::size_t k = 0; k < half_neighbours; ++k) {
            along[k] = frame.to_world(turned_back(orientation, lines[k]));
            bound[k] = cos_squared * dot(along[k], along[k]);
        }
        for (std::size_t i = 0; i < voxels.size(); ++i) {
            unsigned here = 0;
            for (std::size_t k = 0; k < half_neighbours; ++k) {
                const double projection = dot(direction[i], along[k]);
                here |= static_cast<unsigned>(projection * projection >= bound[k]) << k;
            }
            points[static_cast<std::size_t>(voxels[i])] = static_cast<std::uint16_t>(here);
        }
        OrientationScore score{orientation, 0, 0};
        for (std::size_t i = 0; i < voxels.size(); ++i) {
            const unsigned mine = points[static_cast<std::size_t>(voxels[i])] & alike[i];
            for (unsigned left = mine; left; left &= left - 1) {  // few bits are set
                const auto k = static_cast<std::size_t>(std::countr_zero(left));
                score.links += points[static_cast<std::size_t>(voxels[i] + step[k])] >> k & 1u;
            }
        }
        score.index = static_cast<double>(score.links) / static_cast<double>(voxels.size());
        if (orientation.as_given()) out.given = score.index;
        out.scores.push_back(score);
    }
    // As given comes first in the list, so a stable sort keeps it before its equals.
    std::stable_sort(out.scores.begin(), out.scores.end(), [](const auto& a, const auto& b) { return a.links > b.links; });
    return out;
}

std::optional<std::string> orientation_warning(const TensorMaps& maps, const std::string& dwi) {
    const GradientCheckOptions options;
    if (std::none_of(maps.fa.data.begin(), maps.fa.data.end(), [&](float fa) { return static_cast<double>(fa) >= options.fa && fa <= 1.0f; })) return {};
    const auto check = check_gradients(maps, options);
    if (!check.likely_wrong()) return {};
    return fmt::format("the gradient table of {} is probably wrong: fibres hang together {} with its rows as {} (arcuate gradcheck shows all 24 orientations and writes the "
                       "corrected table)",
                       dwi, check.given > 0 ? fmt::format("{:.2f} times as well", check.best().index / check.given) : "only", check.best().orientation.text());
}

GradientTable reoriented(const GradientTable& table, const GradientOrientation& orientation, const Grid& grid) {
    if (orientation.as_given()) return table;
    const FslFrame frame(grid);
    GradientTable out = table;
    for (auto& direction : out.directions) direction = frame.to_world(turned(orientation, frame.from_world(direction)));
    return out;
}

}  // namespace arcuate::dwi
