// The streamlines of chosen connections, and a typical course for each.
#pragma once

#include "arcuate/core/parcellation.hpp"
#include "arcuate/core/tractogram.hpp"

#include <array>
#include <map>
#include <span>
#include <vector>

namespace arcuate::tract {

/// Two labels, the lower first; 0 is no region.
using Edge = std::array<std::int32_t, 2>;

/// As connectome2tck chooses.
struct EdgeChoice {
    std::vector<std::int32_t> nodes{};  ///< edges of any of these; empty: of all. With 0 among them, keep_unassigned is not needed
    bool exclusive = false;             ///< both ends of an edge must be among `nodes`
    bool keep_self = false;             ///< edges of a region with itself, too
    bool keep_unassigned = false;       ///< edges with an end in no region, too
};

/// The chosen edges of a streamline with these labels, ascending. One of three regions or more (all voxels) is in every pair of them.
std::vector<Edge> chosen_edges(std::span<const std::int32_t> labels, const EdgeChoice& choice);

/// The mean course of every edge's streamlines: points at equal parts of their length, averaged from the lower label to the higher; over the outer
/// quarters the mean is drawn to the regions' centres, where a region has voxels. Streamlines of two different regions alone enter.
class Exemplars {
  public:
    static constexpr std::int64_t points = 100;

    /// Orients by the labels of the ends, in the streamline's own order.
    void add(std::span<const float> vertices, std::int32_t first_label, std::int32_t last_label, double weight = 1);
    /// One streamline per edge, ascending; data per streamline node_a and node_b.
    Tractogram tractogram(const std::vector<Node>& nodes) const;

  private:
    struct Course {
        std::vector<double> sums = std::vector<double>(3 * points);  ///< weight x position [mm]
        double weight = 0;
    };
    std::map<Edge, Course> courses_;
};

}  // namespace arcuate::tract
