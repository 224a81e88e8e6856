#include "placement.hpp"

namespace arcuate::phantom {

Affine box_to_world() {
    const auto rotation = [](double half_tangent) {  // cosine and sine from tan(angle / 2), without trigonometry
        const double t2 = half_tangent * half_tangent;
        return std::array<double, 2>{(1 - t2) / (1 + t2), 2 * half_tangent / (1 + t2)};
    };
    const auto [cx, sx] = rotation(0.1);   // 11.4 degrees
    const auto [cz, sz] = rotation(0.06);  // 6.9 degrees
    return {{{{cz, -sz, 0}, {cx * sz, cx * cz, -sx}, {sx * sz, sx * cz, cx}}}, {3, -17, 21}};
}

Placement place(const Vec3d& box_mm, double voxel_size) {
    Placement p;
    p.voxel = voxel_size;
    for (std::size_t a = 0; a < 3; ++a) p.grid.size[a] = static_cast<std::int64_t>(box_mm[a] / voxel_size + 0.5);
    const Affine world = box_to_world();
    Affine& affine = p.grid.voxel_to_world;
    for (std::size_t row = 0; row < 3; ++row)
        for (std::size_t a = 0; a < 3; ++a) affine.linear[row][a] = world.linear[row][a] * (a == 0 ? -voxel_size : voxel_size);
    affine.offset = transform_point(world, p.box_point(0, 0, 0));
    return p;
}

}  // namespace arcuate::phantom
