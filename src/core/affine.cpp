#include "arcuate/core/affine.hpp"

#include "arcuate/core/error.hpp"

#include <cmath>

namespace arcuate {

Vec3d transform_direction(const Affine& affine, const Vec3d& d) {
    Vec3d out{};
    for (int r = 0; r < 3; ++r) out[r] = affine.linear[r][0] * d[0] + affine.linear[r][1] * d[1] + affine.linear[r][2] * d[2];
    return out;
}

Vec3d transform_point(const Affine& affine, const Vec3d& point) {
    Vec3d out = transform_direction(affine, point);
    for (int r = 0; r < 3; ++r) out[r] += affine.offset[r];
    return out;
}

double determinant(const Affine& affine) {
    const auto& m = affine.linear;
    return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
           m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
}

Vec3d voxel_sizes(const Affine& affine) {
    Vec3d out{};
    for (int c = 0; c < 3; ++c) {
        const double x = affine.linear[0][c], y = affine.linear[1][c], z = affine.linear[2][c];
        out[c] = std::sqrt(x * x + y * y + z * z);
    }
    return out;
}

Affine composed(const Affine& then, const Affine& first) {
    Affine out;
    for (int r = 0; r < 3; ++r)
        for (int c = 0; c < 3; ++c) {
            out.linear[r][c] = 0;
            for (int k = 0; k < 3; ++k) out.linear[r][c] += then.linear[r][k] * first.linear[k][c];
        }
    out.offset = transform_point(then, first.offset);
    return out;
}

Affine inverse(const Affine& affine) {
    const auto& m = affine.linear;
    const double det = determinant(affine);
    const Vec3d size = voxel_sizes(affine);
    if (!std::isfinite(det) || !(std::fabs(det) > 1e-9 * size[0] * size[1] * size[2]))
        throw InputError("the voxel-to-world matrix cannot be inverted (two image axes are parallel or one has no length); repair the image's header");
    Affine out;
    for (int r = 0; r < 3; ++r)
        for (int c = 0; c < 3; ++c) {
            // cofactor of (c, r), by cyclic indices
            const int r1 = (c + 1) % 3, r2 = (c + 2) % 3, c1 = (r + 1) % 3, c2 = (r + 2) % 3;
            out.linear[r][c] = (m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]) / det;
        }
    const Vec3d moved = transform_direction(out, affine.offset);
    for (int r = 0; r < 3; ++r) out.offset[r] = -moved[r];
    return out;
}

Affine orthonormalized(const Affine& affine) {
    const Vec3d size = voxel_sizes(affine);
    Affine out = affine;
    for (auto& row : out.linear)
        for (int c = 0; c < 3; ++c) row[c] /= size[c];
    // Polar decomposition by Newton's iteration R <- (R + R^-T)/2 (Higham 1986); quadratic, so ten steps are plenty.
    for (int i = 0; i < 10; ++i) {
        const Affine back = inverse(out);
        for (int r = 0; r < 3; ++r)
            for (int c = 0; c < 3; ++c) out.linear[r][c] = 0.5 * (out.linear[r][c] + back.linear[c][r]);
    }
    out.offset = {0, 0, 0};
    return out;
}

}  // namespace arcuate
