// Diffusion images with known fibres, known connections and known change.
//
// Six bundles in a box of isotropic tissue: two that cross at 79 degrees, two that kiss, one that fans, and an arc that meets no other and
// whose FA and density can change from session to session; two ventricles where wanted. Voxels hold exact mixtures of them (partial volume), noise is Rician. The grid is oblique with a
// negative determinant, as from a scanner, so that a mistake in gradients or frames shows.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/gradient_table.hpp"
#include "arcuate/core/image.hpp"
#include "arcuate/core/parcellation.hpp"
#include "arcuate/core/progress.hpp"
#include "arcuate/core/tractogram.hpp"

#include <string>
#include <vector>

namespace arcuate::phantom {

/// Diffusivity of the tissue between the bundles, and mean diffusivity of every bundle [mm2/s].
inline constexpr double mean_diffusivity = 0.7e-3;
/// Diffusivity of the ventricles [mm2/s]: water at body temperature.
inline constexpr double fluid_diffusivity = 3.0e-3;
/// Signal without diffusion weighting in the middle of the box; the noise's standard deviation is this over the SNR.
inline constexpr double s0_nominal = 1000;
/// Bundles that one voxel may hold.
inline constexpr int max_bundles_per_voxel = 3;
/// Name of the bundle that changes.
inline constexpr const char* changed_bundle = "arc";

struct PhantomOptions {
    int sessions = 2;
    int subject = 1;               ///< subjects have the same anatomy and their own noise
    std::uint64_t seed = 1;
    double snr = 30;               ///< of the b=0 signal; 0: no noise. Noise is Rician
    double voxel_size = 2;         ///< [mm]
    int directions = 60;           ///< of each shell; a b=0 volume goes before every ten
    std::vector<double> b_values{2000};  ///< of the shells [s/mm2]
    bool ventricles = false;       ///< two balls of fluid beside the kissing bundles, and a mask of the whole box: what multi-tissue methods need
    double density_change = 0;     ///< of its fibres' share of the volume, relative, between the first and the last session; the larger of the two is all of the bundle
    double fa_change = 0.08;       ///< added to the FA of the changed bundle between the first and the last session
};

/// A bundle: a tube around an analytic centre line, fanning where its width grows.
struct Bundle {
    std::string name;             ///< "crossing_a", "crossing_b", "kissing_left", "kissing_right", "fan", "arc"
    std::int32_t from = 0, to = 0;  ///< labels of the nodes that it connects
    double fa = 0;                ///< of its fibres in the first session
    double fa_last = 0;           ///< of its fibres in the last session; between them FA grows linearly with the session
    double density = 1;           ///< share of the bundle's volume that is fibres in the first session
    double density_last = 1;      ///< and in the last, as the FA
    double length_mm = 0;         ///< of its centre line
    Tractogram fibres;            ///< true fibres from `from` to `to`, of equal share in the cross-section
};

/// FA of a bundle's fibres in session `session` of `sessions`, counted from 0.
double fibre_fa(const Bundle& bundle, int session, int sessions);
/// Likewise the share of its volume that is fibres.
double fibre_density(const Bundle& bundle, int session, int sessions);

/// What differs between sessions.
struct PhantomSession {
    ScalarImage dwi;
    ScalarImage fa_truth;         ///< FA of the fibres of the bundle with the largest share of the voxel; zero where it has less than half of it
};

struct Phantom {
    GradientTable gradients;
    Mask mask;                    ///< voxels that hold fibres; every voxel where there are ventricles
    Parcellation parcellation;    ///< the ends of the bundles, named
    ScalarImage fractions;        ///< (n_bundles) share of each bundle in the voxel's volume, 0 to 1, isotropic tissue among its fibres included; the rest is isotropic tissue
    ScalarImage fluid;            ///< share of the ventricles
    ScalarImage directions;       ///< (3 max_bundles_per_voxel) unit fibre directions, scanner frame, largest share first, as MRtrix peaks; zero where fewer
    std::vector<Bundle> bundles;
    std::vector<PhantomSession> sessions;
};

/// Throws InputError for options that make no phantom (no session, fewer than six directions, an FA that would leave (0, 1), ...).
/// The same options give the same bytes on any device.
Phantom make_phantom(const PhantomOptions& options, const Device& device, Progress& progress = silent());

/// Eigenvalues of the axially symmetric tensor with this FA and mean diffusivity [mm2/s].
struct AxialTensor {
    double axial = 0, radial = 0;
};
AxialTensor tensor_with(double fa, double mean_diffusivity_mm2_s);

}  // namespace arcuate::phantom
