// Defaults and checks of tracking options.
#include "arcuate/core/error.hpp"
#include "arcuate/tracking/track.hpp"
#include "kernels/ifod2.hpp"

#include <fmt/format.h>

namespace arcuate::tracking {

const std::array<ReasonRow, static_cast<std::size_t>(Stop::count)> stop_reasons{{
    {"exit_image", "left the FOD image"},
    {"exit_mask", "left the mask"},
    {"calibrator", "no FOD amplitude ahead"},
    {"model", "no acceptable arc found"},
    {"length_exceeded", "reached the maximum length"},
    {"not_tracked", "half not tracked"},
}};

const std::array<ReasonRow, static_cast<std::size_t>(Outcome::count)> outcomes{{
    {"accepted", "accepted"},
    {"invalid_seed", "no direction at the seed"},
    {"no_propagation", "no step from the seed"},
    {"too_short", "shorter than the minimum length"},
}};

namespace {
void require(bool fine, const char* option, double value, const char* rule) {
    if (!fine) throw InputError(fmt::format("--{} {} makes no sense ({}); choose another value", option, value, rule));
}
}  // namespace

TrackOptions resolve(const TrackOptions& options, const Grid& fod_grid) {
    const double voxel = mean_voxel_size(fod_grid);
    TrackOptions o = options;
    if (o.step == 0) o.step = 0.5 * voxel;
    if (o.min_length < 0) o.min_length = 5 * voxel;
    if (o.max_length < 0) o.max_length = 100 * voxel;
    if (o.seed_cutoff < 0) o.seed_cutoff = o.cutoff;
    if (o.select < 0) o.select = o.seeds < 0 ? 5000 : 0;
    if (o.seeds < 0) o.seeds = 1000 * o.select;
    require(o.step > 0 && o.step <= 100 * voxel, "step", o.step, "a length above zero [mm], at most a hundred voxels");
    require(o.angle > 0 && o.angle <= 90, "angle", o.angle, "above 0 and at most 90 degrees");
    require(o.cutoff >= 0, "cutoff", o.cutoff, "an FOD amplitude, not negative");
    require(o.max_length > 0 && o.max_length >= o.min_length, "max-length", o.max_length, "not shorter than the minimum length");
    require(o.max_length / o.step <= 1e6, "step", o.step, "more than a million steps per streamline");
    require(o.power > 0, "power", o.power, "above zero");
    require(o.samples >= 2 && o.samples <= kernels::max_arc_samples + 1, "samples", o.samples, "2 to 9");
    require(o.trials >= 1, "trials", o.trials, "at least 1");
    require(o.seed_trials >= 1, "seed-trials", o.seed_trials, "at least 1");
    require(o.downsample >= 1, "downsample", o.downsample, "at least 1");
    require(o.select > 0 || o.seeds > 0, "select", static_cast<double>(o.select), "without a limit on seeds the run would never end");
    require(o.chunk >= 0, "chunk", static_cast<double>(o.chunk), "not negative");
    return o;
}

std::map<std::string, std::string> header_fields(const TrackOptions& o) {
    const auto number = [](double value) { return fmt::format("{}", static_cast<float>(value)); };
    return {{"method", "iFOD2"},
            {"source_version", "arcuate"},
            {"rng_seed", std::to_string(o.seed)},
            {"max_num_tracks", std::to_string(o.select)},
            {"max_num_seeds", std::to_string(o.seeds)},
            {"step_size", number(o.step)},
            {"output_step_size", number(o.step * o.downsample / (o.samples - 1))},
            {"downsample_factor", std::to_string(o.downsample)},
            {"max_angle", number(o.angle)},
            {"threshold", number(o.cutoff)},
            {"init_threshold", number(o.seed_cutoff)},
            {"min_dist", number(o.min_length)},
            {"max_dist", number(o.max_length)},
            {"fod_power", number(o.power)},
            {"samples_per_step", std::to_string(o.samples)},
            {"max_trials", std::to_string(o.trials)},
            {"max_seed_attempts", std::to_string(o.seed_trials)},
            {"unidirectional", o.unidirectional ? "1" : "0"}};
}

}  // namespace arcuate::tracking
