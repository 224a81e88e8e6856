#include "arcuate/tracking/track.hpp"

#include "arcuate/core/error.hpp"
#include "tracking/chunks.hpp"
#include "tracking/tracker.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace arcuate::tracking {

namespace {

using namespace kernels;

static_assert(static_cast<int>(HalfEnd::high_curvature) == static_cast<int>(Stop::high_curvature));
static_assert(static_cast<int>(HalfEnd::traverse_all_include) == static_cast<int>(Stop::traverse_all_include));
static_assert(static_cast<int>(SeedEnd::wm_requirement) == static_cast<int>(Outcome::wm_requirement));

/// `no_room` never reaches a summary.
Stop public_stop(HalfEnd end) { return end == HalfEnd::not_tracked ? Stop::not_tracked : static_cast<Stop>(end); }

void count(const StreamlineRecord& record, TrackSummary& summary) {
    ++summary.seeds;
    ++summary.outcome[static_cast<std::size_t>(record.outcome)];
    for (const auto stop : record.stop) ++summary.stop[static_cast<std::size_t>(public_stop(stop))];
    summary.steps += record.counts.steps;
    summary.arcs += record.counts.arcs;
    summary.end_arcs += record.counts.end_arcs;
    summary.truncated += record.counts.truncated;
}

/// The seeds of a batch's streamlines.
class SeedData {
  public:
    explicit SeedData(bool wanted) {
        if (wanted)
            for (const auto& field : seed_fields()) arrays_.push_back({field, {}});
    }
    void clear() {
        for (auto& array : arrays_) array.values.clear();
    }
    /// `first`: the streamline's first vertex.
    void add(std::int64_t id, std::int32_t vertex, const float* first) {
        arrays_[0].values.push_back(static_cast<double>(id));
        arrays_[1].values.push_back(vertex);
        for (int axis = 0; axis < 3; ++axis) arrays_[2].values.push_back(static_cast<double>(first[3 * vertex + axis]));
    }
    std::span<const DataArray> arrays() const { return arrays_; }

  private:
    std::vector<DataArray> arrays_;
};

/// What a sink was given on a device it may still read; a chunk's memory serves again, or goes, when it is through.
class Reader {
  public:
    explicit Reader(const Device* on) : on_(on) {}
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader() {
        try {
            finish();
        } catch (const std::exception&) {  // whoever asks for the sink's results is told
        }
    }
    void finish() const {
        if (on_) on_->synchronize();
    }

  private:
    const Device* on_;
};

/// Counted from the first of them.
std::vector<std::uint64_t> from_zero(std::span<const std::uint64_t> offsets) {
    std::vector<std::uint64_t> out(offsets.begin(), offsets.end());
    for (auto& offset : out) offset -= offsets.front();
    return out;
}

}  // namespace

std::vector<DataField> seed_fields() { return {{"seed_id", 1, DataType::int64}, {"seed_vertex", 1, DataType::int32}, {"seed_point", 3, DataType::float32}}; }

std::unique_ptr<Tracker> make_tracker(const TrackInput& input, const TrackOptions& o, const Device& device) {
    // In the order of the table of algorithms.
    static constexpr std::array<MakeTracker*, static_cast<std::size_t>(Algorithm::count)> make{
        &make_ifod2,          &make_ifod1,           &make_sd_stream, &make_ptt,                &make_discrete_fod,
        &make_tensor_tracking, &make_tensor_tracking, &make_fact,      &make_null_distribution1, &make_null_distribution2};
    return make[static_cast<std::size_t>(o.algorithm)](input, o, device);
}

TrackSummary track(const TrackInput& input, const TrackOptions& options, std::span<const Device> devices, StreamlineSink& sink, Progress& progress,
                   const TrackControl& control) {
    const TrackOptions o = resolve(options, input);
    TrackSummary summary = control.done;
    const std::int64_t seed_limit = o.seeds > 0 ? o.seeds : std::numeric_limits<std::int64_t>::max();
    const auto wanted = [&] { return summary.seeds < seed_limit && (o.select == 0 || summary.accepted < o.select); };
    progress.begin("tracking", o.select > 0 ? o.select : o.seeds, o.select > 0 ? "streamlines" : "seeds");
    DynamicSeeds* const dynamic = input.seeds.front().dynamic;
    const Device* const reads_on = dynamic || o.seed_data ? nullptr : sink.reads_on();
    ChunkQueue chunks(input, o, devices, {summary.seeds, summary.accepted, seed_limit}, reads_on);
    summary.calibration_arcs = chunks.calibration_arcs();
    std::int64_t ready_up_to = 0;
    SeedData seed_data(o.seed_data);
    Chunk chunk;
    const Reader reader(reads_on);
    std::size_t next = 0, first = 0;  // its record, and its accepted streamline, that comes next
    while (wanted() && !(control.stop && control.stop())) {
        if (next == chunk.records.size()) {
            if (dynamic && summary.seeds >= ready_up_to) {
                if (DynamicSeeds::begins_generation(summary.seeds)) dynamic->update(summary.accepted, o.select);
                ready_up_to = DynamicSeeds::generation_end(summary.seeds);
                chunks.open(ready_up_to, cumulated(dynamic->state.probability));
            }
            reader.finish();
            chunk = chunks.next(std::move(chunk));
            next = first = 0;
        }
        // The kept set is decided in id order, so neither chunks nor finishing order matter.
        seed_data.clear();
        std::size_t last = first;
        for (bool full = false; next < chunk.records.size() && wanted() && !full; ++next) {
            const auto& record = chunk.records[next];
            count(record, summary);
            if (record.outcome != SeedEnd::accepted) continue;
            if (o.seed_data) seed_data.add(summary.seeds - 1, seed_vertex(record, o.downsample), chunk.positions.data() + 3 * chunk.offsets[last]);
            ++summary.accepted;
            ++last;
            summary.length_um += static_cast<std::int64_t>(static_cast<double>(record.length) * 1e3 + 0.5);
            full = control.batch > 0 && summary.accepted % control.batch == 0;
        }
        if (last > first) {
            const auto offsets = from_zero(std::span(chunk.offsets).subspan(first, last - first + 1));
            TractogramView view;
            if (chunk.stays) view.on_device = reinterpret_cast<const float*>(chunk.on_device.data() + chunk.offsets[first]);
            else view.positions = std::span<const float>(chunk.positions).subspan(3 * chunk.offsets[first], 3 * offsets.back());
            view.offsets = offsets;
            view.per_streamline = seed_data.arrays();
            if (dynamic) dynamic->append(view);
            sink.append(view);
            first = last;
        }
        chunks.report(summary.seeds, summary.accepted);
        if (control.after_batch) control.after_batch(summary);
        progress.at(o.select > 0 ? summary.accepted : summary.seeds);
    }
    progress.end();
    return summary;
}

Explanation explain(const TrackInput& input, const TrackOptions& options, const Device& device, std::int64_t id) {
    const TrackOptions o = resolve(options, input);
    if (input.seeds.front().dynamic)
        throw InputError("a streamline of dynamic seeds cannot be told alone (its seed follows from all before it); give its first point to --seed-points");
    const auto tracker = make_tracker(input, o, device);
    constexpr std::int32_t capacity = 1 << 18;
    const Pool pool(device, most_pages(o));
    Buffer<StreamlineRecord> record(device, 1);
    Buffer<TraceEntry> entries(device, capacity);
    Buffer<std::int32_t> count = Buffer<std::int32_t>::zeros(device, 1);
    tracker->run(device, static_cast<std::uint64_t>(id), 1, pool.view(), record.data(), {entries.data(), count.data(), capacity});
    std::vector<TraceEntry> steps(static_cast<std::size_t>(std::min(count.to_host()[0], capacity)));
    entries.download(steps);
    const StreamlineRecord r = record.to_host()[0];
    Explanation out{{}, static_cast<Outcome>(r.outcome), {public_stop(r.stop[0]), public_stop(r.stop[1])}, static_cast<double>(r.length), r.vertices};
    const auto vec = [](Vec3 v) { return Vec3d{static_cast<double>(v.x), static_cast<double>(v.y), static_cast<double>(v.z)}; };
    for (const auto& e : steps)
        out.steps.push_back({e.half, e.step, e.vertices, e.arcs, vec(e.position), vec(e.direction), static_cast<double>(e.amplitude),
                             e.end == goes_on ? std::optional<Stop>{} : public_stop(e.end), e.backtracked});
    return out;
}

}  // namespace arcuate::tracking
