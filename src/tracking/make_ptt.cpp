#include "kernels/ptt.hpp"

#include "tracking/calibrate.hpp"
#include "tracking/tracker.hpp"

namespace arcuate::tracking {

namespace {

template <int Lmax>
struct Images {
    FodOnDevice<Lmax> fod;
    Buffer<float> curvatures;
    kernels::PttParams params;

    kernels::Ptt<Lmax> view(const kernels::TrackRules&) const { return {fod.view(), params}; }
    int calibration_arcs() const { return params.calibration_count; }
};

}  // namespace

std::unique_ptr<Tracker> make_ptt(const TrackInput& input, const TrackOptions& o, const Device& device) {
    const int lmax = lmax_of_fod(input.field);
    kernels::PttParams p{};
    p.step = static_cast<float>(o.step);
    p.max_curvature = 2.0f * kernels::sin(0.5f * radians(o.angle)) / p.step;
    p.cutoff = static_cast<float>(o.cutoff);
    p.seed_cutoff = static_cast<float>(o.seed_cutoff);
    p.power = static_cast<float>(o.power);
    p.probe = static_cast<float>(o.probe);
    p.samples = o.samples - 1;
    p.trials = o.trials;
    p.seed_trials = o.seed_trials;
    const Calibration calibration = calibrate_curves(p, lmax, static_cast<float>(mean_voxel_size(input.field.grid)));
    std::vector<float> curvatures;
    for (const auto& c : calibration.arcs) {
        const float relative = c.angle / (p.max_curvature * p.probe);
        curvatures.push_back(relative * c.cos_azimuth);
        curvatures.push_back(relative * c.sin_azimuth);
    }
    Buffer<float> on_device(device, curvatures);
    p.calibration = on_device.data();
    p.calibration_count = static_cast<int>(calibration.arcs.size());
    p.bound = calibration.ratio;
    return with_order<8, 12>(lmax, [&](auto order) {
        return kernel_tracker(Images<order>{FodOnDevice<order>(input.field, device), std::move(on_device), p}, input, o, device);
    });
}

}  // namespace arcuate::tracking
