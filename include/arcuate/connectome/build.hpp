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
};

/// A map to average along streamlines; edges get `mean_<name>`.
struct ScalarMap {
    std::string name;  ///< "fa", "md", ...
    std::string unit;
    ScalarImage image;  ///< one volume, on any grid of the same world
};

/// Accumulates edges as streamlines arrive; the tractogram need not be stored. Sums are integers (counts) and 64-bit fixed
/// point (lengths, means), so neither chunks nor threads change a byte.
/// Edges: count; mean_length [mm]; for every map the mean over an edge's streamlines of the length-weighted mean along each.
class ConnectomeBuilder : public StreamlineSink {
  public:
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
