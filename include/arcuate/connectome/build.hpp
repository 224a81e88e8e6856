// From streamlines to the connections between regions.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/connectome.hpp"
#include "arcuate/core/image.hpp"
#include "arcuate/core/tractogram.hpp"

#include <memory>
#include <string>
#include <vector>

namespace arcuate::connectome {

struct ConnectomeOptions {
    double radial_search_mm = 4;   ///< an end belongs to the region whose nearest voxel centre is closer than this
    std::int64_t chunk = 1 << 16;  ///< streamlines per launch; does not change a byte
    std::vector<float> weights{};  ///< of the streamlines, in their order (SIFT2); empty: all 1
};

/// A map to average along streamlines; edges get `mean_<name>`.
struct ScalarMap {
    std::string name;  ///< "fa", "md", ...
    std::string unit;
    ScalarImage image;  ///< one volume, on any grid of the same world
};

/// Accumulates edges as streamlines arrive; the tractogram need not be stored. Neither chunks nor threads nor the order of streamlines change a byte.
///
/// Ends.     As tck2connectome's radial search: the region of the nearest labelled voxel centre that is strictly closer than the radius; of
///           centres at the same distance the one of the lowest voxel index (x fastest). A streamline with both ends in one region counts
///           once, on the diagonal. One with a vertex that is not finite has no region at either end.
/// Edges.    count; mean_length [mm]; for every map the mean over an edge's streamlines of the length-weighted mean along each.
/// Weights.  With them edges get `weight`, their sum, and means over streamlines are weighted; count stays a count.
/// Along.    Trilinear interpolation at the vertices; a vertex weighs half of each adjacent segment. Vertices outside the map or beside a
///           voxel that is not finite are left out; a streamline with none left (or without length) does not enter the edge's mean.
/// Sums.     64-bit fixed point, each streamline's term rounded once to the nearest multiple. Lengths in 2^-24 mm: error below 3e-8 mm, up to
///           5e11 mm per edge. Map means in 2^-31 to 2^-30 of the map's largest magnitude, for up to 4e9 streamlines per edge.
///           Weights in 2^-24.
class ConnectomeBuilder : public StreamlineSink {
  public:
    /// Throws InputError for a map of several volumes, two maps of one name, a radius that is not above zero, more than 20 000 regions.
    ConnectomeBuilder(const Parcellation& parcellation, const std::vector<ScalarMap>& maps, const ConnectomeOptions& options, const Device& device);
    ~ConnectomeBuilder() override;
    void append(const TractogramView& streamlines) override;
    /// What has accumulated so far.
    Connectome connectome() const;
    /// The pair of labels of every streamline so far, 0 where an end has none: (2 n).
    const std::vector<std::int32_t>& assignments() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace arcuate::connectome
