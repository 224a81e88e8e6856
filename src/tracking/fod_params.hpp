// Options as the kernels that draw from FODs want them.
#pragma once

#include "arcuate/tracking/track.hpp"
#include "tracking/calibrate.hpp"
#include "tracking/tracker.hpp"

namespace arcuate::tracking {

/// Without the calibration.
inline kernels::Ifod2Params ifod2_params(const TrackOptions& o) {
    kernels::Ifod2Params p{};
    p.step = static_cast<float>(o.step);
    p.max_angle = radians(o.angle);
    p.one_minus_cos_max = one_minus_cos(p.max_angle);
    p.cutoff = static_cast<float>(o.cutoff);
    p.seed_cutoff = static_cast<float>(o.seed_cutoff);
    p.power = static_cast<float>(o.power);
    p.samples = o.samples - 1;
    p.trials = o.trials;
    p.seed_trials = o.seed_trials;
    return p;
}

/// Puts the calibration's arcs on the device and into the parameters.
inline Buffer<kernels::ArcShape> use(const Calibration& calibration, kernels::Ifod2Params& params, const Device& device) {
    Buffer<kernels::ArcShape> arcs(device, calibration.arcs);
    params.calibration = arcs.data();
    params.calibration_count = static_cast<int>(calibration.arcs.size());
    params.calibration_ratio = calibration.ratio;
    return arcs;
}

}  // namespace arcuate::tracking
