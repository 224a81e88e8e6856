// Brings the tissues of multi-tissue deconvolution to one scale, so that FODs compare between sessions: coil shading and scanner gain are
// estimated from the tissues themselves and divided out.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/image.hpp"

#include <string>
#include <vector>

namespace arcuate::dwi {

/// A tissue's FODs or density: any lmax; the first volume is the l=0 coefficient.
struct TissueImage {
    std::string name;
    ScalarImage fod;
};

/// l=0 coefficient of an FOD that integrates to 1: 1/sqrt(4 pi).
inline constexpr double unit_fod_l0 = 0.28209479177387814;

struct NormaliseOptions {
    int order = 3;                  ///< of the polynomial in space, 0 (one factor for the whole image) to 3
    double reference = unit_fod_l0; ///< what the balanced sum of the tissues' l=0 terms becomes, above 0
    int max_iterations = 50;        ///< at most, 5 of them with the wide limits for outliers
};

struct Normalisation {
    ScalarImage field;                       ///< factor for every voxel; outside the mask the polynomial is held within its range inside
    std::vector<double> balance;             ///< per tissue, geometric mean 1; decides the field, and is not multiplied into the images
    std::vector<double> log_coefficients;    ///< of minus the field's logarithm, as monomials x^i y^j z^k of u = (world - centre) / half_width
    Vec3d centre{}, half_width{};            ///< of the box around the mask's voxel centres, scanner RAS+ [mm]; u is 0 along an axis where the half width is below 1e-3
    double spread = 0;                       ///< standard deviation of the log of the balanced sum times the field, among the voxels kept
    std::int64_t used = 0;                   ///< voxels kept in the last iteration
    std::int64_t outliers = 0;               ///< voxels rejected in the last iteration
    std::int64_t skipped = 0;                ///< voxels of the mask whose tissues sum to nothing
    int iterations = 0;
    bool converged = false;                  ///< field and balance changed by less than 1e-5 of themselves in the last iteration
};

/// Finds a field exp(polynomial in world position) and a balance of the tissues such that, over the mask, field x sum of balance x l=0 terms is the
/// reference, by least squares on the logarithm of the sum (Raffelt et al. 2017, ISMRM 3541; in the log domain: Dhollander et al. 2021, ISMRM 2472).
/// Each iteration rejects voxels whose log sum, the field taken off, lies further than 3.0 (the first 5 iterations) or 1.5 (after) interquartile
/// ranges beyond the quartiles, and then solves for the polynomial and the logarithms of the balance at once (Gauss-Newton). Negative l=0 terms
/// count as zero. The same bytes for any number of threads.
/// Throws InputError where the tissues or the mask are on different grids, the mask is empty, a coefficient inside it is not finite, fewer voxels
/// can be used than there are unknowns, or these do not determine the field or the balance.
Normalisation estimate_normalisation(const std::vector<TissueImage>& tissues, const Mask& mask, const NormaliseOptions& options, const Device& device);

/// Multiplies every volume by the field, in place.
void apply_field(ScalarImage& image, const ScalarImage& field, const Device& device);

}  // namespace arcuate::dwi
