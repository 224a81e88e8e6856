// The five-tissue-type image of anatomically constrained tractography (Smith et al. 2012, NeuroImage 62:1924), on its own grid.
#pragma once

#include "kernels/lanes.hpp"
#include "kernels/vec3.hpp"

#include <cstdint>

namespace arcuate::kernels {

/// Partial volume fractions at a point.
struct Tissues {
    float cgm, sgm, wm, csf, path;  ///< cortical grey, sub-cortical grey, white matter, CSF, pathology
    bool valid;                     ///< inside the image, and the fractions sum to at least one half

    ARCUATE_HD float gm() const { return cgm + sgm; }
    ARCUATE_HD bool is_csf() const { return csf >= cgm && csf >= sgm && csf >= wm && csf >= path; }
    ARCUATE_HD bool is_gm() const { return gm() >= wm && gm() > csf && gm() > path; }
    ARCUATE_HD bool is_path() const { return path >= cgm && path >= sgm && path >= wm && path >= csf; }
};

struct TissueImage {
    static constexpr int stride = 8;  ///< values per voxel in memory: five fractions and padding

    const float* fractions;      ///< (nz, ny, nx, stride), aligned to 32 bytes; null: no image
    int nx, ny, nz;
    Affine3 world_to_voxel;
    float voxel_mm;              ///< geometric mean of the voxel sizes

    /// Trilinear; beyond the outermost voxel centres, up to half a voxel, their values.
    ARCUATE_HD Tissues at(Vec3 world) const;
    /// The same in place: for what every step asks, since a GPU saves registers to memory around a call.
    ARCUATE_HD Tissues at_step(Vec3 world) const;
};

ARCUATE_HD Tissues TissueImage::at_step(Vec3 world) const {
    const TissueImage& image = *this;
    const auto clamp = [](int i, int n) { return i < 0 ? 0 : i >= n ? n - 1 : i; };
    const Vec3 v = transform_point(image.world_to_voxel, world);
    if (!(v.x > -0.5f && v.y > -0.5f && v.z > -0.5f && v.x < static_cast<float>(image.nx) - 0.5f && v.y < static_cast<float>(image.ny) - 0.5f &&
          v.z < static_cast<float>(image.nz) - 0.5f))
        return {0, 0, 0, 0, 0, false};
    const int x = floor_int(v.x), y = floor_int(v.y), z = floor_int(v.z);
    const float fx = v.x - static_cast<float>(x), fy = v.y - static_cast<float>(y), fz = v.z - static_cast<float>(z);
    Float8 sums = Float8::all(0.0f);
    ARCUATE_UNROLL
    for (int k = 0; k < 8; ++k) {
        const int dx = k & 1, dy = k >> 1 & 1, dz = k >> 2;
        const int cx = clamp(x + dx, image.nx), cy = clamp(y + dy, image.ny), cz = clamp(z + dz, image.nz);
        const float weight = (dx ? fx : 1.0f - fx) * (dy ? fy : 1.0f - fy) * (dz ? fz : 1.0f - fz);
        const float* f = image.fractions + TissueImage::stride * (cx + static_cast<std::int64_t>(image.nx) * (cy + static_cast<std::int64_t>(image.ny) * cz));
        sums = fma(Float8::load_aligned(f), Float8::all(weight), sums);
    }
    float sum[8];
    sums.store(sum);
    const bool valid = sum[0] + sum[1] + sum[2] + sum[3] + sum[4] >= 0.5f;
    return {sum[0], sum[1], sum[2], sum[3], sum[4], valid};
}

ARCUATE_APART Tissues tissues_at(TissueImage image, Vec3 world) { return image.at_step(world); }

ARCUATE_HD Tissues TissueImage::at(Vec3 world) const { return tissues_at(*this, world); }

/// Grey minus white matter at a point: zero on the interface.
ARCUATE_HD float grey_minus_white(const Tissues& t) { return t.gm() - t.wm; }

inline constexpr float interface_tolerance = 0.01f;  ///< |grey - white| at which a point lies on the interface

/// Central differences of grey minus white matter over a tenth of a voxel to either side [1/mm].
ARCUATE_HD Vec3 interface_gradient(const TissueImage& image, Vec3 p) {
    const float h = 0.1f * image.voxel_mm, scale = 0.5f / h;
    const auto along = [&](Vec3 step) { return scale * (grey_minus_white(image.at(p + step)) - grey_minus_white(image.at(p - step))); };
    return {along({h, 0, 0}), along({0, h, 0}), along({0, 0, h})};
}

/// Moves a point onto the grey-white interface by Newton steps along the gradient, at most half a voxel each. False where it is not found
/// or what lies there is mostly neither grey nor white matter.
ARCUATE_HD bool move_to_interface(const TissueImage& image, Vec3& p) {
    for (int iteration = 0; iteration < 20; ++iteration) {
        const Tissues t = image.at(p);
        if (!t.valid) return false;
        const float difference = grey_minus_white(t);
        if (abs(difference) < interface_tolerance) return t.wm > 0.0f && t.gm() > 0.0f && t.gm() >= t.csf && t.gm() >= t.path;
        const Vec3 gradient = interface_gradient(image, p);
        const float square = dot(gradient, gradient);
        if (!(square > 1e-12f)) return false;
        const Vec3 step = (-difference / square) * gradient;
        const float size = length(step), most = 0.5f * image.voxel_mm;
        p = fma(size > most ? most / size : 1.0f, step, p);
    }
    return false;
}

}  // namespace arcuate::kernels
