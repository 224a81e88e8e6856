#include "tracking/make_ifod2.hpp"

namespace arcuate::tracking {

std::unique_ptr<Tracker> make_ifod2(const TrackInput& input, const TrackOptions& o, const Device& device) {
    return (o.fod_precision == FodPrecision::half ? make_ifod2_half : make_ifod2_of<float, 4, 6, 8, 12>)(input, o, device);
}

}  // namespace arcuate::tracking
