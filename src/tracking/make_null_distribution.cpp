#include "kernels/null_distribution.hpp"

#include "tracking/tracker.hpp"

namespace arcuate::tracking {

namespace {

template <bool Arcs>
struct Images {
    RowsOnDevice image;
    TrackOptions options;

    auto view(const kernels::TrackRules&) const {
        const float angle = radians(options.angle), step = static_cast<float>(options.step);
        const kernels::NullDirections directions{image.grid(), one_minus_cos(angle)};
        if constexpr (Arcs)
            return kernels::NullDistribution2{directions, step, options.samples - 1};
        else
            return kernels::NullDistribution1{directions, step, options.rk4};
    }
    int calibration_arcs() const { return 0; }
};

template <bool Arcs>
std::unique_ptr<Tracker> make(const TrackInput& input, const TrackOptions& o, const Device& device) {
    return kernel_tracker(Images<Arcs>{RowsOnDevice(input.field, input.field.volumes, 1.0f, "the image", device), o}, input, o, device);
}

}  // namespace

std::unique_ptr<Tracker> make_null_distribution1(const TrackInput& input, const TrackOptions& o, const Device& device) { return make<false>(input, o, device); }
std::unique_ptr<Tracker> make_null_distribution2(const TrackInput& input, const TrackOptions& o, const Device& device) { return make<true>(input, o, device); }

}  // namespace arcuate::tracking
