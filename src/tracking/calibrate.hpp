// How far above the calibration arcs' probabilities the most probable arc can be, and which calibration arcs to use.
#pragma once

#include "kernels/ifod2.hpp"
#include "kernels/ptt.hpp"

#include <vector>

namespace arcuate::tracking {

/// What the calibration found.
struct Calibration {
    std::vector<kernels::ArcShape> arcs;  ///< evaluated at every step before candidates are drawn
    float ratio = 0;                      ///< largest possible probability over the largest of `arcs`
    float expected_arcs = 0;              ///< evaluated per step, `arcs` included
    float spacing_angle = 0;              ///< elevation at which the ratio was taken [rad]
};

/// iFOD2: for the step, angle, samples and power of `params`, FODs of even order `lmax` and voxels of `voxel_mm`.
/// The reference is a single fibre along z, a delta function of that order, that fades linearly over one voxel to the side.
/// Throws InputError where no set of arcs covers the cap.
Calibration calibrate(const kernels::Ifod2Params& params, int lmax, float voxel_mm);

/// iFOD1: the same of directions at one point.
Calibration calibrate_directions(const kernels::Ifod2Params& params, int lmax);

/// Parallel transport: the same of curves; `arcs` are curvatures, `angle` being that times the length of the probe.
Calibration calibrate_curves(const kernels::PttParams& params, int lmax, float voxel_mm);

}  // namespace arcuate::tracking
