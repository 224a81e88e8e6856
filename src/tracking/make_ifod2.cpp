#include "tracking/fod_params.hpp"

namespace arcuate::tracking {

namespace {

template <int Lmax>
struct Images {
    FodOnDevice<Lmax> fod;
    Buffer<kernels::ArcShape> arcs;
    kernels::Ifod2Params params;

    kernels::Ifod2<Lmax> view(const kernels::TrackRules& rules) const { return {fod.view(), params, rules.act.image}; }
    int calibration_arcs() const { return params.rejection.calibration_count; }
};

}  // namespace

std::unique_ptr<Tracker> make_ifod2(const TrackInput& input, const TrackOptions& o, const Device& device) {
    const int lmax = lmax_of_fod(input.field);
    kernels::Ifod2Params params = ifod2_params(o);
    const Calibration calibration = calibrate(params, lmax, static_cast<float>(mean_voxel_size(input.field.grid)));
    Buffer<kernels::ArcShape> arcs = use(calibration, params, device);
    return with_order<4, 6, 8, 12>(lmax, [&](auto order) {
        return kernel_tracker(Images<order>{FodOnDevice<order>(input.field, o.fod_precision, device), std::move(arcs), params}, input, o, device);
    });
}

}  // namespace arcuate::tracking
