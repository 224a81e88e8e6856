// Streamlines and what produced them.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace arcuate {

class Device;

/// How a number is stored in a file; in memory every value is a double, which holds all of these (64-bit integers up to 2^53).
enum class DataType : std::uint8_t { float16, float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64 };

/// A named quantity that goes with every streamline (TRX's dps, a .trk's properties) or every vertex (dpv, scalars).
struct DataField {
    std::string name;
    std::int64_t columns = 1;
    DataType type = DataType::float32;  ///< how TRX stores it; .trk has float32 alone

    friend bool operator==(const DataField&, const DataField&) = default;
};

/// A quantity's values, row by row: one row per streamline or vertex.
struct DataArray : DataField {
    std::vector<double> values;  ///< (rows, columns)
};

/// Some streamlines, owned by somebody else. `offsets` has one entry more than there are streamlines.
struct TractogramView {
    std::span<const float> positions;        ///< (n_vertices, 3), scanner RAS+ [mm]
    std::span<const std::uint64_t> offsets;  ///< (n_streamlines + 1), first vertex of each; the last is n_vertices
    std::span<const DataArray> per_streamline{};  ///< (n_streamlines, columns) each
    std::span<const DataArray> per_vertex{};      ///< (n_vertices, columns) each
    const float* on_device = nullptr;             ///< the vertices in memory of the device that the sink reads them on; `positions` is empty then

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
    std::vector<DataArray> per_streamline, per_vertex;
    std::map<std::string, std::string> properties;  ///< header fields: step_size, seed, ... by the names .tck uses

    std::int64_t size() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
    TractogramView view() const { return {positions, offsets, per_streamline, per_vertex}; }
    void append(std::span<const float> streamline) {
        positions.insert(positions.end(), streamline.begin(), streamline.end());
        offsets.push_back(positions.size() / 3);
    }
    /// Drops the streamlines; fields and properties stay.
    void clear() {
        positions.clear();
        offsets.assign(1, 0);
        for (auto* arrays : {&per_streamline, &per_vertex})
            for (auto& array : *arrays) array.values.clear();
    }
};

/// Where finished streamlines go: a file, an accumulator of edges, memory. Called from one thread, in id order.
class StreamlineSink {
  public:
    virtual ~StreamlineSink() = default;
    virtual void append(const TractogramView& streamlines) = 0;
    /// The device on which it may be given vertices, where it needs them nowhere else; null: on the host alone.
    virtual const Device* reads_on() const { return nullptr; }
};

}  // namespace arcuate
