// How well edges are known from a finite number of streamlines.
#pragma once

#include "arcuate/core/connectome.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace arcuate::connectome {

/// Rows of an edge's two nodes in a connectome.
using EdgeRows = std::array<std::size_t, 2>;

struct Precision {
    std::int64_t edges = 0;  ///< looked at
    std::int64_t sure = 0;   ///< of these, with a relative sampling error below the target
    double share() const { return edges > 0 ? static_cast<double>(sure) / static_cast<double>(edges) : 0.0; }
};

/// Of the edges that have a streamline, or of `chosen` ones, of which those without a streamline are not sure: how many have a sampling error of `metric`
/// below `cv` times its value. Throws InputError where the connectome lacks that metric or its sampling error (ConnectomeOptions::errors),
/// and for a vector.
Precision precision_of(const Connectome& connectome, const std::string& metric, double cv, std::span<const EdgeRows> chosen = {});

/// Rows of edges that are written as pairs of labels, "8-49". Throws InputError for what is none and for labels that no node has.
std::vector<EdgeRows> edges_named(const std::vector<std::string>& edges, const std::vector<Node>& nodes);

}  // namespace arcuate::connectome
