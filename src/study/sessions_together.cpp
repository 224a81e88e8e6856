#include "study/sessions_together.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/dwi/fixels.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/tractogram.hpp"
#include "arcuate/io/values.hpp"
#include "arcuate/registration/turn.hpp"
#include "study/replicates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace arcuate::study {

namespace fs = std::filesystem;

namespace {

using Sessions = std::deque<SessionImages>;

/// The grid with its axes in the order and direction of another one's, where they are the same but for that, as two files of one scanner can be.
Grid ordered_as(const Grid& other, const Grid& grid) {
    const Affine between = composed(inverse(grid.voxel_to_world), other.voxel_to_world);  // voxels of the other -> voxels
    Grid out = grid;
    Affine order{};
    std::array<bool, 3> taken{};
    for (std::size_t c = 0; c < 3; ++c) {  // the other's axis c is along this axis
        std::size_t axis = 0;
        for (std::size_t r = 1; r < 3; ++r)
            if (std::fabs(between.linear[r][c]) > std::fabs(between.linear[axis][c])) axis = r;
        if (taken[axis]) return other;  // as different as can be: 45 degrees
        taken[axis] = true;
        const double sign = between.linear[axis][c] < 0 ? -1 : 1;
        for (std::size_t r = 0; r < 3; ++r) order.linear[r][c] = r == axis ? sign : 0;
        if (sign < 0) order.offset[axis] = static_cast<double>(grid.size[axis] - 1);
        out.size[c] = grid.size[axis];
    }
    out.voxel_to_world = composed(grid.voxel_to_world, order);
    return out;
}

/// Where all sessions' images are sampled alike: their own grid where it is one; else the mean of the grids' places, so that interpolation smooths all of them by the same.
Grid common_grid(const Sessions& sessions) {
    Grid out = sessions.front().fod.grid;
    if (std::all_of(sessions.begin(), sessions.end(), [&](const auto& s) { return same_grid(s.fod.grid, out); })) return out;
    Affine mean{};
    for (auto& row : mean.linear) row.fill(0);
    for (const auto& session : sessions) {
        const Grid grid = ordered_as(out, session.fod.grid);
        const auto sizes = voxel_sizes(grid.voxel_to_world), wanted = voxel_sizes(out.voxel_to_world);
        for (std::size_t axis = 0; axis < 3; ++axis)
            if (grid.size[axis] != out.size[axis] || std::fabs(sizes[axis] - wanted[axis]) > 0.01 * wanted[axis])
                throw InputError(fmt::format("{} and {} have images of other sizes ({}x{}x{} voxels of {:.3g} mm and {}x{}x{} of {:.3g} mm), so they cannot share streamlines; use --trajectories independent",
                                             sessions.front().plan().session.name(), session.plan().session.name(), out.size[0], out.size[1], out.size[2], wanted[axis], grid.size[0],
                                             grid.size[1], grid.size[2], sizes[axis]));
        for (std::size_t r = 0; r < 3; ++r) {
            for (std::size_t c = 0; c < 3; ++c) mean.linear[r][c] += grid.voxel_to_world.linear[r][c] / static_cast<double>(sessions.size());
            mean.offset[r] += grid.voxel_to_world.offset[r] / static_cast<double>(sessions.size());
        }
    }
    out.voxel_to_world = mean;
    return out;
}

void onto(const Grid& grid, ScalarImage& image, const Device& device) {
    if (!same_grid(image.grid, grid)) image = registration::resampled(image, {}, grid, device);
}

/// The voxels that all sessions' masks share.
Mask common_mask(const Sessions& sessions, const Grid& grid, const Device& device) {
    Mask out = full_mask(grid);
    for (const auto& session : sessions) {
        LabelImage labels(session.mask.grid, 1);
        std::copy(session.mask.data.begin(), session.mask.data.end(), labels.data.begin());
        if (!same_grid(labels.grid, grid)) labels = registration::resampled(labels, {}, grid, device);
        for (std::size_t v = 0; v < out.data.size(); ++v) out.data[v] = out.data[v] && labels.data[v] ? 1 : 0;
    }
    voxels_inside(out, "the masks' intersection");
    return out;
}

/// Streamlines can be shared only where places mean the same in all sessions: says how far they are apart, and refuses what is more than a quarter of a voxel from their mean place.
void check_places(const Sessions& sessions, const PipelineOptions& options, const Device& device, const Listener& listener) {
    std::vector<registration::RigidInput> inputs;
    for (const auto& session : sessions) inputs.push_back({session.plan().session.name(), session.s0, session.mask});
    const auto result = registration::place_rigid(inputs, options.registration, device, *listener.progress);
    if (const auto misfit = registration::misfit_of(result, inputs, options.registration)) throw InputError(misfit->sentence);
    const double limit = 0.25 * mean_voxel_size(sessions.front().s0.grid);
    for (std::size_t s = 0; s < sessions.size(); ++s) {
        const auto& p = result.sessions[s];
        listener.say(fmt::format("{}: turned by {:.2f} degrees and shifted by {:.2f} mm against the others; correlation {:.3f}, left over {:.2f} mm", inputs[s].name, p.rotation_deg, p.shift_mm,
                                 p.fit, p.residual_mm));
        // 50 mm from its centre a brain's rim moves by this much.
        if (p.shift_mm > limit || p.rotation_deg * 0.01745 * 50 > limit)
            throw InputError(fmt::format("{} is turned by {:.2f} degrees and shifted by {:.2f} mm against the subject's other sessions (shared streamlines would not fit it); add --register, or use "
                                         "--trajectories independent",
                                         inputs[s].name, p.rotation_deg, p.shift_mm));
    }
}

/// What the sessions' FODs have in fixels of their mean.
struct SharedFixels {
    Fixels fixels;
    std::vector<std::vector<float>> fibre_density;  ///< of every session
};

SharedFixels shared_fixels(const ScalarImage& mean, std::vector<ScalarImage>& fods, const Device& device, const Listener& listener) {
    SharedFixels out{dwi::segment_fods(mean, {.refine_peaks = false}, device, *listener.progress), {}};
    const auto lobes = dwi::segment_fods(mean, {.refine_peaks = false, .dilate_lookup = false}, device, *listener.progress);
    for (auto& fod : fods) {
        out.fibre_density.push_back(dwi::fibre_density_of(fod, lobes, device, *listener.progress));
        fod = {};
    }
    return out;
}

/// Of every session, whose FODs leave; empty where there are none.
std::vector<weights::Sift2Result> weigh(const ScalarImage& mean, std::vector<ScalarImage> fods, const Sessions& sessions, const std::string& tracks, const PipelineOptions& options, const Device& device, const Listener& listener) {
    if (options.weights == StreamlineWeights::none) return {};
    const auto shared = shared_fixels(mean, fods, device, listener);
    weights::FixelLengths lengths(shared.fixels, device, 1 << 15, device.free_memory() / 2);
    const weights::StreamlineSource source = [&](StreamlineSink& sink) { io::stream_tractogram(tracks, sink); };
    source(lengths);
    auto sift2 = options.sift2;
    sift2.weights = options.weights == StreamlineWeights::joint ? weights::SessionWeights::joint : weights::SessionWeights::each;
    auto result = weights::sift2_of_sessions(shared.fixels, shared.fibre_density, lengths, sift2, device, *listener.progress, source);
    const auto iterations = [](const weights::Sift2Result& r) { return r.iterations.size() - 1; };
    listener.say(fmt::format("sub-{}: weights of {} streamlines in {} fixels, mu {:.6g}; cost {:.4g} -> {:.4g} in {} iterations", sessions.front().plan().session.subject, lengths.streamlines(),
                             shared.fixels.size(), result.mean.mu, result.mean.iterations.front().cost(), result.mean.iterations.back().cost(), iterations(result.mean)));
    for (std::size_t s = 0; s < sessions.size(); ++s)
        listener.say(fmt::format("{}: cost {:.4g} -> {:.4g} in {} iterations", sessions[s].plan().session.name(), result.sessions[s].iterations.front().cost(),
                                 result.sessions[s].iterations.back().cost(), iterations(result.sessions[s])));
    return std::move(result.sessions);
}

/// Reads the streamlines again. `weights`: null where they have none.
Connectome edges_of(const SessionImages& session, const std::vector<connectome::ScalarMap>& maps, const weights::Sift2Result* weights, const std::string& tracks, connectome::ConnectomeOptions build,
                    const Device& device) {
    if (weights) {
        build.weights = weights->weights();
        build.mu = weights->mu;
    }
    connectome::ConnectomeBuilder builder(session.parcellation, maps, build, device);
    io::stream_tractogram(tracks, builder);
    return builder.connectome();
}

/// The metrics of `now` less those of `first`, by label; NaN where the first has no such region.
Connectome difference(Connectome now, const Connectome& first) {
    std::map<std::int32_t, std::size_t> row;
    for (std::size_t i = 0; i < first.nodes.size(); ++i) row[first.nodes[i].label] = i;
    const std::size_t n = now.nodes.size();
    for (auto& metric : now.metrics) {
        const auto& before = first.metric(metric.name).matrix;
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j) {
                const auto a = row.find(now.nodes[i].label), b = row.find(now.nodes[j].label);
                const bool known = a != row.end() && b != row.end();
                metric.matrix[i * n + j] -= known ? before[a->second * first.nodes.size() + b->second] : std::numeric_limits<double>::quiet_NaN();
            }
    }
    return now;
}

/// Every session with other noise, and what the same streamlines' weights and edges would be by it. Of noise that a streamline's course owes its shape to nothing is seen: it is in all
/// sessions alike, and in no change.
void measure_again(Sessions& sessions, const Grid& grid, const std::string& tracks, const PipelineOptions& options, const Device& device, const Listener& listener) {
    auto build = options.connectome;
    build.errors = false;
    for (auto& session : sessions) session.replicates = connectome::Replicates(connectome::ReplicateKind::same_streamlines);
    listener.progress->begin("measuring again", options.replicates, "replicates");
    for (int number = 1; number <= options.replicates; ++number) {
        std::vector<std::vector<connectome::ScalarMap>> maps;
        std::vector<ScalarImage> fods;
        ImageMean sum;
        for (std::size_t s = 0; s < sessions.size(); ++s) {
            // Numbers that no other session has, or voxels of one place would have the same noise in both.
            const auto again = measured_again(sessions[s].acquisition(), number + static_cast<int>(s) * options.replicates, options, device);
            maps.push_back(maps_along_edges(sessions[s].plan(), again, options, device));
            if (options.weights == StreamlineWeights::none) continue;
            fods.push_back(estimate_fods(sessions[s].plan(), again, sessions[s].responses(), options, device, {}).take_white());
            onto(grid, fods.back(), device);
            sum.add(fods.back(), "the FOD image of " + sessions[s].plan().session.name());
        }
        std::vector<weights::Sift2Result> weights;
        if (!fods.empty()) weights = weigh(sum.mean(), std::move(fods), sessions, tracks, options, device, {});
        std::optional<Connectome> first;
        for (std::size_t s = 0; s < sessions.size(); ++s) {
            const auto edges = edges_of(sessions[s], maps[s], weights.empty() ? nullptr : &weights[s], tracks, build, device);
            if (!first) first = edges;
            sessions[s].replicates.add(edges);
            sessions[s].changes.add(difference(edges, *first));
        }
        listener.progress->at(number);
    }
    listener.progress->end();
}

void finish(Sessions& sessions, const std::vector<weights::Sift2Result>& weights, const std::string& tracks, const PipelineOptions& options, const Device& device, const Listener& listener) {
    auto build = options.connectome;
    build.errors = build.errors || options.replicates > 0;
    for (std::size_t s = 0; s < sessions.size(); ++s) {
        auto& session = sessions[s];
        const auto edges = edges_of(session, session.maps, weights.empty() ? nullptr : &weights[s], tracks, build, device);
        if (options.keep_tracks && !weights.empty()) {
            io::write_values(session.plan().weights(), weights[s].weights(), true);
            session.written(session.plan().weights(), {});
        }
        session.finish(edges, listener);
    }
}

/// A file that goes when the work ends, however it ends.
class Temporary {
  public:
    explicit Temporary(std::string path) : path_(std::move(path)) {}
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    ~Temporary() {
        std::error_code ignored;
        fs::remove(path_, ignored);
    }

  private:
    std::string path_;
};

}  // namespace

std::vector<std::string> run_together(std::span<const SessionPlan> plans, const PipelineOptions& options, std::span<const Device> devices, const Listener& listener, Common& common) {
    const Device& device = devices.front();
    Listener of_one = listener;
    if (devices.size() > 1) of_one.progress = &silent();
    std::vector<std::optional<SessionImages>> made(plans.size());
    std::vector<std::string> fault_of(plans.size()), faults;
    at_once(devices.size(), plans.size(), [&](std::size_t s, std::size_t worker) {
        try {
            made[s].emplace(plans[s], options, devices.subspan(worker, 1), of_one, common);
        } catch (const InputError& fault) {
            fault_of[s] = fault.what();
            if (plans.size() > 1) listener.warn(fmt::format("{} is left out: {}", plans[s].session.name(), fault.what()));
        }
    });
    Sessions sessions;
    for (std::size_t s = 0; s < plans.size(); ++s) {
        if (!made[s]) {
            faults.push_back(fault_of[s]);
            continue;
        }
        made[s]->settle();
        sessions.push_back(std::move(*made[s]));
    }
    made.clear();
    if (sessions.empty()) return faults;
    if (sessions.size() > 1 && !sessions.front().plan().placed()) check_places(sessions, options, device, listener);
    const Grid grid = common_grid(sessions);
    ImageMean sum;
    for (auto& session : sessions) {
        onto(grid, session.fod, device);
        if (session.fod.volumes != sessions.front().fod.volumes)
            throw InputError(fmt::format("the FODs of {} and {} are of another order ({} and {} coefficients), so they have no mean; give --lmax, or use --trajectories independent",
                                         sessions.front().plan().session.name(), session.plan().session.name(), sessions.front().fod.volumes, session.fod.volumes));
        sum.add(session.fod, "the FOD image of " + session.plan().session.name());
    }
    const ScalarImage mean = sum.mean();
    const auto input = inside(common_mask(sessions, grid, device), options.trajectories == Trajectories::first ? sessions.front().fod : mean);

    const auto& first = sessions.front().plan();
    const std::string who = sessions.size() > 1 ? "sub-" + first.session.subject : first.session.name(), tracks = first.tracks();
    std::error_code error;
    fs::create_directories(fs::path(tracks).parent_path(), error);
    if (error) throw OutputError(fmt::format("cannot create {} ({}); choose another folder", fs::path(tracks).parent_path().string(), error.message()));
    {
        const auto file = io::make_tractogram_writer(tracks, {.properties = tracking::header_fields(tracking::resolve(options.track, input)), .grid = grid, .overwrite = true});
        const auto summary = tracking::track(input, options.track, different(devices), *file, *listener.progress);
        say_tracking(summary, who, listener);
        file->commit(summary.started());
    }
    std::optional<Temporary> temporary;
    if (options.keep_tracks) sessions.front().written(tracks, {});
    else temporary.emplace(tracks);
    std::vector<ScalarImage> fods;
    for (auto& session : sessions) fods.push_back(std::exchange(session.fod, {}));
    const auto weights = weigh(mean, std::move(fods), sessions, tracks, options, device, listener);
    if (options.replicates > 0) measure_again(sessions, grid, tracks, options, device, listener);
    finish(sessions, weights, tracks, options, device, listener);
    return faults;
}

}  // namespace arcuate::study
