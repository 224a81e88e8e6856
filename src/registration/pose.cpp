#include "registration/pose.hpp"

#include "arcuate/registration/rigid.hpp"
#include "kernels/math.hpp"

namespace arcuate::registration {

namespace {

Pose normalised(Pose p) {
    const double length = kernels::sqrt(p.w * p.w + p.x * p.x + p.y * p.y + p.z * p.z);
    p.w /= length;
    p.x /= length;
    p.y /= length;
    p.z /= length;
    return p;
}

}  // namespace

Affine affine_of(const Pose& p) {
    Affine out;
    out.linear = {{{1 - 2 * (p.y * p.y + p.z * p.z), 2 * (p.x * p.y - p.w * p.z), 2 * (p.x * p.z + p.w * p.y)},
                   {2 * (p.x * p.y + p.w * p.z), 1 - 2 * (p.x * p.x + p.z * p.z), 2 * (p.y * p.z - p.w * p.x)},
                   {2 * (p.x * p.z - p.w * p.y), 2 * (p.y * p.z + p.w * p.x), 1 - 2 * (p.x * p.x + p.y * p.y)}}};
    out.offset = p.shift;
    return out;
}

Pose composed(const Pose& b, const Pose& a) {
    Pose out;
    out.w = b.w * a.w - b.x * a.x - b.y * a.y - b.z * a.z;
    out.x = b.w * a.x + b.x * a.w + b.y * a.z - b.z * a.y;
    out.y = b.w * a.y - b.x * a.z + b.y * a.w + b.z * a.x;
    out.z = b.w * a.z + b.x * a.y - b.y * a.x + b.z * a.w;
    out = normalised(out);
    out.shift = transform_point(affine_of(b), a.shift);
    return out;
}

Pose inverse(const Pose& p) {
    Pose out{p.w, -p.x, -p.y, -p.z, {}};
    const Vec3d moved = transform_direction(affine_of(out), p.shift);
    for (std::size_t i = 0; i < 3; ++i) out.shift[i] = -moved[i];
    return out;
}

Pose small_motion(const Vec3d& d, const Vec3d& w, const Vec3d& centre) {
    Pose out = normalised({1, w[0] / 2, w[1] / 2, w[2] / 2, {}});
    const Vec3d moved = transform_direction(affine_of(out), centre);
    for (std::size_t i = 0; i < 3; ++i) out.shift[i] = centre[i] - moved[i] + d[i];
    return out;
}

void recentre(std::vector<Pose>& poses, const std::vector<Vec3d>& centres, const Vec3d& centre) {
    Pose mean{0, 0, 0, 0, {}};
    for (const auto& p : poses) {
        // A quaternion and its negative are one turn; of the two, the one on the first one's side.
        const auto& f = poses.front();
        const double side = p.w * f.w + p.x * f.x + p.y * f.y + p.z * f.z < 0 ? -1 : 1;
        mean.w += side * p.w;
        mean.x += side * p.x;
        mean.y += side * p.y;
        mean.z += side * p.z;
    }
    const Pose back = inverse(normalised(mean));
    for (auto& p : poses) p = composed(back, p);
    Vec3d off = centre;
    for (std::size_t s = 0; s < poses.size(); ++s) {
        const Vec3d at = transform_point(affine_of(poses[s]), centres[s]);
        for (std::size_t i = 0; i < 3; ++i) off[i] -= at[i] / static_cast<double>(poses.size());
    }
    for (auto& p : poses)
        for (std::size_t i = 0; i < 3; ++i) p.shift[i] += off[i];
}

double rotation_angle_deg(const Affine& rigid) {
    const auto& m = rigid.linear;
    const double x = m[2][1] - m[1][2], y = m[0][2] - m[2][0], z = m[1][0] - m[0][1];
    const double sine = kernels::sqrt(x * x + y * y + z * z) / 2, cosine = (m[0][0] + m[1][1] + m[2][2] - 1) / 2;
    const double half_cosine = kernels::sqrt(kernels::max(0.0, (1 + cosine) / 2)), half_sine = kernels::sqrt(kernels::max(0.0, (1 - cosine) / 2));
    // sin(a/2) from sin(a) where the turn is small and its cosine has no digits left.
    const double s = kernels::min(1.0, cosine > 0 ? sine / (2 * half_cosine) : half_sine);
    return 2 * static_cast<double>(kernels::asin(static_cast<float>(s))) * 57.295779513082320877;
}

}  // namespace arcuate::registration
