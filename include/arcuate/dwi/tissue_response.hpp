// Responses of tissues for every shell, from voxels that the diffusion data themselves point out: single fibres by anisotropy, and white matter,
// grey matter and cerebrospinal fluid without supervision.
#pragma once

#include "arcuate/dwi/msmt.hpp"

namespace arcuate::dwi {

struct FaResponseOptions {
    int erode = 3;                 ///< erosions of the mask first: anisotropy at the brain's edge is noise and motion
    int voxels = 300;              ///< of largest anisotropy
    double threshold = 0;          ///< above 0: all voxels with more than this FA instead
    int lmax = 10;                 ///< of the response where b > 0, even, 2 to 12
    std::vector<double> shells{};  ///< b-values of the rows [s/mm2]; empty: the largest
    bool all_shells = false;       ///< a row for every shell, b = 0 included
    std::int64_t chunk = 0;  ///< voxels per launch, 0: as many as suit the device; does not change a byte
};

struct FaResponse {
    std::vector<double> b_values;     ///< of the rows, ascending [s/mm2]
    std::vector<Response> responses;  ///< a row per shell; one coefficient where b = 0
    Mask voxels;                      ///< that were used
};

/// The responses of the voxels of largest FA, fibres along the tensor's principal eigenvector. Throws InputError where nothing is left of the
/// mask, no voxel can be fitted or exceeds the threshold, or a shell is not there.
FaResponse estimate_fa_response(const Series& dwi, const GradientTable& gradients, const Mask& mask, const FaResponseOptions& options,
                                const Device& device, Progress& progress = silent());

struct TissueResponseOptions {
    int erode = 3;                 ///< erosions of the mask first
    double fa = 0.2;               ///< white matter is above
    double wm_percent = 0.5;       ///< of the refined white matter become single-fibre voxels
    double gm_percent = 2;         ///< of the refined grey matter
    double csf_percent = 10;       ///< of the refined CSF
    int lmax = 10;                 ///< of white matter where b > 0, even, 2 to 12
    std::int64_t chunk = 0;  ///< voxels per launch, 0: as many as suit the device; does not change a byte
};

/// wm, gm, csf, in this order wherever there are three.
struct TissueResponses {
    std::vector<double> b_values;  ///< of the rows, ascending, b = 0 included [s/mm2]
    std::vector<Tissue> tissues;   ///< their responses; white matter has lmax 0 where b = 0, the others everywhere
    std::vector<Mask> refined;     ///< voxels that are taken to be this tissue
    std::vector<Mask> voxels;      ///< of these, the ones that the responses come from
};

/// Dhollander, Raffelt & Connelly 2016 (ISMRM Workshop on Breaking the Barriers of Diffusion MRI, 5) with the single-fibre selection of
/// Dhollander et al. 2019 (Proc ISMRM, 555). One shell besides b = 0 will do, of which two tissues can then be deconvolved.
/// Throws InputError where b = 0 is missing, nothing is left of the mask, or a tissue has no candidates.
TissueResponses estimate_tissue_responses(const Series& dwi, const GradientTable& gradients, const Mask& mask, const TissueResponseOptions& options,
                                          const Device& device, Progress& progress = silent());

}  // namespace arcuate::dwi
