// Shows how far a tractogram has been read.
#pragma once

#include "arcuate/core/progress.hpp"
#include "arcuate/core/tractogram.hpp"

namespace arcuate::tools {

/// Passes streamlines on and reports how many came.
class CountedSink : public StreamlineSink {
  public:
    CountedSink(StreamlineSink& to, Progress& progress) : to_(to), progress_(progress) {}
    void append(const TractogramView& streamlines) override {
        to_.append(streamlines);
        progress_.at(done_ += streamlines.size());
    }

  private:
    StreamlineSink& to_;
    Progress& progress_;
    std::int64_t done_ = 0;
};

}  // namespace arcuate::tools
