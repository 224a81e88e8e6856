#include "tracking/fod_params.hpp"

namespace arcuate::tracking {

namespace {

template <int Lmax, class Stored>
struct Images {
    FodOnDevice<Lmax, Stored> fod;
    Buffer<kernels::ArcShape> arcs;
    kernels::Ifod2Params params;

    kernels::Ifod2<Lmax, Stored> view(const kernels::TrackRules& rules) const { return {fod.view(), params, rules.act.image}; }
    int calibration_arcs() const { return params.rejection.calibration_count; }
};

}  // namespace

std::unique_ptr<Tracker> make_ifod2(const TrackInput& input, const TrackOptions& o, const Device& device) {
    const int lmax = lmax_of_fod(input.field);
    kernels::Ifod2Params params = ifod2_params(o);
    const Calibration calibration = calibrate(params, lmax, static_cast<float>(mean_voxel_size(input.field.grid)));
    Buffer<kernels::ArcShape> arcs = use(calibration, params, device);
    const auto make = [&](auto order, auto stored) {
        using Stored = decltype(stored);
        return kernel_tracker(Images<order, Stored>{FodOnDevice<order, Stored>(input.field, device), std::move(arcs), params}, input, o, device);
    };
    if (o.fod_precision == FodPrecision::half) return with_order<8, 12>(lmax, [&](auto order) { return make(order, std::uint16_t{}); });
    return with_order<4, 6, 8, 12>(lmax, [&](auto order) { return make(order, float{}); });
}

}  // namespace arcuate::tracking
