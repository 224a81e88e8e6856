#include "arcuate/tracking/track.hpp"

#include "arcuate/core/error.hpp"
#include "backend/buffer.hpp"
#include "backend/launch.hpp"
#include "tracking/calibrate.hpp"
#include "tracking/field.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace arcuate::tracking {

namespace {

using namespace kernels;

static_assert(static_cast<int>(HalfEnd::length_exceeded) == static_cast<int>(Stop::length_exceeded));
static_assert(static_cast<int>(HalfEnd::not_tracked) == static_cast<int>(Stop::not_tracked));
static_assert(static_cast<int>(SeedEnd::too_short) == static_cast<int>(Outcome::too_short));

Ifod2Params kernel_params(const TrackOptions& o) {
    Ifod2Params p{};
    p.step = static_cast<float>(o.step);
    p.max_angle = static_cast<float>(o.angle * (3.14159265358979323846 / 180));
    const float half = kernels::sin(0.5f * p.max_angle);
    p.one_minus_cos_max = 2.0f * half * half;
    p.cutoff = static_cast<float>(o.cutoff);
    p.seed_cutoff = static_cast<float>(o.seed_cutoff);
    p.power = static_cast<float>(o.power);
    p.samples = o.samples - 1;
    p.trials = o.trials;
    p.seed_trials = o.seed_trials;
    return p;
}

/// Vertices that a slot must hold: kept vertices are at least a chord of the tightest arc apart.
int slot_capacity(const TrackOptions& o, const Ifod2Params& p) {
    const float apart = std::min(1.0f, static_cast<float>(o.downsample) / static_cast<float>(p.samples));  // of a step
    const float half_angle = 0.5f * p.max_angle * apart;
    const double chord = o.step * apart * static_cast<double>(kernels::sin(half_angle) / half_angle);
    return static_cast<int>(o.max_length / chord * 1.01) + 8;
}

/// Seeds per launch: enough to fill the device, as few as memory and the number still wanted suggest.
std::int64_t chunk_size(const TrackOptions& o, const Device& device, int capacity, const TrackSummary& so_far) {
    if (o.chunk > 0) return o.chunk;
    const std::int64_t bytes_per_seed = 12 * static_cast<std::int64_t>(capacity) * 2 + static_cast<std::int64_t>(sizeof(StreamlineRecord));
    const std::int64_t most = device.is_cuda() ? std::clamp<std::int64_t>(device.free_memory() / 4 / bytes_per_seed, 1024, 1 << 19) : 8192;
    const std::int64_t least = device.is_cuda() ? most : 256;
    if (o.select == 0) return most;
    const double rate = so_far.seeds > 0 ? (static_cast<double>(so_far.accepted) + 1) / (static_cast<double>(so_far.seeds) + 1) : 0.5;
    const double wanted = static_cast<double>(o.select - so_far.accepted) / rate * 1.05;
    return std::clamp(static_cast<std::int64_t>(std::min(wanted, 1e9)), least, most);
}

void count(const StreamlineRecord& record, TrackSummary& summary) {
    ++summary.seeds;
    ++summary.outcome[static_cast<std::size_t>(record.outcome)];
    for (const auto stop : record.stop) ++summary.stop[static_cast<std::size_t>(stop)];
    summary.steps += record.counts.steps;
    summary.arcs += record.counts.arcs;
    summary.end_arcs += record.counts.end_arcs;
    summary.truncated += record.counts.truncated;
}

template <int Lmax>
TrackSummary track_with(const FodOnDevice& fod, const SeedsOnDevice& seeds, const MaskOnDevice& mask, const TrackOptions& o, Ifod2Params params,
                        const Device& device, StreamlineSink& sink, Progress& progress) {
    TrackSummary summary;
    summary.calibration_arcs = params.calibration_count;
    const int capacity = slot_capacity(o, params);
    const std::int64_t seed_limit = o.seeds > 0 ? o.seeds : std::numeric_limits<std::int64_t>::max();
    Buffer<float> slots, packed;
    Buffer<StreamlineRecord> records;
    std::vector<StreamlineRecord> host_records;
    std::vector<float> positions;

    progress.begin("tracking", o.select > 0 ? o.select : o.seeds, o.select > 0 ? "streamlines" : "seeds");
    while (summary.seeds < seed_limit && (o.select == 0 || summary.accepted < o.select)) {
        const std::int64_t n = std::min(chunk_size(o, device, capacity, summary), seed_limit - summary.seeds);
        if (records.size() < static_cast<std::size_t>(n)) {
            slots = {};  // free before asking for more
            records = {};
            slots = Buffer<float>(device, static_cast<std::size_t>(n) * static_cast<std::size_t>(capacity) * 3);
            records = Buffer<StreamlineRecord>(device, static_cast<std::size_t>(n));
        }
        launch(device, n,
               TrackStreamline<Ifod2<Lmax>>{{fod.view<Lmax>(), params}, seeds.view(), mask.view(), o.seed, static_cast<std::uint64_t>(summary.seeds),
                                            static_cast<float>(o.min_length), static_cast<float>(o.max_length), o.downsample, o.unidirectional, capacity,
                                            slots.data(), records.data()},
               1);
        host_records.resize(static_cast<std::size_t>(n));
        records.download(host_records);

        // The kept set is decided in id order, so neither chunks nor finishing order matter.
        std::vector<std::int32_t> chosen;
        std::vector<std::int64_t> offsets{0};
        for (std::int32_t i = 0; i < n && (o.select == 0 || summary.accepted < o.select); ++i) {
            const auto& record = host_records[static_cast<std::size_t>(i)];
            count(record, summary);
            if (record.outcome != SeedEnd::accepted) continue;
            ++summary.accepted;
            summary.length_mm += static_cast<double>(record.length);
            chosen.push_back(i);
            offsets.push_back(offsets.back() + record.vertices);
        }
        if (!chosen.empty()) {
            const Buffer<std::int32_t> chosen_on_device(device, chosen);
            const Buffer<std::int64_t> offsets_on_device(device, offsets);
            positions.resize(3 * static_cast<std::size_t>(offsets.back()));
            if (packed.size() < positions.size()) {
                packed = {};
                packed = Buffer<float>(device, positions.size());
            }
            launch(device, static_cast<std::int64_t>(chosen.size()),
                   PackStreamlines{slots.data(), capacity, chosen_on_device.data(), offsets_on_device.data(), packed.data()});
            packed.download(positions);
            const std::vector<std::uint64_t> view_offsets(offsets.begin(), offsets.end());
            sink.append({positions, view_offsets});
        }
        progress.at(o.select > 0 ? summary.accepted : summary.seeds);
    }
    progress.end();
    return summary;
}

}  // namespace

TrackSummary track(const ScalarImage& fod, const Mask& seed_mask, const std::optional<Mask>& mask, const TrackOptions& options, const Device& device,
                   StreamlineSink& sink, Progress& progress) {
    const TrackOptions resolved = resolve(options, fod.grid);
    const FodOnDevice field(fod, device);
    const SeedsOnDevice seeds(seed_mask, device);
    const MaskOnDevice inside(mask, device);
    Ifod2Params params = kernel_params(resolved);
    const Calibration calibration = calibrate(params, field.lmax(), static_cast<float>(mean_voxel_size(fod.grid)));
    const Buffer<ArcShape> arcs(device, calibration.arcs);
    params.calibration = arcs.data();
    params.calibration_count = static_cast<int>(calibration.arcs.size());
    params.calibration_ratio = calibration.ratio;
    const auto run = [&](auto lmax) { return track_with<lmax>(field, seeds, inside, resolved, params, device, sink, progress); };
    switch (field.kernel_lmax()) {
        case 4: return run(std::integral_constant<int, 4>{});
        case 6: return run(std::integral_constant<int, 6>{});
        case 8: return run(std::integral_constant<int, 8>{});
        case 10: return run(std::integral_constant<int, 10>{});
        default: return run(std::integral_constant<int, 12>{});
    }
}

}  // namespace arcuate::tracking
