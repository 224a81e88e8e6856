#include "kernels/discrete_fod.hpp"

#include "tracking/fod_params.hpp"

namespace arcuate::tracking {

namespace {

constexpr float relative_cutoff = 0.1f;  // DIPY's pmf_threshold

template <int Lmax>
struct Images {
    FodOnDevice<Lmax> fod;
    Buffer<float> directions;
    TrackOptions options;

    kernels::DiscreteFod<Lmax> view(const kernels::TrackRules&) const {
        return {{fod.view(), {directions.data()}, static_cast<float>(options.cutoff), static_cast<float>(options.seed_cutoff), relative_cutoff, kernels::cos(radians(options.angle))},
                static_cast<float>(options.step),
                options.rk4};
    }
    int calibration_arcs() const { return 0; }
};

}  // namespace

std::unique_ptr<Tracker> make_discrete_fod(const TrackInput& input, const TrackOptions& o, const Device& device) {
    return with_order<8, 12>(lmax_of_fod(input.field), [&](auto order) {
        return kernel_tracker(Images<order>{FodOnDevice<order>(input.field, device), Buffer<float>(device, planes_of_directions()), o}, input, o, device);
    });
}

}  // namespace arcuate::tracking
