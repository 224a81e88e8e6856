// The conventions that every part of Arcuate keeps. Nothing here is code to call; it is the page to read first.
//
// Frames.   World is the scanner's RAS+ frame in mm (x to the right, y to the front, z up). Integer voxel coordinates are voxel
//           centres. Directions, gradient tables, tensors and FODs are all in the world frame, never relative to image axes.
// bvec.     An FSL .bvec file is relative to the image axes, with x flipped where the determinant of voxel-to-world is positive.
//           It is turned into world directions at one place (io/gradients.cpp).
// Units.    mm, s/mm2 for b-values, mm2/s for diffusivities, degrees in options and radians inside kernels, days for times.
// Spherical harmonics.  Real, orthonormal, even orders only, coefficient index l(l+1)/2 + m, Condon-Shortley phase included:
//           m < 0: sqrt2 Im Y_l^|m|,  m = 0: Y_l^0,  m > 0: sqrt2 Re Y_l^m. This is MRtrix3's basis, and DIPY's `tournier07`
//           with legacy=False. lmax 8 has 45 coefficients. An FOD image is 4-D with the coefficients as volumes.
// Tensors.  Six volumes in the order xx, yy, zz, xy, xz, yz [mm2/s].
// Responses.  Zonal harmonics, l = 0, 2, 4, ... on one line per shell, as MRtrix3 writes them.
#pragma once

namespace arcuate {

/// Coefficients of an even-order spherical harmonic series: (lmax+1)(lmax+2)/2.
constexpr int sh_count(int lmax) { return (lmax + 1) * (lmax + 2) / 2; }

/// Index of (l, m) in the series, l even, -l <= m <= l.
constexpr int sh_index(int l, int m) { return l * (l + 1) / 2 + m; }

/// The even lmax whose series has `count` coefficients, or -1.
constexpr int lmax_of_count(long long count) {
    for (int lmax = 0; sh_count(lmax) <= count; lmax += 2)
        if (sh_count(lmax) == count) return lmax;
    return -1;
}

}  // namespace arcuate
