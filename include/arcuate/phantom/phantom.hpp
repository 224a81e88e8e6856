// Diffusion images with known fibres, known connections and known change.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/gradient_table.hpp"
#include "arcuate/core/image.hpp"
#include "arcuate/core/parcellation.hpp"
#include "arcuate/core/progress.hpp"

#include <string>
#include <vector>

namespace arcuate::phantom {

struct PhantomOptions {
    int sessions = 2;
    std::uint64_t seed = 1;
    double snr = 30;               ///< of the b=0 signal; 0: no noise. Noise is Rician
    double voxel_size = 2;         ///< [mm]
    int directions = 60;           ///< per shell
    double b_value = 3000;         ///< [s/mm2]
    double fa_change = 0.08;       ///< added to the FA of the changed bundle between the first and the last session
};

/// A bundle: a tube around an analytic centre line, fanning where its radius grows.
struct Bundle {
    std::string name;             ///< "crossing_a", "kissing_left", "fanning", ...
    std::int32_t from = 0, to = 0;  ///< labels of the nodes that it connects
    double fa = 0;                ///< of its fibres in the first session
    double fa_last = 0;           ///< of its fibres in the last session
    double length_mm = 0;         ///< of its centre line
};

/// Everything about one session.
struct PhantomSession {
    ScalarImage dwi;
    ScalarImage fa_truth;         ///< FA of the noise-free tensor mixture's dominant bundle; zero outside bundles
};

struct Phantom {
    GradientTable gradients;
    Mask mask;                    ///< tissue
    Parcellation parcellation;
    ScalarImage directions;       ///< (3 n_max) unit directions of the bundles in each voxel, as MRtrix peaks images; zero where there are fewer
    std::vector<Bundle> bundles;
    std::vector<PhantomSession> sessions;
};

Phantom make_phantom(const PhantomOptions& options, const Device& device, Progress& progress = silent());

}  // namespace arcuate::phantom
