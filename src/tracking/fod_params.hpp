// Options as the kernels that draw from FODs want them.
#pragma once

#include "arcuate/core/directions.hpp"
#include "arcuate/tracking/track.hpp"
#include "kernels/discrete_fod.hpp"
#include "tracking/calibrate.hpp"
#include "tracking/tracker.hpp"

namespace arcuate::tracking {

/// Without the calibration, as are those below.
inline kernels::DrawParams draw_params(const TrackOptions& o) {
    return {.step = static_cast<float>(o.step),
            .cutoff = static_cast<float>(o.cutoff),
            .seed_cutoff = static_cast<float>(o.seed_cutoff),
            .power = static_cast<float>(o.power),
            .samples = o.samples - 1,
            .seed_trials = o.seed_trials,
            .rejection = {0, 0.0f, o.trials}};
}
inline kernels::Ifod2Params ifod2_params(const TrackOptions& o) { return {draw_params(o), radians(o.angle), one_minus_cos(radians(o.angle)), nullptr}; }
inline kernels::PttParams ptt_params(const TrackOptions& o) {
    return {draw_params(o), 2.0f * kernels::sin(0.5f * radians(o.angle)) / static_cast<float>(o.step), static_cast<float>(o.probe), nullptr};
}

inline void calibrated(kernels::Rejection& rejection, const Calibration& calibration) {
    rejection.calibration_count = static_cast<int>(calibration.arcs.size());
    rejection.ratio = calibration.ratio;
}

/// Puts the calibration's arcs on the device and into the parameters.
template <class Params>
Buffer<kernels::ArcShape> use(const Calibration& calibration, Params& params, const Device& device) {
    Buffer<kernels::ArcShape> arcs(device, calibration.arcs);
    params.calibration = arcs.data();
    calibrated(params.rejection, calibration);
    return arcs;
}

/// A calibration's directions around the z axis, as iFOD1 reads them: (3, stride), the stride a multiple of eight.
inline std::vector<float> directions_of(const Calibration& calibration) {
    const std::size_t stride = (calibration.arcs.size() + 7) / 8 * 8;
    std::vector<float> out(3 * stride);
    for (std::size_t i = 0; i < calibration.arcs.size(); ++i) {
        const kernels::Vec3 d = kernels::turned({{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, calibration.arcs[i]);
        out[i] = d.x, out[stride + i] = d.y, out[2 * stride + i] = d.z;
    }
    return out;
}

/// 384 axes, some more than the 362 of DIPY's default sphere, as kernels::DirectionSet reads them.
inline std::vector<float> planes_of_directions() {
    using Set = kernels::DirectionSet;
    std::vector<float> planes(3 * Set::pairs);
    const auto pairs = repelled_pairs(Set::pairs);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        const kernels::Vec3 d = kernels::normalized(to_kernel(pairs[i]));
        float* const at = planes.data() + i % Set::turns * Set::columns + i / Set::turns;
        at[0] = d.x, at[Set::pairs] = d.y, at[2 * Set::pairs] = d.z;
    }
    return planes;
}

}  // namespace arcuate::tracking
