// Tracking goes on until enough edges are known well enough: decided at numbers of streamlines that neither chunks nor threads change.
#pragma once

#include "arcuate/connectome/build.hpp"
#include "arcuate/connectome/precision.hpp"
#include "arcuate/tracking/track.hpp"
#include "command.hpp"

#include <string>
#include <vector>

namespace arcuate::tools {

struct UntilSureOptions {
    double cv = 0;         ///< relative sampling error; 0: go on to the end
    double share = 0.9;    ///< of the edges
    std::string metric = "count";
    std::vector<std::string> edges;  ///< pairs of labels, or one file of them; empty: those that have a streamline

    void add_to(CLI::App& app, const std::string& group);
};

class UntilSure {
  public:
    /// Every one of the builder's `parcellations` must be known well enough.
    UntilSure(const UntilSureOptions& options, const connectome::ConnectomeBuilder& builder, std::size_t parcellations);
    /// Looks at multiples of 10 000 streamlines, one in about twenty of those that there are.
    void attach_to(tracking::TrackControl& control);
    /// Where tracking ended. Warns where the target was not reached.
    void report(const Run& run);
    /// The target, for provenance.
    std::string asked() const;
    /// The target and what came of it, a JSON object.
    std::string json() const;

  private:
    void look();
    bool reached() const { return precision_.edges > 0 && precision_.share() >= options_.share; }

    const UntilSureOptions options_;
    const connectome::ConnectomeBuilder& builder_;
    const std::size_t parcellations_;
    std::vector<connectome::EdgeRows> chosen_;
    std::int64_t next_ = 0, looked_at_ = -1;  ///< streamlines
    connectome::Precision precision_;  ///< of the parcellation with the lowest share
};

}  // namespace arcuate::tools
