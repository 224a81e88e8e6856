#include "kernels/sd_stream.hpp"

#include "tracking/tracker.hpp"

namespace arcuate::tracking {

namespace {

template <int Lmax>
struct Images {
    FodOnDevice<Lmax> fod;
    TrackOptions options;

    kernels::SdStream<Lmax> view(const kernels::TrackRules&) const {
        const float cosine = kernels::cos(radians(options.angle));
        return {{fod.view(), static_cast<float>(options.cutoff), static_cast<float>(options.seed_cutoff), options.rk4 ? -1.0f : cosine, options.seed_trials},
                static_cast<float>(options.step),
                options.rk4,
                cosine};
    }
    int calibration_arcs() const { return 0; }
};

}  // namespace

std::unique_ptr<Tracker> make_sd_stream(const TrackInput& input, const TrackOptions& o, const Device& device) {
    return with_order<8, 12>(lmax_of_fod(input.field),
                             [&](auto order) { return kernel_tracker(Images<order>{FodOnDevice<order>(input.field, device), o}, input, o, device); });
}

}  // namespace arcuate::tracking
