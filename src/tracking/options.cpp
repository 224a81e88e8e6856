// The table of algorithms; defaults and checks of tracking options.
#include "arcuate/core/error.hpp"
#include "arcuate/tracking/track.hpp"
#include "kernels/first_order.hpp"
#include "kernels/regions.hpp"
#include "kernels/track_step.hpp"
#include "tracking/scene.hpp"

#include <fmt/format.h>

#include <cmath>

namespace arcuate::tracking {

// Defaults: tckgen's; sd: fewer directions per seed, since each is climbed to one of a few peaks; prob: DIPY's angle; ptt: Trekker's step, radius of curvature (which the angle follows from), probe, and distance of kept vertices.
const std::array<AlgorithmRow, static_cast<std::size_t>(Algorithm::count)> algorithms{{
    {Algorithm::ifod2, "ifod2", "iFOD2", "probabilistic, second-order arcs through the FOD", "Tournier et al. 2010, Proc. ISMRM 18:1670", FieldKind::fod, 0.5, 0, 45, 0.1,
     0.25, 3, 1000, true, true},
    {Algorithm::ifod1, "ifod1", "iFOD1", "probabilistic, first order", "Tournier et al. 2012, Int J Imaging Syst Technol 22:53", FieldKind::fod, 0.1, 0.25, 15, 0.1, 1, 1,
     1000, true, true},
    {Algorithm::sd, "sd", "SD_STREAM", "deterministic, along the FOD's peaks", "Tournier et al. 2012, Int J Imaging Syst Technol 22:53", FieldKind::fod, 0.1, 0.25, 60, 0.1,
     0, 1, 100, false, false},
    {Algorithm::ptt, "ptt", "PTT", "probabilistic, parallel transport of a frame", "Aydogan & Shi 2021, IEEE Trans Med Imaging 40:635", FieldKind::fod, 0.025, 0, 0, 0.1, 1,
     20, 1000, true, true},
    {Algorithm::prob, "prob", "Probabilistic", "probabilistic, from a fixed set of directions", "Garyfallidis et al. 2014, Front Neuroinform 8:8", FieldKind::fod, 0.2, 0.25, 30,
     0.1, 0, 1, 1000, false, true},
    {Algorithm::tensor_det, "tensor-det", "Tensor_Det", "deterministic, along the tensor", "Basser et al. 2000, Magn Reson Med 44:625", FieldKind::signal, 0.1, 0.25, 60, 0.1, 0,
     1, 1000, false, false},
    {Algorithm::tensor_prob, "tensor-prob", "Tensor_Prob", "along the tensor of a wild bootstrap of the signal", "Jones 2008, IEEE Trans Med Imaging 27:1268",
     FieldKind::signal, 0.1, 0.25, 60, 0.1, 0, 1, 1000, false, false},
    {Algorithm::fact, "fact", "FACT", "along the fixel of the voxel", "Mori et al. 1999, Ann Neurol 45:265", FieldKind::peaks, 0.1, 0, 60, 0.1, 0, 1, 1000, false, false},
    {Algorithm::nulldist1, "nulldist1", "Nulldist1", "ifod1 without data: what chance connects", "Morris et al. 2008, NeuroImage 42:1329", FieldKind::any, 0.1, 0.25, 15, 0, 0, 1,
     1000, false, true},
    {Algorithm::nulldist2, "nulldist2", "Nulldist2", "ifod2 without data", "Morris et al. 2008, NeuroImage 42:1329", FieldKind::any, 0.5, 0, 45, 0, 0, 3, 1000, false, true},
}};

const AlgorithmRow& algorithm_named(const std::string& name) {
    std::string names;
    for (const auto& row : algorithms) {
        if (name == row.name) return row;
        names += (names.empty() ? "" : ", ") + std::string(row.name);
    }
    throw InputError(fmt::format("there is no algorithm '{}'; use one of {}", name, names));
}

const std::array<ReasonRow, static_cast<std::size_t>(Stop::count)> stop_reasons{{
    {"exit_image", "left the image"},
    {"exit_mask", "left the mask"},
    {"calibrator", "no amplitude ahead"},
    {"model", "no acceptable direction"},
    {"high_curvature", "too sharp a turn"},
    {"length_exceeded", "reached the maximum length"},
    {"enter_cgm", "entered cortical grey matter"},
    {"enter_csf", "entered CSF"},
    {"exit_sgm", "left sub-cortical grey matter"},
    {"term_in_sgm", "ended in sub-cortical grey matter"},
    {"enter_exclude", "entered an exclude region"},
    {"traverse_all_include", "visited every include region"},
    {"not_tracked", "half not tracked"},
}};

const std::array<ReasonRow, static_cast<std::size_t>(Outcome::count)> outcomes{{
    {"accepted", "accepted"},
    {"invalid_seed", "no direction at the seed, or a place where none may start"},
    {"no_propagation", "no step from the seed"},
    {"too_short", "shorter than the minimum length"},
    {"too_long", "longer than the maximum length"},
    {"enter_exclude", "entered an exclude region"},
    {"missed_include", "missed an include region"},
    {"poor_termination", "ended where anatomy forbids"},
    {"wm_requirement", "never reached white matter"},
}};

namespace {
void require(bool fine, const char* option, double value, const char* rule) {
    if (!fine) throw InputError(fmt::format("--{} {} makes no sense ({}); choose another value", option, value, rule));
}
void apart(bool together, const char* one, const char* other, const char* why) {
    if (together) throw InputError(fmt::format("{} and {} do not go together ({}); leave one of them out", one, other, why));
}

void check_combinations(const TrackOptions& o, const TrackInput& input) {
    const AlgorithmRow& row = row_of(o.algorithm);
    const auto& regions = input.regions;
    apart(o.rk4 && row.step_rk4 == 0, "--rk4", fmt::format("--algorithm {}", row.name).c_str(), "Runge-Kutta needs a direction at a point, and this algorithm has curves or voxels");
    apart(o.power != 0 && row.power == 0, "--power", fmt::format("--algorithm {}", row.name).c_str(), "it raises the amplitudes that candidates are drawn by, and this algorithm draws none by them");
    apart(o.fod_precision == FodPrecision::half && o.algorithm != Algorithm::ifod2, "--fod-precision half", fmt::format("--algorithm {}", row.name).c_str(), "half precision is for what reads FODs most, ifod2 alone");
    const bool backtrack = input.anatomy && input.anatomy->backtrack;
    apart(backtrack && !row.backtracks, "--backtrack", fmt::format("--algorithm {}", row.name).c_str(), "a second attempt of a deterministic algorithm goes the same way");
    apart(backtrack && regions.stop_at_include, "--backtrack", "--stop-at-include", "a cut streamline would no longer have visited what it stopped at");
    apart(!regions.include_ordered.empty() && !o.unidirectional, "--include-ordered", "two halves", "an order needs one direction: add --seed-unidirectional");
    if (regions.stop_at_include && regions.include.empty() && regions.include_ordered.empty())
        throw InputError("--stop-at-include has nothing to stop at (no include region is given); add --include");
    for (const auto* list : {&regions.include, &regions.include_ordered})
        if (list->size() > static_cast<std::size_t>(kernels::max_include_regions))
            throw InputError(fmt::format("{} include regions are more than the {} that a streamline can remember; merge some of them", list->size(), kernels::max_include_regions));
    if (input.seeds.empty()) throw InputError("there is nowhere to start (no seeds are given); add --seed-image or another --seed-... option");
    bool finite = false, endless = false;
    for (const auto& seeds : input.seeds) {
        (seeds.finite() ? finite : endless) = true;
        if (seeds.kind == Seeds::Kind::interface && !input.anatomy)
            throw InputError(fmt::format("seeds on the grey-white interface ({}) need the tissues; add --act", seeds.name));
        apart(seeds.kind == Seeds::Kind::dynamic && input.seeds.size() > 1, "--seed-dynamic", "other seeds", "what they add is no density that it could balance");
    }
    apart(finite && endless, "seeds without end (an image, a sphere)", "a fixed number of seeds (per voxel, points)", "it is undefined when the former would be done");
    if (o.direction) {
        const auto& d = *o.direction;
        const double size = std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
        if (!(std::isfinite(size) && size > 0)) throw InputError("--seed-direction has no length; give three numbers x,y,z in scanner coordinates");
    }
}
/// By how much a step turns where the radius of curvature is half a voxel: 2 asin(step / (2 radius)) [degrees]; 90 where it is no smaller.
double angle_of_half_voxel(double step_voxels) {
    return step_voxels < M_SQRT1_2 ? 2 * 180 / M_PI * static_cast<double>(kernels::asin(static_cast<float>(step_voxels))) : 90;
}
}  // namespace

TrackOptions resolve(const TrackOptions& options, const TrackInput& input) {
    const double voxel = mean_voxel_size(input.field.grid);
    const AlgorithmRow& row = row_of(options.algorithm);
    TrackOptions o = options;
    check_combinations(o, input);
    if (o.step == 0) o.step = (o.rk4 ? row.step_rk4 : row.step) * voxel;
    if (o.angle == 0) o.angle = row.angle > 0 ? row.angle : angle_of_half_voxel(o.step / voxel);
    if (o.cutoff < 0) o.cutoff = row.cutoff * (input.anatomy ? 0.5 : 1.0);
    if (o.power == 0) o.power = row.power;
    if (o.probe == 0) o.probe = 0.25 * voxel;
    if (o.downsample == 0) o.downsample = row.downsample;
    if (o.seed_trials == 0) o.seed_trials = row.seed_trials;
    if (o.min_length < 0) o.min_length = (input.anatomy ? 2 : 5) * voxel;
    if (o.max_length < 0) o.max_length = 100 * voxel;
    if (o.seed_cutoff < 0) o.seed_cutoff = o.cutoff;
    const std::int64_t given = finite_seeds(input.seeds);
    if (o.select < 0) o.select = o.seeds < 0 && given == 0 ? 5000 : 0;
    if (o.seeds < 0) o.seeds = given > 0 ? given : 1000 * o.select;
    if (given > 0) o.seeds = o.seeds > 0 ? std::min(o.seeds, given) : given;
    require(o.step > 0 && o.step <= 100 * voxel, "step", o.step, "a length above zero [mm], at most a hundred voxels");
    require(o.angle > 0 && o.angle <= 90, "angle", o.angle, "above 0 and at most 90 degrees");
    require(o.cutoff >= 0, "cutoff", o.cutoff, "not negative");
    require(o.max_length > 0 && o.max_length >= o.min_length, "max-length", o.max_length, "not shorter than the minimum length");
    require(o.max_length / o.step <= 1e6, "step", o.step, "more than a million steps per streamline");
    require(o.power > 0 || !row.draws, "power", o.power, "above zero");
    require(o.samples >= 2 && o.samples <= kernels::max_step_vertices + 1, "samples", o.samples, "2 to 9");
    require(o.trials >= 1 && o.trials <= kernels::max_trials, "trials", o.trials, "1 to 65536");
    require(o.seed_trials >= 1, "seed-trials", o.seed_trials, "at least 1");
    require(o.probe > 0, "probe-length", o.probe, "a length above zero [mm]");
    require(o.downsample >= 1, "downsample", o.downsample, "at least 1");
    require(o.select > 0 || o.seeds > 0, "select", static_cast<double>(o.select), "without a limit on seeds the run would never end");
    require(o.chunk >= 0, "chunk", static_cast<double>(o.chunk), "not negative");
    return o;
}

std::map<std::string, std::string> header_fields(const TrackOptions& o) {
    const auto number = [](double value) { return fmt::format("{}", static_cast<float>(value)); };
    const AlgorithmRow& row = row_of(o.algorithm);
    const bool arcs = steps_along_arcs(o);
    std::map<std::string, std::string> fields{{"method", row.method},
                                              {"source_version", "arcuate"},
                                              {"rng_seed", std::to_string(o.seed)},
                                              {"max_num_tracks", std::to_string(o.select)},
                                              {"max_num_seeds", std::to_string(o.seeds)},
                                              {"step_size", number(o.step)},
                                              {"output_step_size", number(o.step * o.downsample / (arcs ? o.samples - 1 : 1))},
                                              {"downsample_factor", std::to_string(o.downsample)},
                                              {"max_angle", number(o.angle)},
                                              {"threshold", number(o.cutoff)},
                                              {"init_threshold", number(o.seed_cutoff)},
                                              {"min_dist", number(o.min_length)},
                                              {"max_dist", number(o.max_length)},
                                              {"max_seed_attempts", std::to_string(o.seed_trials)},
                                              {"unidirectional", o.unidirectional ? "1" : "0"}};
    if (row.draws) {
        fields["fod_power"] = number(o.power);
        fields["max_trials"] = std::to_string(o.trials);
    }
    if (arcs) fields["samples_per_step"] = std::to_string(o.samples);
    if (o.fod_precision == FodPrecision::half) fields["fod_precision"] = "half";
    if (row.step_rk4 > 0) fields["rk4"] = o.rk4 ? "1" : "0";
    return fields;
}

}  // namespace arcuate::tracking
