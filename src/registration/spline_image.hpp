// An image made ready to be sampled as a spline: smoothed for a coarse grid, then filtered to coefficients.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/image.hpp"

#include <vector>

namespace arcuate::registration {

/// Convolved with a Gaussian of this full width at half maximum [mm]; values that are not finite count as 0. Beyond the borders the image goes on mirrored.
ScalarImage smoothed(const ScalarImage& image, double fwhm_mm, const Device& device);

/// Coefficients of the cubic B-spline through the voxels, as kernels/cubic_spline.hpp reads them.
std::vector<float> spline_coefficients(const ScalarImage& image, const Device& device);

/// The mask and all voxels within a box of this half-width around its voxels.
Mask dilated(const Mask& mask, double half_width_mm);

}  // namespace arcuate::registration
