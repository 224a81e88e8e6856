// Host geometry for kernels.
#pragma once

#include "arcuate/core/affine.hpp"
#include "kernels/dvec3.hpp"

namespace arcuate {

inline kernels::Affine3 to_kernel(const Affine& affine) {
    kernels::Affine3 out{};
    for (int r = 0; r < 3; ++r) {
        for (int c = 0; c < 3; ++c) out.m[r][c] = static_cast<float>(affine.linear[r][c]);
        out.m[r][3] = static_cast<float>(affine.offset[r]);
    }
    return out;
}

inline kernels::DAffine3 to_kernel_double(const Affine& affine) {
    kernels::DAffine3 out{};
    for (int r = 0; r < 3; ++r) {
        for (int c = 0; c < 3; ++c) out.m[r][c] = affine.linear[r][c];
        out.m[r][3] = affine.offset[r];
    }
    return out;
}

inline kernels::Vec3 to_kernel(const Vec3d& v) { return {static_cast<float>(v[0]), static_cast<float>(v[1]), static_cast<float>(v[2])}; }

}  // namespace arcuate
