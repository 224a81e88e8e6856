// A session's data, and the reading of the next session's while one is worked on.
#pragma once

#include "arcuate/core/gradient_table.hpp"
#include "arcuate/core/series.hpp"
#include "arcuate/study/bids.hpp"

#include <future>
#include <mutex>
#include <string>
#include <vector>

namespace arcuate::study {

/// A session's images, read and checked against each other.
struct Acquisition {
    Series dwi;
    GradientTable gradients;
    Mask mask;
};
/// `mask`: a file; empty: a brain mask computed from the image.
Acquisition read_acquisition(const Session& session, const std::string& mask);

/// Reads what it is asked for, and then, in the background, what it will be asked for next. At most `ahead` acquisitions are held that nobody has asked for yet.
class ReadAhead {
  public:
    /// A reading to come. `group`: of readings that are dropped together, because what they are for is over.
    struct Wanted {
        Session session;
        std::string mask;
        std::size_t group;
    };
    explicit ReadAhead(std::vector<Wanted> in_order, std::size_t ahead);

    /// The acquisition, read by now or not; throws what reading it throws.
    Acquisition read(const Session& session, const std::string& mask);
    /// Nobody will ask for what is left of the group.
    void drop(std::size_t group);

  private:
    struct Entry {
        Wanted wanted;
        bool over = false;
        std::future<Acquisition> begun{};
    };
    void begin_next();

    std::vector<Entry> entries_;
    const std::size_t ahead_;
    std::mutex mutex_;
};

}  // namespace arcuate::study
