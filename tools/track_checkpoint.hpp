// Where a tracking run stands, on disk, so that it can go on after an interruption.
#pragma once

#include "arcuate/tracking/track.hpp"

#include <optional>
#include <string>
#include <vector>

namespace arcuate::tools {

/// Of dynamic seeds.
struct SeedState {
    tracking::DynamicSeeds::State seeds;
    std::vector<std::int64_t> density_sums;  ///< weights::FixelLengths::sums()
};

/// `OUT.checkpoint` (CBOR): what was asked for, how far it is, and what the writer and dynamic seeds need.
struct TrackCheckpoint {
    std::string asked;    ///< the half of the provenance that decides the bytes
    std::string writer;   ///< io::TractogramWriter::checkpoint()
    tracking::TrackSummary summary;
    std::optional<SeedState> seeds{};
    std::optional<std::string> seed_writer{};  ///< the same of --output-seeds
};

std::string checkpoint_path(const std::string& output);
void write_checkpoint(const std::string& output, const TrackCheckpoint& checkpoint);
/// Throws InputError where there is none, or it cannot be read.
TrackCheckpoint read_checkpoint(const std::string& output);

/// The summary as JSON: counts by the names of tracking::outcomes and tracking::stop_reasons.
std::string summary_json(const tracking::TrackSummary& summary);

}  // namespace arcuate::tools
