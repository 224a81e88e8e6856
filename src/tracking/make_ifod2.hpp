// iFOD2's tracker, for make_ifod2.cpp and make_ifod2_half.cpp: apart, so that what the compiler inlines into the one does not hang on the other.
#pragma once

#include "tracking/fod_params.hpp"

#include "kernels/ifod2.hpp"

namespace arcuate::tracking {

template <int Lmax, class Stored>
struct Ifod2Images {
    FodOnDevice<Lmax, Stored> fod;
    Buffer<kernels::ArcShape> arcs;
    kernels::Ifod2Params params;

    kernels::Ifod2<Lmax, Stored> view(const kernels::TrackRules& rules) const { return {fod.view(), params, rules.act.image}; }
    int calibration_arcs() const { return params.rejection.calibration_count; }
};

template <class Stored, int... Orders>
std::unique_ptr<Tracker> make_ifod2_of(const TrackInput& input, const TrackOptions& o, const Device& device) {
    const int lmax = lmax_of_fod(input.field);
    kernels::Ifod2Params params = ifod2_params(o);
    const Calibration calibration = calibrate(params, lmax, static_cast<float>(mean_voxel_size(input.field.grid)));
    Buffer<kernels::ArcShape> arcs = use(calibration, params, device);
    return with_order<Orders...>(lmax, [&](auto order) {
        return kernel_tracker(Ifod2Images<order, Stored>{FodOnDevice<order, Stored>(input.field, device), std::move(arcs), params}, input, o, device);
    });
}

MakeTracker make_ifod2_half;

}  // namespace arcuate::tracking
