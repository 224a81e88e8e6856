// A place that streamlines are asked about: the inside of a mask, or a sphere.
#pragma once

#include "arcuate/core/image.hpp"

#include <cmath>
#include <utility>
#include <variant>

namespace arcuate {

struct Sphere {
    Vec3d centre;  ///< scanner RAS+ [mm]
    double radius_mm;
};

class Region {
  public:
    Region(const Sphere& sphere) : shape_(sphere) {}
    Region(Mask mask) : world_to_voxel_(inverse(mask.grid.voxel_to_world)), shape_(std::move(mask)) {}

    bool is_sphere() const { return std::holds_alternative<Sphere>(shape_); }
    /// A point is in a mask where the nearest voxel is; the surface belongs to a sphere. Never true for what is not finite.
    bool contains(const Vec3d& point) const {
        if (const auto* sphere = std::get_if<Sphere>(&shape_)) {
            const double x = point[0] - sphere->centre[0], y = point[1] - sphere->centre[1], z = point[2] - sphere->centre[2];
            return x * x + y * y + z * z <= sphere->radius_mm * sphere->radius_mm;
        }
        const auto& mask = std::get<Mask>(shape_);
        const Vec3d v = transform_point(world_to_voxel_, point);
        std::int64_t voxel[3];
        for (std::size_t i = 0; i < 3; ++i) {
            const double nearest = std::floor(v[i] + 0.5);
            if (!(nearest >= 0 && nearest < static_cast<double>(mask.grid.size[i]))) return false;
            voxel[i] = static_cast<std::int64_t>(nearest);
        }
        return mask.at(mask.grid.index(voxel[0], voxel[1], voxel[2])) != 0;
    }

  private:
    Affine world_to_voxel_;
    std::variant<Sphere, Mask> shape_;
};

}  // namespace arcuate
