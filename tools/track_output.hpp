// Where `arcuate track` puts its streamlines: a tractogram, and what belongs to each streamline's seed.
#pragma once

#include "arcuate/io/tractogram.hpp"
#include "track_checkpoint.hpp"

#include <memory>
#include <string>
#include <vector>

namespace arcuate::tools {

struct TrackOutputOptions {
    std::string path;             ///< of the tractogram
    std::string seeds_path;       ///< of the table of seeds; empty: none
    bool save_seeds = false;      ///< .trk and .trx: seed_id and seed_point of every streamline
    io::TractogramOptions file{};

    /// Streamlines must come with tracking::seed_fields().
    bool need_seeds() const { return save_seeds || !seeds_path.empty(); }
};

class TrackOutput : public StreamlineSink {
  public:
    /// `resume`: where an earlier run with the same options stood.
    explicit TrackOutput(const TrackOutputOptions& options, const TrackCheckpoint* resume = nullptr);
    void append(const TractogramView& streamlines) override;
    /// Brings everything to the disk, and notes where it stands.
    void save(TrackCheckpoint& checkpoint);
    void commit(std::int64_t total_count);

  private:
    std::vector<DataArray> kept_;  ///< of the batch, as the file has it
    std::unique_ptr<io::TractogramWriter> tractogram_, seeds_;
};

}  // namespace arcuate::tools
