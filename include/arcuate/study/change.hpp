// Connections over time: one tidy table of every edge in every session.
#pragma once

#include "arcuate/core/connectome.hpp"
#include "arcuate/study/bids.hpp"

#include <string>
#include <vector>

namespace arcuate::study {

/// Where a session's connectome lies.
struct SessionResult {
    Session session;
    bool first = false;  ///< the subject's first session, which changes refer to
    std::string folder;  ///< of OUT that it lies in: empty, or PipelineOptions::folder
    std::string atlas;   ///< label of the parcellation
    std::string path;    ///< HDF5
};

/// The connectomes in OUT of all sessions of the data set, subject by subject, sessions in order; of each session those in OUT itself, then those of other trajectories beside them.
std::vector<SessionResult> find_results(const std::string& bids_dir, const std::string& out_dir);

/// Writes one row per session and edge, for the edges that have a streamline in any of the subject's sessions. Columns: participant_id, session_id, days,
/// trajectories, weights (how its streamlines came about, of `arcuate run --trajectories --weights`), atlas, node_a, node_b (labels, node_a <= node_b), name_a, name_b, every metric, and
/// <metric>_change: its value minus that in the subject's first session. Sessions that have results of several trajectories have rows of each, compared among their own. n/a where a value
/// does not exist. Regions are matched by label. Replaces an existing table; whole or absent.
void write_change_table(const std::string& path, const std::vector<SessionResult>& results);

}  // namespace arcuate::study
