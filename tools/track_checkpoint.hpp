// Where a tracking run stands, on disk, so that it can go on after an interruption.
#pragma once

#include "arcuate/tracking/track.hpp"

#include <chrono>
#include <string>

namespace arcuate::tools {

/// `OUT.checkpoint.json`: what was asked for, how far it is, and what the writer needs.
struct TrackCheckpoint {
    std::string asked;    ///< the half of the provenance that decides the bytes
    std::string writer;   ///< io::TractogramWriter::checkpoint()
    tracking::TrackSummary summary;
};

std::string checkpoint_path(const std::string& output);
void write_checkpoint(const std::string& output, const TrackCheckpoint& checkpoint);
/// Throws InputError where there is none, or it cannot be read.
TrackCheckpoint read_checkpoint(const std::string& output);

/// The summary as JSON: counts by the names of tracking::outcomes and tracking::stop_reasons.
std::string summary_json(const tracking::TrackSummary& summary);

}  // namespace arcuate::tools
