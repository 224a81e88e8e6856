// Streamlines through a field of fibre orientations.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/image.hpp"
#include "arcuate/core/progress.hpp"
#include "arcuate/core/region.hpp"
#include "arcuate/core/tensor_model.hpp"
#include "arcuate/core/tractogram.hpp"
#include "arcuate/tracking/dynamic_seeds.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>

namespace arcuate::tracking {

enum class Algorithm : std::uint8_t { ifod2, ifod1, sd, ptt, prob, tensor_det, tensor_prob, fact, nulldist1, nulldist2, count };

/// What an algorithm walks on.
enum class FieldKind : std::uint8_t {
    fod,     ///< even-order spherical harmonics (arcuate/conventions.hpp)
    signal,  ///< the diffusion-weighted signal itself, with a TensorModel
    peaks,   ///< three volumes per fixel: a vector in the world frame, whose length the cutoff is held against
    any      ///< voxels that are not zero
};

/// One line of the table of algorithms: its name, what it needs, and the peers' defaults.
struct AlgorithmRow {
    Algorithm id;
    const char* name;       ///< of --algorithm
    const char* method;     ///< MRtrix's name where it has one: `method` of a .tck header
    const char* text;       ///< for people
    const char* reference;
    FieldKind field;
    double step, step_rk4;  ///< [voxels]; step_rk4 0: Runge-Kutta does not apply
    double angle;           ///< [degrees] per step; 0: what a radius of curvature of half a voxel allows
    double cutoff;
    double power;           ///< 0: does not apply
    int downsample;
    int seed_trials;
    bool draws;             ///< directions are drawn by rejection: trials, power
    bool backtracks;        ///< another attempt may go another way
};
extern const std::array<AlgorithmRow, static_cast<std::size_t>(Algorithm::count)> algorithms;
/// Throws InputError with the names that there are.
const AlgorithmRow& algorithm_named(const std::string& name);
inline const AlgorithmRow& row_of(Algorithm algorithm) { return algorithms[static_cast<std::size_t>(algorithm)]; }

/// A source of seeds. Several endless ones share the seeds in proportion to their volumes; of several finite ones each gives all of its own.
struct Seeds {
    enum class Kind : std::uint8_t { image, weighted, random_per_voxel, grid_per_voxel, sphere, points, interface, dynamic };
    Kind kind = Kind::image;
    std::string name;              ///< for messages
    ScalarImage image{};           ///< voxels above 0; `weighted`: seeds in proportion to the values
    std::int64_t per_voxel = 1;    ///< random_per_voxel: seeds of each voxel; grid_per_voxel: along each of its axes
    Sphere sphere{};
    std::vector<Vec3d> points{};   ///< scanner RAS+ [mm]
    DynamicSeeds* dynamic = nullptr;  ///< changes as the run goes on

    bool finite() const { return kind == Kind::random_per_voxel || kind == Kind::grid_per_voxel || kind == Kind::points; }
};

/// Regions hold at every vertex; an image decides by the voxel nearest to it.
struct Regions {
    std::vector<Region> mask;             ///< streamlines end where they are in none of these
    std::vector<Region> exclude;          ///< a streamline that enters one is rejected
    std::vector<Region> include;          ///< a streamline must visit each
    std::vector<Region> include_ordered;  ///< and each of these, in this order
    bool stop_at_include = false;         ///< a streamline ends once it has visited all of them
};

/// Anatomically constrained tracking (Smith et al. 2012, NeuroImage 62:1924).
struct Anatomy {
    ScalarImage tissues;     ///< (5) fractions of cortical grey, sub-cortical grey, white matter, CSF, pathology; on its own grid
    bool backtrack = false;  ///< a streamline that ends badly is cut back and tries again
    bool crop = false;       ///< streamlines end exactly on the grey-white interface
};

/// All images of a run.
struct TrackInput {
    const ScalarImage& field;
    std::vector<Seeds> seeds{};
    Regions regions{};
    std::optional<Anatomy> anatomy{};
    const TensorModel* tensor = nullptr;   ///< for FieldKind::signal
};

/// How a tracker holds the FODs. Half takes half the memory and decides the bytes: amplitudes differ by some 1e-4 of the peak (ARCHITECTURE.md).
enum class FodPrecision : std::uint8_t { single, half };

/// The meaning and the defaults are tckgen's. Values that say "0: ..." are filled in from the algorithm's row and the field's voxel size.
struct TrackOptions {
    Algorithm algorithm = Algorithm::ifod2;
    std::uint64_t seed = 0;         ///< of the random numbers
    std::int64_t select = -1;       ///< streamlines wanted; 0: no limit. Negative: 5000, or no limit where `seeds` is given or the seeds are finite
    std::int64_t seeds = -1;        ///< seeds tried at most; 0: no limit. Negative: 1000 x select, or all of finite seeds
    double step = 0;                ///< length of one step [mm]; 0: the algorithm's
    double angle = 0;               ///< largest change of direction over a step [degrees]; 0: the algorithm's
    double cutoff = -1;             ///< FOD amplitude, FA or peak length below which tracking ends; negative: the algorithm's, half of it with tissues
    double seed_cutoff = -1;        ///< the same for the first direction; negative: cutoff
    double min_length = -1;         ///< [mm]; negative: five voxels, two with tissues
    double max_length = -1;         ///< [mm]; negative: a hundred voxels
    double power = 0;               ///< exponent of a candidate's probability; 0: the algorithm's
    bool rk4 = false;               ///< Runge-Kutta 4 instead of Euler's method, where the algorithm allows
    int samples = 4;                ///< samples along an arc or a probe, its start included
    int trials = 1000;              ///< candidates per step before giving up
    int seed_trials = 0;            ///< directions tried per seed; 0: the algorithm's
    double probe = 0;               ///< length of ptt's probe [mm]; 0: a quarter of a voxel
    int downsample = 0;             ///< every n-th vertex is kept, and both ends; 0: the algorithm's
    bool unidirectional = false;    ///< do not track the second half
    FodPrecision fod_precision = FodPrecision::single;  ///< half: ifod2 alone
    std::optional<Vec3d> direction{};  ///< the first direction of every seed, instead of a random one
    bool seed_data = false;         ///< streamlines come with the data of seed_fields()
    std::int64_t chunk = 0;         ///< seeds per launch; 0: chosen; does not change a byte
};

/// What TrackOptions::seed_data adds to every streamline: seed_id, the number that explain() takes; seed_vertex, which of its vertices is the seed; and seed_point,
/// where that is (3, scanner RAS+ [mm]).
std::vector<DataField> seed_fields();

/// Why a half of a streamline ended. The order is that of `stop_reasons`.
enum class Stop : std::uint8_t {
    exit_image, exit_mask, calibrator, model, high_curvature, length_exceeded, enter_cgm, enter_csf, exit_sgm, term_in_sgm, enter_exclude,
    traverse_all_include, not_tracked, count
};
/// What became of a seed. Every seed has exactly one of these.
enum class Outcome : std::uint8_t {
    accepted, invalid_seed, no_propagation, too_short, too_long, enter_exclude, missed_include, poor_termination, wm_requirement, count
};

struct ReasonRow {
    const char* name;  ///< one word, for files
    const char* text;  ///< for people
};
extern const std::array<ReasonRow, static_cast<std::size_t>(Stop::count)> stop_reasons;
extern const std::array<ReasonRow, static_cast<std::size_t>(Outcome::count)> outcomes;

/// What happened. Counts cover the seeds up to the last one that was needed, so they do not depend on chunks, threads or devices.
/// It is also all that a run must know to go on from there.
struct TrackSummary {
    std::int64_t seeds = 0;     ///< tried; the outcomes add up to this
    std::int64_t accepted = 0;
    std::array<std::int64_t, static_cast<std::size_t>(Outcome::count)> outcome{};
    std::array<std::int64_t, static_cast<std::size_t>(Stop::count)> stop{};  ///< of the halves, two per seed
    std::int64_t steps = 0;     ///< arcs taken, rejected streamlines included
    std::int64_t arcs = 0;      ///< candidate arcs evaluated for those steps, calibration included
    std::int64_t end_arcs = 0;  ///< candidate arcs evaluated where a half could not go on
    std::int64_t truncated = 0;  ///< candidates more probable than the calibrated maximum
    std::int64_t length_um = 0;  ///< sum over accepted streamlines, each rounded [micrometre]
    int calibration_arcs = 0;     ///< per step, of `arcs`

    /// Seeds that had a first direction: `total_count` of a .tck.
    std::int64_t started() const { return seeds - outcome[static_cast<std::size_t>(Outcome::invalid_seed)]; }
    /// Of the accepted streamlines [mm].
    double mean_length_mm() const { return accepted > 0 ? 1e-3 * static_cast<double>(length_um) / static_cast<double>(accepted) : 0.0; }
    friend bool operator==(const TrackSummary&, const TrackSummary&) = default;
};

/// The options with every "0: ..." and "negative: ..." replaced by the value it stands for on this input.
/// Throws InputError, naming the option, for values that make no sense or do not go together.
TrackOptions resolve(const TrackOptions& options, const TrackInput& input);

/// Resolved options as .tck header fields, by MRtrix's names where it has one.
std::map<std::string, std::string> header_fields(const TrackOptions& resolved);

/// How a long run can be interrupted and go on.
struct TrackControl {
    TrackSummary done{};                                        ///< of the part that the sink has already, from an earlier call
    std::function<void(const TrackSummary&)> after_batch = {};  ///< called when the sink has every streamline that the summary counts
    std::function<bool()> stop = {};                            ///< true: end after the current batch
    std::int64_t batch = 0;  ///< of streamlines; above 0: batches end at its multiples (and elsewhere), so that what is decided there depends on no chunk
};

/// Streamline i depends on (options.seed, i) and the images alone (of dynamic seeds: and on the generations before it). Accepted streamlines reach `sink` in id order, batch by batch, from one thread.
/// Several devices share the work; that does not change a byte.
/// Throws InputError for a field that does not fit the algorithm, is not finite, or is zero everywhere, and for seeds that are outside it.
TrackSummary track(const TrackInput& input, const TrackOptions& options, std::span<const Device> devices, StreamlineSink& sink,
                   Progress& progress = silent(), const TrackControl& control = {});
inline TrackSummary track(const TrackInput& input, const TrackOptions& options, const Device& device, StreamlineSink& sink,
                          Progress& progress = silent(), const TrackControl& control = {}) {
    return track(input, options, std::span(&device, 1), sink, progress, control);
}

/// One step of one streamline.
struct ExplainedStep {
    int half;               ///< 0 or 1
    std::int64_t step;      ///< number of the step in this half; its random numbers are (seed, id, half, step)
    std::int64_t vertices;  ///< of this half so far, the seed included
    std::int64_t candidates;  ///< evaluated
    Vec3d position;         ///< after the step [mm]
    Vec3d direction;        ///< unit
    double amplitude;       ///< of the data there along the direction
    std::optional<Stop> end;  ///< why the half ended here
    bool backtracked;       ///< the end was cut off, and tracking went on
};
struct Explanation {
    std::vector<ExplainedStep> steps;
    Outcome outcome;
    Stop stop[2];
    double length_mm;
    std::int64_t vertices;  ///< after downsampling
};
/// Tracks streamline `id` alone and tells every step. Throws InputError for dynamic seeds.
Explanation explain(const TrackInput& input, const TrackOptions& options, const Device& device, std::int64_t id);

/// Seeds uniform in a mask.
Seeds seeds_in(const Mask& mask, std::string name = "the seed mask");

}  // namespace arcuate::tracking
