// How far above the calibration arcs' probabilities the most probable arc can be, and which calibration arcs to use.
#pragma once

#include "kernels/ifod2.hpp"

namespace arcuate::tracking {

/// What the calibration found; `directions` + the trials that follow is the expected number of arcs per step.
struct Calibration {
    float ratio = 0;            ///< largest possible probability over the calibration arcs' largest
    int directions = 0;         ///< calibration arcs
    float expected_arcs = 0;    ///< per step, calibration included
    float spacing_angle = 0;    ///< elevation at which the ratio was taken [rad]
};

/// Fills params.calibration, calibration_count and calibration_ratio from the other parameters, for FODs of even order `lmax` with voxels of `voxel_mm`.
/// The reference is a single fibre along z, a delta function of that order, that fades linearly over one voxel to the side.
Calibration calibrate(kernels::Ifod2Params& params, int lmax, float voxel_mm);

}  // namespace arcuate::tracking
