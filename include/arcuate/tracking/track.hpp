// Probabilistic streamlines through a field of fibre orientation distributions.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/image.hpp"
#include "arcuate/core/progress.hpp"
#include "arcuate/core/tractogram.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace arcuate::tracking {

/// Options of iFOD2; the meaning and the defaults are tckgen's. Values of 0 that say "0: ..." are filled in from the FOD's voxel size.
struct TrackOptions {
    std::uint64_t seed = 0;         ///< of the random numbers
    std::int64_t select = -1;       ///< streamlines wanted; 0: no limit. Negative: 5000, or no limit where `seeds` is given
    std::int64_t seeds = -1;        ///< seeds tried at most; 0: no limit. Negative: 1000 x select
    double step = 0;                ///< arc length of one step [mm]; 0: half a voxel
    double angle = 45;              ///< largest change of direction over a step [degrees]
    double cutoff = 0.1;            ///< FOD amplitude below which an arc is impossible
    double seed_cutoff = -1;        ///< the same for the first direction; negative: cutoff
    double min_length = -1;         ///< [mm]; negative: five voxels
    double max_length = -1;         ///< [mm]; negative: a hundred voxels
    double power = 0.25;            ///< exponent of an arc's probability
    int samples = 4;                ///< FOD samples along an arc, its start included
    int trials = 1000;              ///< candidate arcs per step before giving up
    int seed_trials = 1000;         ///< directions tried per seed
    int downsample = 3;             ///< every n-th vertex is kept, and both ends
    bool unidirectional = false;    ///< do not track the second half
    std::int64_t chunk = 0;         ///< seeds per launch; 0: chosen; does not change a byte
};

/// Why a half of a streamline ended. The order is that of `stop_reasons`.
enum class Stop : std::uint8_t { exit_image, exit_mask, calibrator, model, length_exceeded, not_tracked, count };
/// What became of a seed. Every seed has exactly one of these.
enum class Outcome : std::uint8_t { accepted, invalid_seed, no_propagation, too_short, count };

struct ReasonRow {
    const char* name;  ///< one word, for files
    const char* text;  ///< for people
};
extern const std::array<ReasonRow, static_cast<std::size_t>(Stop::count)> stop_reasons;
extern const std::array<ReasonRow, static_cast<std::size_t>(Outcome::count)> outcomes;

/// What happened. Counts cover the seeds up to the last one that was needed, so they do not depend on chunks or threads.
struct TrackSummary {
    std::int64_t seeds = 0;     ///< tried; the outcomes add up to this
    std::int64_t accepted = 0;
    std::array<std::int64_t, static_cast<std::size_t>(Outcome::count)> outcome{};
    std::array<std::int64_t, static_cast<std::size_t>(Stop::count)> stop{};  ///< of the halves, two per seed
    std::int64_t steps = 0;     ///< arcs taken, rejected streamlines included
    std::int64_t arcs = 0;      ///< candidate arcs evaluated for those steps, calibration included
    std::int64_t end_arcs = 0;  ///< candidate arcs evaluated where a half could not go on
    std::int64_t truncated = 0;  ///< candidates more probable than the calibrated maximum
    double length_mm = 0;       ///< sum over accepted streamlines
    int calibration_arcs = 0;     ///< per step, of `arcs`
};

/// The options with every "0: ..." and "negative: ..." replaced by the value it stands for on this FOD's grid.
/// Throws InputError, naming the option, for values that make no sense.
TrackOptions resolve(const TrackOptions& options, const Grid& fod_grid);

/// Resolved options as .tck header fields, by MRtrix's names where it has one.
std::map<std::string, std::string> header_fields(const TrackOptions& resolved);

/// iFOD2 (Tournier, Calamante & Connelly, Proc. ISMRM 2010, 1670). Seeds are uniform in the voxels of `seed_mask`; tracking stays inside `mask` where
/// one is given. Streamline i depends on (options.seed, i) and the FOD alone. Accepted streamlines reach `sink` in id order, batch by batch.
/// Throws InputError for an FOD whose volume count is not that of an even-order series, that is not finite, or that is zero everywhere.
TrackSummary track(const ScalarImage& fod, const Mask& seed_mask, const std::optional<Mask>& mask, const TrackOptions& options,
                   const Device& device, StreamlineSink& sink, Progress& progress = silent());

}  // namespace arcuate::tracking
