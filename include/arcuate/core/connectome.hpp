// Region-to-region matrices.
#pragma once

#include "arcuate/core/parcellation.hpp"

#include <string>
#include <vector>

namespace arcuate {

/// One number per pair of nodes.
struct EdgeMetric {
    std::string name;         ///< "count", "mean_length", "mean_fa", ...
    std::string unit;         ///< "streamlines", "mm", "" ...
    std::string description;  ///< one sentence
    std::vector<double> matrix;  ///< (n_nodes, n_nodes), symmetric, diagonal included; of a vector (n_nodes); NaN where undefined (a mean over no streamline)
    std::string error_of{};      ///< of an error: the metric whose error it is; else empty
    std::string error{};         ///< and which: "sampling", of a finite number of streamlines, or "measurement", of the image's noise. Neither is in the other
};

/// Every metric of one parcellation in one session.
struct Connectome {
    std::vector<Node> nodes;
    std::vector<EdgeMetric> metrics;
    std::int64_t streamlines = 0;  ///< how many were offered
    std::int64_t assigned = 0;     ///< how many had a node at both ends
    std::int64_t half_assigned = 0;  ///< how many had one at one end alone; not stored in files
    bool vector = false;             ///< of streamlines that begin at one place: a number per node, of those that end there; `assigned` ended in one

    /// Throws InputError naming the metrics that there are.
    const EdgeMetric& metric(const std::string& name) const;
};

}  // namespace arcuate
