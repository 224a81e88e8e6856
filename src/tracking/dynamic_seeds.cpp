#include "arcuate/tracking/dynamic_seeds.hpp"

#include "arcuate/core/error.hpp"

#include <algorithm>
#include <utility>

namespace arcuate::tracking {

namespace {

constexpr double first_probability = 1e-3;  ///< leaves room for a thousandfold rise
constexpr float least_density = 0.1f;       ///< fixels of less keep the first: what is seeded there says little of them

}  // namespace

DynamicSeeds::DynamicSeeds(const Fixels& fixels, StreamlineSink& sink, std::function<std::vector<double>()> track_density)
    : fixels_(fixels), sink_(sink), track_density_(std::move(track_density)) {
    if (fixels.size() == 0) throw InputError("dynamic seeds have no fixel to start from (no lobe of the FOD image is above 0.1); check the image");
    state.mean.assign(static_cast<std::size_t>(fixels.size()), first_probability);
    state.probability = state.mean;
}

std::int64_t DynamicSeeds::generation_end(std::int64_t seeds) {
    std::int64_t end = 0;
    while (end <= seeds) end += std::max<std::int64_t>(256, end / 8);
    return end;
}

bool DynamicSeeds::begins_generation(std::int64_t seeds) { return seeds == 0 || generation_end(seeds - 1) == seeds; }

void DynamicSeeds::update(std::int64_t accepted, std::int64_t target) {
    if (accepted == state.accepted) return;
    const auto density = track_density_();
    double fibres = 0, tracks = 0;
    for (std::size_t f = 0; f < density.size(); ++f) {
        fibres += static_cast<double>(fixels_.fibre_density[f]);
        tracks += density[f];
    }
    const auto now = static_cast<double>(accepted), before = static_cast<double>(state.accepted);
    const double goal = target > 0 ? std::min(static_cast<double>(target), 2 * now) : 2 * now;
    for (std::size_t f = 0; f < density.size(); ++f) {
        double &mean = state.mean[f], &probability = state.probability[f];
        mean = (before * mean + (now - before) * probability) / now;
        const float fibre_density = fixels_.fibre_density[f];
        if (fibre_density < least_density) continue;
        // mean gave a ratio r of tracks to fibres after `now` streamlines; the rest up to the goal shall bring it to one.
        const double r = tracks > 0 ? fibres / tracks * density[f] / static_cast<double>(fibre_density) : 0.0;
        if (r == 0.0) probability = mean;
        else probability = r < 1 && goal > now ? std::clamp(mean * (goal - now * r) / (r * (goal - now)), 0.0, 1.0) : 0.0;
    }
    state.accepted = accepted;
}

}  // namespace arcuate::tracking
