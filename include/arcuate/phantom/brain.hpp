// A whole human-sized brain of known fibres, for anatomically constrained tracking and for speed: fibre orientations, tissues and nodes, without a
// diffusion signal.
//
// Two folded hemispheres of 140 x 170 x 120 mm: a cortical ribbon of 2.5 to 3 mm, sulci and a fissure filled with fluid, lateral ventricles, a thalamus and a
// putamen per side, a brain stem that leaves the image. Callosal fibres fan from left to right, corticospinal ones upwards from the stem, association
// ones run front to back and in an arch; below the cortex fibres turn to meet it at right angles. Up to three populations cross in a point.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/image.hpp"
#include "arcuate/core/parcellation.hpp"

namespace arcuate::phantom {

/// Of the fibre orientations.
inline constexpr int brain_lmax = 8;
/// Integral of the FOD in grey over that in white matter.
inline constexpr double grey_fod = 0.3;
/// Nodes of the cortex per hemisphere; with the four deep nuclei there are 84.
inline constexpr int cortical_nodes_per_side = 40;

struct BrainOptions {
    double voxel_size = 2;  ///< [mm]
};

struct Brain {
    ScalarImage fod;            ///< (45) spherical harmonics of lmax 8, integral 1 in white matter: a lobe for every population, nowhere negative
    ScalarImage tissues;        ///< (5) shares of cortical grey, deep grey, white matter, fluid, pathology (none): what anatomical constraints read
    Mask mask;                  ///< the brain, fluid included
    Mask white;                 ///< at least half white matter: seeds
    Mask border;                ///< grey and white matter in one voxel: seeds on the interface
    Parcellation parcellation;  ///< cortex and nuclei, named
};

/// Throws InputError for a voxel size outside 0.7 to 5 mm. The same options give the same bytes for any number of threads.
Brain make_brain(const BrainOptions& options, const Device& device);

}  // namespace arcuate::phantom
