// Diffusion kurtosis imaging: how far the signal's decay departs from a Gaussian's, by direction.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/gradient_table.hpp"
#include "arcuate/core/series.hpp"
#include "arcuate/core/progress.hpp"
#include "arcuate/dwi/tensor.hpp"

namespace arcuate::dwi {

struct KurtosisOptions {
    TensorFit fit = TensorFit::iwls;
    int iterations = 2;                ///< reweighting passes after the WLS fit (iwls only)
    double min_kurtosis = -3.0 / 7.0;  ///< mk, ak, rk and mkt below it are set to it; -3/7: water in spherical pores (Jensen et al. 2005)
    double max_kurtosis = 10.0;        ///< and those above it to this
    std::int64_t chunk = 0;      ///< voxels per launch, 0: as many as suit the device; does not change a byte
};

/// Maps on the grid of the DWI; zero outside the mask.
struct KurtosisMaps {
    ScalarImage tensor;    ///< (6) xx, yy, zz, xy, xz, yz [mm2/s], scanner frame, of the joint fit
    /// (15) kurtosis tensor W, divided by MD^2, scanner frame, not cut: xxxx, yyyy, zzzz, xxxy, xxxz, xyyy, xzzz, yyyz, yzzz, xxyy, xxzz, yyzz,
    /// xxyz, xyyz, xyzz
    ScalarImage kurtosis;
    ScalarImage s0;        ///< estimated signal without diffusion weighting
    ScalarImage fa;        ///< fractional anisotropy, 0 to 1; above 1 where noise made an eigenvalue negative
    ScalarImage md, ad, rd;  ///< mean, axial, radial diffusivity [mm2/s]
    ScalarImage mk;        ///< mean over the sphere of the apparent kurtosis K(n) = MD^2 W(n) / D(n)^2 (Tabesh et al. 2011)
    ScalarImage ak;        ///< K along the main direction
    ScalarImage rk;        ///< mean of K over the circle across it
    ScalarImage mkt;       ///< mean over the sphere of W(n) (Hansen et al. 2013)
    std::int64_t fitted = 0;     ///< voxels that were fitted
    std::int64_t undefined = 0;  ///< of those, voxels whose mk, ak, rk are zero: an eigenvalue is not above 2e-7 mm2/s, so K is unbounded
    std::int64_t skipped = 0;    ///< voxels inside the mask left zero: a signal was not finite, all were zero, or the fit has no finite solution
};

/// Least squares on ln S = ln S0 - b D(g) + b^2/6 MD^2 W(g), weighted as fit_tensor. Throws InputError where the gradient table cannot determine
/// the 22 parameters (fewer than 15 directions, fewer than two shells above b = 0, no third b-value), or the mask is on another grid or empty.
KurtosisMaps fit_kurtosis(const Series& dwi, const GradientTable& gradients, const Mask& mask, const KurtosisOptions& options,
                          const Device& device, Progress& progress = silent());

}  // namespace arcuate::dwi
