// A place that streamlines are asked about: the inside of a mask, or a sphere.
#pragma once

#include "arcuate/core/image.hpp"

#include <cmath>
#include <string>
#include <utility>
#include <variant>

namespace arcuate {

struct Sphere {
    Vec3d centre;  ///< scanner RAS+ [mm]
    double radius_mm;
};

class Region {
  public:
    /// `name` is for messages.
    Region(const Sphere& sphere, std::string name = "the sphere") : name_(std::move(name)), shape_(sphere) {}
    Region(Mask mask, std::string name = "the mask") : name_(std::move(name)), world_to_voxel_(inverse(mask.grid.voxel_to_world)), shape_(std::move(mask)) {}

    const std::string& name() const { return name_; }
    bool is_sphere() const { return sphere() != nullptr; }
    /// The sphere or the mask that it is; the other is null.
    const Sphere* sphere() const { return std::get_if<Sphere>(&shape_); }
    const Mask* mask() const { return std::get_if<Mask>(&shape_); }
    /// A point is in a mask where the nearest voxel is; the surface belongs to a sphere. Never true for what is not finite.
    bool contains(const Vec3d& point) const {
        if (const auto* ball = sphere()) {
            const double x = point[0] - ball->centre[0], y = point[1] - ball->centre[1], z = point[2] - ball->centre[2];
            return x * x + y * y + z * z <= ball->radius_mm * ball->radius_mm;
        }
        const auto& image = *mask();
        const Vec3d v = transform_point(world_to_voxel_, point);
        std::int64_t voxel[3];
        for (std::size_t i = 0; i < 3; ++i) {
            const double nearest = std::floor(v[i] + 0.5);
            if (!(nearest >= 0 && nearest < static_cast<double>(image.grid.size[i]))) return false;
            voxel[i] = static_cast<std::int64_t>(nearest);
        }
        return image.at(image.grid.index(voxel[0], voxel[1], voxel[2])) != 0;
    }

  private:
    std::string name_;
    Affine world_to_voxel_;
    std::variant<Sphere, Mask> shape_;
};

}  // namespace arcuate
