// An image as a smooth function of space: the cubic B-spline through its voxels, and its gradient
// (Thevenaz, Blu & Unser 2000, IEEE Trans Med Imaging 19:739). Unlike trilinear interpolation it hardly smooths between voxels, so that
// a registration is not drawn towards positions where grids coincide.
#pragma once

#include "kernels/dvec3.hpp"

#include <cstdint>

namespace arcuate::kernels {

/// The spline's pole: its coefficients are the samples filtered with 1 / (z + 4 + 1/z) x 6.
inline constexpr double cubic_spline_pole = -0.26794919243112270647;  // sqrt(3) - 2

/// What four neighbouring coefficients contribute at a fraction `t` of the way between the middle two.
struct CubicWeights {
    float value[4], slope[4];
    ARCUATE_HD explicit CubicWeights(float t) {
        const float s = 1.0f - t;
        value[0] = s * s * s / 6.0f;
        value[1] = fma(t * t, fma(0.5f, t, -1.0f), 2.0f / 3.0f);
        value[2] = fma(s * s, fma(0.5f, s, -1.0f), 2.0f / 3.0f);
        value[3] = t * t * t / 6.0f;
        slope[0] = -0.5f * s * s;
        slope[1] = t * fma(1.5f, t, -2.0f);
        slope[2] = -s * fma(1.5f, s, -2.0f);
        slope[3] = 0.5f * t * t;
    }
};

struct SplineView {
    const float* coefficients;   ///< (nz, ny, nx)
    const std::uint8_t* mask;    ///< the same shape, nonzero inside; null: everywhere
    std::int32_t nx, ny, nz;
    DAffine3 to_voxel;           ///< from the space that is sampled in [mm]

    struct Place {
        std::int32_t voxel[3];
        float fraction[3];
    };
    /// False beyond half a voxel from the outermost centres.
    ARCUATE_HD bool locate(DVec3 point, Place& place) const {
        const DVec3 v = transform_point(to_voxel, point);
        if (!(v.x >= -0.5 && v.y >= -0.5 && v.z >= -0.5 && v.x <= nx - 0.5 && v.y <= ny - 0.5 && v.z <= nz - 0.5)) return false;
        const double at[3] = {v.x, v.y, v.z};
        for (int i = 0; i < 3; ++i) {
            place.voxel[i] = static_cast<std::int32_t>(at[i] + 1.0) - 1;  // voxel 0 and the half voxel before it are both above -1
            place.fraction[i] = static_cast<float>(at[i] - place.voxel[i]);
        }
        return true;
    }

    /// Whether the nearest voxel is in the mask.
    ARCUATE_HD bool in_mask(const Place& p) const {
        if (!mask) return true;
        const std::int32_t n[3] = {nx, ny, nz};
        std::int32_t at[3];
        for (int i = 0; i < 3; ++i) {
            at[i] = p.voxel[i] + (p.fraction[i] >= 0.5f ? 1 : 0);
            at[i] = at[i] < 0 ? 0 : (at[i] >= n[i] ? n[i] - 1 : at[i]);
        }
        return mask[at[0] + static_cast<std::int64_t>(nx) * (at[1] + static_cast<std::int64_t>(ny) * at[2])] != 0;
    }

    /// The value, and its derivative along the axes of the space that is sampled in [per mm]. Images go on mirrored beyond their borders.
    ARCUATE_HD float sample(const Place& p, Vec3& gradient) const {
        const CubicWeights wx(p.fraction[0]), wy(p.fraction[1]), wz(p.fraction[2]);
        std::int32_t column[4];
        for (int i = 0; i < 4; ++i) column[i] = mirrored(p.voxel[0] + i - 1, nx);
        float value = 0, dx = 0, dy = 0, dz = 0;
        for (int k = 0; k < 4; ++k) {
            const std::int64_t slice = static_cast<std::int64_t>(ny) * mirrored(p.voxel[2] + k - 1, nz);
            float slice_value = 0, slice_dx = 0, slice_dy = 0;
            for (int j = 0; j < 4; ++j) {
                const float* const row = coefficients + static_cast<std::int64_t>(nx) * (slice + mirrored(p.voxel[1] + j - 1, ny));
                float row_value = 0, row_dx = 0;
                for (int i = 0; i < 4; ++i) {
                    row_value = fma(wx.value[i], row[column[i]], row_value);
                    row_dx = fma(wx.slope[i], row[column[i]], row_dx);
                }
                slice_value = fma(wy.value[j], row_value, slice_value);
                slice_dx = fma(wy.value[j], row_dx, slice_dx);
                slice_dy = fma(wy.slope[j], row_value, slice_dy);
            }
            value = fma(wz.value[k], slice_value, value);
            dx = fma(wz.value[k], slice_dx, dx);
            dy = fma(wz.value[k], slice_dy, dy);
            dz = fma(wz.slope[k], slice_value, dz);
        }
        // The chain rule: rows of the map are the gradients of the voxel coordinates.
        const Affine3 a = narrowed(to_voxel);
        gradient = {fma(a.m[2][0], dz, fma(a.m[1][0], dy, a.m[0][0] * dx)), fma(a.m[2][1], dz, fma(a.m[1][1], dy, a.m[0][1] * dx)),
                    fma(a.m[2][2], dz, fma(a.m[1][2], dy, a.m[0][2] * dx))};
        return value;
    }

  private:
    ARCUATE_HD static std::int32_t mirrored(std::int32_t i, std::int32_t n) {
        if (i < 0) i = -i;
        if (i >= n) i = 2 * n - 2 - i;
        return i < 0 ? 0 : (i >= n ? n - 1 : i);  // an axis of one or two voxels
    }
};

}  // namespace arcuate::kernels
