#include "tracking/make_ifod2.hpp"

namespace arcuate::tracking {

std::unique_ptr<Tracker> make_ifod2_half(const TrackInput& input, const TrackOptions& o, const Device& device) { return make_ifod2_of<std::uint16_t, 8, 12>(input, o, device); }

}  // namespace arcuate::tracking
