// Streamlines and what produced them.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace arcuate {

/// Some streamlines, owned by somebody else. `offsets` has one entry more than there are streamlines.
struct TractogramView {
    std::span<const float> positions;        ///< (n_vertices, 3), scanner RAS+ [mm]
    std::span<const std::uint64_t> offsets;  ///< (n_streamlines + 1), first vertex of each; the last is n_vertices

    std::int64_t size() const { return offsets.empty() ? 0 : static_cast<std::int64_t>(offsets.size()) - 1; }
    /// Vertices of streamline s, (n, 3) [mm].
    std::span<const float> streamline(std::int64_t s) const {
        const auto first = offsets[static_cast<std::size_t>(s)];
        const auto last = offsets[static_cast<std::size_t>(s) + 1];
        return positions.subspan(3 * first, 3 * (last - first));
    }
};

/// Streamlines in memory.
struct Tractogram {
    std::vector<float> positions;            ///< (n_vertices, 3), scanner RAS+ [mm]
    std::vector<std::uint64_t> offsets{0};   ///< (n_streamlines + 1)
    std::map<std::string, std::string> properties;  ///< header fields: step_size, seed, ... by the names .tck uses

    std::int64_t size() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
    TractogramView view() const { return {positions, offsets}; }
    void append(std::span<const float> streamline) {
        positions.insert(positions.end(), streamline.begin(), streamline.end());
        offsets.push_back(positions.size() / 3);
    }
};

/// Where finished streamlines go: a file, an accumulator of edges, memory. Called from one thread, in id order.
class StreamlineSink {
  public:
    virtual ~StreamlineSink() = default;
    virtual void append(const TractogramView& streamlines) = 0;
};

}  // namespace arcuate
