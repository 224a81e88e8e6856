#include "kernels/ifod1.hpp"

#include "tracking/fod_params.hpp"

namespace arcuate::tracking {

namespace {

template <int Lmax>
struct Images {
    FodOnDevice<Lmax> fod;
    Buffer<kernels::ArcShape> directions;
    kernels::Ifod2Params params;
    bool rk4;

    kernels::Ifod1<Lmax> view(const kernels::TrackRules&) const { return {{fod.view(), params}, params.step, rk4}; }
    int calibration_arcs() const { return params.rejection.calibration_count; }
};

}  // namespace

std::unique_ptr<Tracker> make_ifod1(const TrackInput& input, const TrackOptions& o, const Device& device) {
    const int lmax = lmax_of_fod(input.field);
    kernels::Ifod2Params params = ifod2_params(o);
    Buffer<kernels::ArcShape> directions = use(calibrate_directions(params, lmax), params, device);
    return with_order<8, 12>(lmax, [&](auto order) {
        return kernel_tracker(Images<order>{FodOnDevice<order>(input.field, device), std::move(directions), params, o.rk4}, input, o, device);
    });
}

}  // namespace arcuate::tracking
