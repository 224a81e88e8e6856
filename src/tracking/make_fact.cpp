#include "kernels/fact.hpp"

#include "arcuate/core/error.hpp"
#include "tracking/tracker.hpp"

#include <fmt/format.h>

#include <cmath>

namespace arcuate::tracking {

namespace {

struct Images {
    RowsOnDevice peaks;
    int count;
    TrackOptions options;

    kernels::Fact view(const kernels::TrackRules&) const {
        return {{peaks.grid(), peaks.values(), count, static_cast<float>(options.cutoff), static_cast<float>(options.seed_cutoff),
                 kernels::cos(radians(options.angle)), options.seed_trials},
                static_cast<float>(options.step),
                false};
    }
    int calibration_arcs() const { return 0; }
};

/// sh2peaks says "no peak" by three NaN.
ScalarImage without_missing(ScalarImage peaks) {
    for (std::int64_t j = 0; j < peaks.volumes; j += 3)
        for (std::int64_t v = 0; v < peaks.grid.voxels(); ++v)
            if (std::isnan(peaks.at(v, j)) && std::isnan(peaks.at(v, j + 1)) && std::isnan(peaks.at(v, j + 2)))
                for (std::int64_t k = 0; k < 3; ++k) peaks.at(v, j + k) = 0;
    return peaks;
}

}  // namespace

std::unique_ptr<Tracker> make_fact(const TrackInput& input, const TrackOptions& o, const Device& device) {
    const auto volumes = input.field.volumes;
    if (volumes % 3 || volumes == 0)
        throw InputError(fmt::format("the image of peaks has {} volumes (fact needs three per peak: its vector in scanner coordinates); give the output of sh2peaks or fixel2peaks", volumes));
    return kernel_tracker(Images{RowsOnDevice(without_missing(input.field), volumes, 1.0f, "the image of peaks", device), static_cast<int>(volumes / 3), o}, input, o, device);
}

}  // namespace arcuate::tracking
