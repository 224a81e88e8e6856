// One response for the sessions of a subject, so that their FODs compare.
#pragma once

#include "arcuate/dwi/msmt.hpp"
#include "arcuate/dwi/tensor.hpp"

namespace arcuate::dwi {

/// What a session's scanner gain is taken from: the median S0 of white matter, which is the tenth of the mask's fitted voxels with the largest FA
/// (at most 1). Throws InputError where none is fitted.
double white_matter_intensity(const TensorMaps& maps, const Mask& mask);

/// The responses of one session; a single-shell response is a tissue of one shell.
struct SessionResponses {
    std::vector<Tissue> tissues;
    double intensity = 1;  ///< as white_matter_intensity, above 0
};

/// The mean over sessions of every coefficient over the session's intensity: their shape without their gains. Throws InputError where
/// there is no session, or where they differ in tissues or shells.
std::vector<Tissue> mean_responses(const std::vector<SessionResponses>& sessions);

/// Every coefficient times the factor.
std::vector<Tissue> scaled(std::vector<Tissue> tissues, double factor);

}  // namespace arcuate::dwi
