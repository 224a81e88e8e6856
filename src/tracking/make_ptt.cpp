#include "kernels/ptt.hpp"

#include "tracking/fod_params.hpp"

namespace arcuate::tracking {

namespace {

template <int Lmax>
struct Images {
    FodOnDevice<Lmax> fod;
    Buffer<kernels::ArcShape> curves;
    kernels::PttParams params;

    kernels::Ptt<Lmax> view(const kernels::TrackRules&) const { return {fod.view(), params}; }
    int calibration_arcs() const { return params.rejection.calibration_count; }
};

}  // namespace

std::unique_ptr<Tracker> make_ptt(const TrackInput& input, const TrackOptions& o, const Device& device) {
    const int lmax = lmax_of_fod(input.field);
    kernels::PttParams params = ptt_params(o);
    Buffer<kernels::ArcShape> curves = use(calibrate_curves(params, lmax, static_cast<float>(mean_voxel_size(input.field.grid))), params, device);
    return with_order<8, 12>(lmax, [&](auto order) {
        return kernel_tracker(Images<order>{FodOnDevice<order>(input.field, device), std::move(curves), params}, input, o, device);
    });
}

}  // namespace arcuate::tracking
