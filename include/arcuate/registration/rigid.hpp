// Sessions of a subject brought into one space that none of them is the reference of: rigid registration of images of one contrast (b = 0, FA).
//
// Every session is sampled in the half-way space and drawn to the mean of all, by Gauss-Newton steps on residuals weighted with Tukey's biweight,
// from coarse grids to fine; after each step the mean of all turns is the identity and the mean of all shifts zero
// (Reuter, Rosas & Fischl 2010, NeuroImage 53:1181; Reuter et al. 2012, NeuroImage 61:1402). For two sessions that is exactly half of the way each.
// What moves is the place of the image's voxels: no image is resampled to be used.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/image.hpp"
#include "arcuate/core/progress.hpp"

#include <optional>
#include <string>
#include <vector>

namespace arcuate::registration {

struct RigidInput {
    std::string name;             ///< for messages
    ScalarImage image;            ///< one volume
    std::optional<Mask> mask;     ///< the brain, on the image's grid; all sessions have one, or none has
};

struct RigidOptions {
    double coarsest_mm = 8;       ///< the first grid's spacing is at least this; the last one's is the voxel size
    double min_fit = 0.85;        ///< a session below it does not fit (SessionPlace::fit): on real data sessions of one person have 0.95 to 0.99, other brains 0.5
    double max_residual_mm = 0.6; ///< nor does one above it (SessionPlace::residual_mm): sessions of one person leave 0.1 to 0.3 mm, other brains 0.9
    int max_iterations = 50;      ///< per grid
};

/// Where a session goes, and how well it fits there.
struct SessionPlace {
    Affine to_common;             ///< rigid: scanner RAS+ of the session -> half-way space [mm]
    double rotation_deg = 0;      ///< by how much the session turns
    double shift_mm = 0;          ///< how far its centre moves
    double fit = 0;               ///< correlation with the mean of the other sessions, of what varies within cubes of four voxels: the head's outline alone earns nothing
    double rotation_error_deg = 0, shift_error_mm = 0;  ///< standard errors of the place, by jackknife over sixteen parts of the image, of 30 mm cubes each
    double residual_mm = 0;       ///< median over 30 mm cubes, weighted with their edges, of the shift that would still improve the fit of the cube alone
    double downweighted = 0;      ///< share of points with less than half of their weight: lesions, artefacts, what does not move with the head
    double gain = 1;              ///< what the intensities, each in units of its session's mean, were multiplied by
};

struct RigidResult {
    std::vector<SessionPlace> sessions;
    Vec3d centre{};               ///< of the brain in the half-way space [mm]
    ScalarImage mean;             ///< of all sessions there, on the last grid, in units of their means; 0 where one of them has no value
    int iterations = 0;
    bool converged = false;
};

/// Throws InputError where a session does not fit (naming it), where fewer than two are given, or an image is empty or has several volumes.
RigidResult register_rigid(const std::vector<RigidInput>& sessions, const RigidOptions& options, const Device& device, Progress& progress = silent());

/// The same, whether they fit or not, for those who can leave a session out.
RigidResult place_rigid(const std::vector<RigidInput>& sessions, const RigidOptions& options, const Device& device, Progress& progress = silent());

/// The session that fits worst, where that is not well enough, and the sentence that says so; of two, neither can be told to be the wrong one.
struct Misfit {
    std::size_t session;
    std::string sentence;
};
std::optional<Misfit> misfit_of(const RigidResult& result, const std::vector<RigidInput>& sessions, const RigidOptions& options);

/// The angle of a rigid transform [degrees], 0 to 180.
double rotation_angle_deg(const Affine& rigid);

}  // namespace arcuate::registration
