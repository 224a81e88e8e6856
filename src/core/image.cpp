#include "arcuate/core/image.hpp"

#include "arcuate/core/error.hpp"

#include <fmt/format.h>

#include <cmath>

namespace arcuate {

bool same_grid(const Grid& a, const Grid& b, double tolerance_mm) {
    if (a.size != b.size) return false;
    for (int corner = 0; corner < 8; ++corner) {
        Vec3d voxel{};
        for (int axis = 0; axis < 3; ++axis) voxel[axis] = (corner >> axis & 1) ? static_cast<double>(a.size[axis] - 1) : 0.0;
        const Vec3d p = transform_point(a.voxel_to_world, voxel);
        const Vec3d q = transform_point(b.voxel_to_world, voxel);
        for (int axis = 0; axis < 3; ++axis)
            if (!(std::fabs(p[axis] - q[axis]) <= tolerance_mm)) return false;
    }
    return true;
}

void require_same_grid(const Grid& a, const std::string& a_name, const Grid& b, const std::string& b_name) {
    if (same_grid(a, b)) return;
    const auto shape = [](const Grid& g) { return fmt::format("{}x{}x{}", g.size[0], g.size[1], g.size[2]); };
    if (a.size != b.size)
        throw InputError(fmt::format("{} is on another grid than {} ({} voxels against {}); resample one onto the other", a_name,
                                     b_name, shape(a), shape(b)));
    throw InputError(fmt::format("{} is on another grid than {} (both have {} voxels, but at other places in the scanner: the affines "
                                 "differ); resample one onto the other or repair its header",
                                 a_name, b_name, shape(a)));
}

double mean_voxel_size(const Grid& grid) {
    // Newton's iteration, not std::cbrt: step sizes derive from this, and libm's last bit differs between machines.
    const Vec3d size = voxel_sizes(grid.voxel_to_world);
    const double volume = size[0] * size[1] * size[2];
    double root = (size[0] + size[1] + size[2]) / 3;
    for (int i = 0; i < 64; ++i) root -= (root * root * root - volume) / (3 * root * root);
    return root;
}

std::vector<std::int64_t> voxels_inside(const Mask& mask, const std::string& name) {
    std::vector<std::int64_t> inside;
    for (std::int64_t v = 0; v < mask.grid.voxels(); ++v)
        if (mask.at(v)) inside.push_back(v);
    if (inside.empty()) throw InputError(fmt::format("{} is empty (no voxel above zero); give the mask of the tissue to work on", name));
    return inside;
}

void ImageMean::add(const ScalarImage& image, const std::string& name) {
    if (images_ == 0) {
        grid_ = image.grid;
        volumes_ = image.volumes;
        first_ = name;
        sums_.assign(image.data.size(), 0.0);
    }
    require_same_grid(grid_, first_, image.grid, name);
    if (image.volumes != volumes_) throw InputError(fmt::format("{} has {} volumes and {} has {} (a mean is of images of one kind); give images of the same number of volumes", first_, volumes_, name, image.volumes));
    for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += static_cast<double>(image.data[i]);
    ++images_;
}

ScalarImage ImageMean::mean() const {
    ScalarImage out(grid_, volumes_);
    for (std::size_t i = 0; i < sums_.size(); ++i) out.data[i] = static_cast<float>(sums_[i] / static_cast<double>(images_));
    return out;
}

Mask full_mask(const Grid& grid) { return Mask(grid, 1, 1); }

}  // namespace arcuate
