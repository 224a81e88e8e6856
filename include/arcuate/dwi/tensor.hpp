// The diffusion tensor of every voxel and the maps that follow from it.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/gradient_table.hpp"
#include "arcuate/core/series.hpp"
#include "arcuate/core/progress.hpp"
#include "arcuate/core/tensor_model.hpp"

namespace arcuate::dwi {

/// How the logarithm of the signal is fitted by its seven parameters (ln S0 and six tensor elements).
enum class TensorFit { ols, wls, iwls };

struct TensorOptions {
    TensorFit fit = TensorFit::iwls;
    int iterations = 2;           ///< reweighting passes after the WLS fit (iwls only)
    std::int64_t chunk = 0;  ///< voxels per launch, 0: as many as suit the device; does not change a byte
    /// Fit these shells alone [s/mm2]: of each value the nearest shell, whose mean b lies within 80 of it; 0 is a shell as any other.
    /// Empty: every volume.
    std::vector<double> shells = {};
    /// Where an eigenvalue is not positive, fit again, reweighting passes included, under the constraint that all are (Koay et al. 2006, J Magn Reson
    /// 182:115). The other voxels keep their bytes.
    bool positive = false;
    // Further maps; empty unless asked for.
    bool eigenvalues = false, vectors = false, mode = false, westin = false, colour_fa = false, residual = false;
};

/// Maps on the grid of the DWI; zero outside the mask.
struct TensorMaps {
    ScalarImage tensor;  ///< (6) xx, yy, zz, xy, xz, yz [mm2/s], scanner frame
    ScalarImage s0;      ///< estimated signal without diffusion weighting
    ScalarImage fa;      ///< fractional anisotropy (Basser & Pierpaoli 1996), 0 to 1; above 1 where noise made an eigenvalue negative
    ScalarImage md;      ///< mean diffusivity [mm2/s]
    ScalarImage ad;      ///< axial diffusivity [mm2/s]
    ScalarImage rd;      ///< radial diffusivity [mm2/s]
    ScalarImage v1;      ///< (3) principal eigenvector, unit length, scanner frame; its component of largest magnitude is positive
    // Where asked for. They follow from the tensor as it is stored, so another program finds them from the file.
    ScalarImage l1{}, l2{}, l3{};  ///< eigenvalues, descending [mm2/s]
    ScalarImage v2{}, v3{};  ///< (3) their eigenvectors, unit length, signed as v1
    ScalarImage mode{};      ///< mode of anisotropy (Ennis & Kindlmann 2006), -1 planar to 1 linear; 0 where isotropic
    ScalarImage cl{}, cp{}, cs{};  ///< linear, planar, spherical measures over the trace (Westin et al. 1997): (l1-l2)/t, 2(l2-l3)/t, 3 l3/t; they sum to 1
    ScalarImage colour_fa{}; ///< (3) |v1| FA: red x, green y, blue z of the scanner frame
    ScalarImage residual{};  ///< root mean square over the volumes of signal - predicted signal, in the signal's unit
    std::int64_t fitted = 0;   ///< voxels that were fitted
    std::int64_t constrained = 0;  ///< of those, voxels whose tensor had to be made positive (TensorOptions::positive)
    std::int64_t skipped = 0;  ///< voxels inside the mask left zero: a signal was not finite, all were zero, or the fit has no finite solution
};

/// Least squares on ln S (Basser 1994; weights and reweighting as Veraart 2013). Throws InputError where the gradient table cannot
/// determine a tensor (fewer than six directions, no two b-values), a named shell is absent, or the mask is on another grid or empty.
TensorMaps fit_tensor(const Series& dwi, const GradientTable& gradients, const Mask& mask, const TensorOptions& options,
                      const Device& device, Progress& progress = silent());

/// The unweighted fit as a matrix, for trackers that fit at every step. Throws InputError where the table does not determine a tensor.
TensorModel tensor_model(const GradientTable& gradients);

}  // namespace arcuate::dwi
