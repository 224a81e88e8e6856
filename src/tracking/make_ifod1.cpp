#include "kernels/ifod1.hpp"

#include "tracking/fod_params.hpp"

namespace arcuate::tracking {

namespace {

template <int Lmax>
struct Images {
    FodOnDevice<Lmax> fod;
    Buffer<float> calibration;
    kernels::DrawParams params;
    float one_minus_cos_max;
    bool rk4;

    kernels::Ifod1<Lmax> view(const kernels::TrackRules&) const {
        return {{fod.view(), params, one_minus_cos_max, calibration.data(), static_cast<int>(calibration.size() / 3)}, params.step, rk4};
    }
    int calibration_arcs() const { return params.rejection.calibration_count; }
};

/// (3, multiple of eight): the directions of a grid around the z axis.
std::vector<float> directions_of(const std::vector<kernels::ArcShape>& arcs) {
    const std::size_t stride = (arcs.size() + 7) / 8 * 8;
    std::vector<float> out(3 * stride);
    const kernels::Frame frame{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    for (std::size_t i = 0; i < arcs.size(); ++i) {
        const kernels::Vec3 d = kernels::turned(frame, arcs[i]);
        out[i] = d.x, out[stride + i] = d.y, out[2 * stride + i] = d.z;
    }
    return out;
}

}  // namespace

std::unique_ptr<Tracker> make_ifod1(const TrackInput& input, const TrackOptions& o, const Device& device) {
    const int lmax = lmax_of_fod(input.field);
    const Calibration calibration = calibrate_directions(ifod2_params(o), lmax);
    kernels::DrawParams params = draw_params(o);
    calibrated(params.rejection, calibration);
    return with_order<8, 12>(lmax, [&](auto order) {
        return kernel_tracker(Images<order>{FodOnDevice<order>(input.field, device), Buffer<float>(device, directions_of(calibration.arcs)), params, one_minus_cos(radians(o.angle)), o.rk4}, input, o, device);
    });
}

}  // namespace arcuate::tracking
