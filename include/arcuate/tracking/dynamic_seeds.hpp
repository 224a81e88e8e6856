// Seeds that go where streamlines are missing (Smith et al. 2015, NeuroImage 119:338, appendix: dynamic seeding).
#pragma once

#include "arcuate/core/fixels.hpp"
#include "arcuate/core/tractogram.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace arcuate::tracking {

/// Each fixel has a probability of being seeded, which follows from how its track density compares with its fibre density so far. Ids come in generations whose
/// ends are fixed; the probabilities change between generations only, when all streamlines of the last one are known. So a seed is a function of (seed, id),
/// the images, and the streamlines of the generations before.
class DynamicSeeds {
  public:
    /// `sink` takes the accepted streamlines; `track_density` says how far those that it took go in each fixel [mm] (weights::FixelLengths does both).
    /// All three outlive this. Throws InputError where there is no fixel.
    DynamicSeeds(const Fixels& fixels, StreamlineSink& sink, std::function<std::vector<double>()> track_density);

    /// The end of the generation that id `seeds` is of: 256, then an eighth more than the one before, at least 256 more.
    static std::int64_t generation_end(std::int64_t seeds);
    static bool begins_generation(std::int64_t seeds);

    void append(const TractogramView& accepted) { sink_.append(accepted); }
    /// Takes what was appended into account. `accepted` streamlines so far; the fixels are to balance when there are twice as many, or `target` (0: no limit).
    void update(std::int64_t accepted, std::int64_t target);

    const Fixels& fixels() const { return fixels_; }

    /// What of it an interrupted run must keep, besides what the sink has taken.
    struct State {
        std::int64_t accepted = 0;              ///< at the last update
        std::vector<double> mean, probability;  ///< (n_fixels) since the beginning; now
    };
    State state;

  private:
    const Fixels& fixels_;
    StreamlineSink& sink_;
    std::function<std::vector<double>()> track_density_;
};

}  // namespace arcuate::tracking
