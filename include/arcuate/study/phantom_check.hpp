// What was measured on a phantom beside the truth.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/study/phantom_dataset.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace arcuate::study {

/// A connection that there is, as measured in the first and in the last session.
struct EdgeCheck {
    TrueEdge truth;
    double count_first = 0, count_last = 0;  ///< streamlines
    double fa_first = 0, fa_last = 0;        ///< mean FA along them
    /// Of fa_last - fa_first. Covers the finite number of streamlines (batch means within each session) and the noise of the FA map in the bundle.
    double standard_error = 0;

    bool found() const { return count_first > 0 && count_last > 0; }
    double change() const { return fa_last - fa_first; }
    double true_change() const { return truth.fibre_fa.back() - truth.fibre_fa.front(); }
};

struct PhantomCheck {
    std::vector<EdgeCheck> edges;
    /// Streamlines of both sessions with two nodes at their ends, and those of them whose nodes are not connected in truth.
    std::int64_t assigned = 0, false_streamlines = 0;
    std::string commonest_false;  ///< "a - b", empty where there is none
};

/// Compares the first subject's first and last session in `out_dir`, which hold connectomes, maps and streamlines (PipelineOptions::keep_tracks), with the truth
/// in `bids_dir`. Throws InputError where something is missing.
PhantomCheck check_phantom(const std::string& bids_dir, const std::string& out_dir, const std::vector<TrueEdge>& truth, const Device& device);

}  // namespace arcuate::study
