#include "tracking/chunks.hpp"

#include "arcuate/core/error.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace arcuate::tracking {

using namespace kernels;

namespace {

/// More than one worker keeps a device busy while a chunk's last streamlines are tracked, packed and copied. On a GPU there are three, each with a stream: of two whose chunks end one
/// after the other, both would be packing and copying at once. One CPU thread has no use for a second.
int workers_on(const Device& device) { return device.is_cuda() ? 3 : device.threads() > 1 ? 2 : 1; }

std::int64_t total_workers(std::span<const Device> devices) {
    std::int64_t sum = 0;
    for (const auto& d : devices) sum += workers_on(d);
    return sum;
}

std::int64_t page_bytes() { return page_vertices * static_cast<std::int64_t>(sizeof(Vec3)) + 2 * static_cast<std::int64_t>(sizeof(std::int32_t)); }

/// What one worker keeps from chunk to chunk.
class Workspace {
  public:
    /// `stay`: vertices may stay on the device.
    Workspace(const Device& device, const Tracker& tracker, const TrackOptions& options, bool stay)
        : device_(device.with_own_stream()), packing_(device.with_own_stream(Priority::high)), tracker_(tracker), options_(options), stay_(stay), pool_(device_, most_pages(options)) {}

    void track(std::int64_t first, std::int64_t count, Chunk& chunk) {
        chunk.clear();
        for (bool whole = true; count > 0; whole = false) {
            const std::int64_t done = track_some(first, count, whole, chunk);
            first += done;
            count -= done;
        }
    }

  private:
    /// As many of the streamlines as the pool has room for; at least one. `whole`: nothing is in the chunk, and these are all that it shall hold.
    std::int64_t track_some(std::int64_t first, std::int64_t count, bool whole, Chunk& chunk) {
        const auto planned = static_cast<std::int64_t>(static_cast<double>(count) * pages_per_seed_ * 1.25) + 64;
        make_room(std::max<std::int64_t>(planned, most_pages(options_)));
        make_large_enough(records_, device_, static_cast<std::size_t>(count), 0);
        const auto before = chunk.records.size();
        chunk.records.resize(before + static_cast<std::size_t>(count));
        const auto records = std::span(chunk.records).subspan(before);
        tracker_.run(device_, static_cast<std::uint64_t>(first), count, pool_.view(), records_.data(), {});
        records_.download(records);
        const auto without_room = std::find_if(records.begin(), records.end(), [](const auto& r) { return r.outcome == SeedEnd::no_room; });
        const std::int64_t done = without_room - records.begin();
        chunk.records.resize(before + static_cast<std::size_t>(done));
        std::int64_t pages = 0;
        for (std::int64_t i = 0; i < done; ++i) pages += records[static_cast<std::size_t>(i)].path[0].held + records[static_cast<std::size_t>(i)].path[1].held;
        if (done > 0) pages_per_seed_ = std::max(static_cast<double>(pages) / static_cast<double>(done), 0.5);
        // Others took the pages before the first had its own: again with fewer at a time; one alone has room for certain.
        if (done == 0) return track_some(first, std::max<std::int64_t>(count / 4, 1), false, chunk);
        pack(records.first(static_cast<std::size_t>(done)), chunk, stay_ && whole && done == count);
        return done;
    }

    /// To hold `size` values; anew, and with `spare` more, where it cannot.
    template <class T>
    static void make_large_enough(Buffer<T>& buffer, const Device& device, std::size_t size, std::size_t spare) {
        if (buffer.size() >= size) return;
        buffer = {};
        buffer = Buffer<T>(device, size + spare);
    }

    void make_room(std::int64_t pages) {
        const std::int64_t least = most_pages(options_), share = device_.free_memory() / 4, room = device_.is_cuda() ? share : std::min(share, std::int64_t{256} << 20);
        pages = std::min({pages, std::max(room / page_bytes(), least), std::int64_t{1} << 30});
        if (pages <= pool_.pages()) return;
        pool_ = Pool(device_, 1);  // free before asking for more
        for (;; pages = std::max(pages / 2, least)) {
            try {
                pool_ = Pool(device_, static_cast<std::int32_t>(pages));
                return;
            } catch (const DeviceError&) {  // another worker took the room
                if (pages == least) throw;
            }
        }
    }

    /// The records say that the chunk is tracked, so its vertices are there for another stream. That one has priority, or the next chunk's streamlines would go first.
    void pack(std::span<const StreamlineRecord> records, Chunk& chunk, bool may_stay) {
        chosen_.clear();
        offsets_.assign(1, 0);
        const std::uint64_t before = chunk.offsets.back();
        for (std::size_t i = 0; i < records.size(); ++i) {
            if (records[i].outcome != SeedEnd::accepted) continue;
            chosen_.push_back(static_cast<std::int32_t>(i));
            offsets_.push_back(offsets_.back() + records[i].vertices);
            chunk.offsets.push_back(before + static_cast<std::uint64_t>(offsets_.back()));
        }
        if (chosen_.empty()) return;
        const Buffer<std::int32_t> chosen(packing_, chosen_);
        const Buffer<std::int64_t> offsets(packing_, offsets_);
        const auto vertices = static_cast<std::size_t>(offsets_.back());
        // An eighth of what is free, so that half of it is left with every chunk under way.
        chunk.stays = may_stay && (chunk.on_device.size() >= vertices || static_cast<std::int64_t>(vertices * sizeof(Vec3)) <= device_.free_memory() / 8);
        auto& packed = chunk.stays ? chunk.on_device : packed_;
        make_large_enough(packed, packing_, vertices, vertices / 4);
        launch(packing_, static_cast<std::int64_t>(chosen_.size()), PackStreamlines{pool_.view_taken(), records_.data(), options_.downsample, chosen.data(), offsets.data(), packed.data()});
        if (chunk.stays) {
            packing_.synchronize();
            return;
        }
        chunk.positions.resize(3 * (before + vertices));
        static_assert(sizeof(Vec3) == 3 * sizeof(float));
        packed.download(std::span(reinterpret_cast<Vec3*>(chunk.positions.data()) + before, vertices));
    }

    Device device_, packing_;
    const Tracker& tracker_;
    const TrackOptions& options_;
    const bool stay_;
    Pool pool_;
    double pages_per_seed_ = 4;
    Buffer<StreamlineRecord> records_;
    Buffer<Vec3> packed_;
    std::vector<std::int32_t> chosen_;
    std::vector<std::int64_t> offsets_;
};

}  // namespace

std::int32_t most_pages(const TrackOptions& o) {
    return 2 * (most_vertices(o) / page_vertices + 2);
}

Pool::Pool(const Device& device, std::int32_t pages)
    : pages_(pages), vertices_(device, static_cast<std::size_t>(pages) * page_vertices), next_(device, static_cast<std::size_t>(pages)),
      previous_(device, static_cast<std::size_t>(pages)), counters_(device, 2) {}

VertexPool Pool::view() const {
    const std::array<std::int32_t, 2> none{};
    counters_.upload(none);
    return view_taken();
}

VertexPool Pool::view_taken() const { return {vertices_.data(), next_.data(), previous_.data(), counters_.data(), counters_.data() + 1, pages_}; }

ChunkQueue::ChunkQueue(const TrackInput& input, const TrackOptions& resolved, std::span<const Device> devices, Reached from, const Device* reads_on)
    : options_(resolved), reads_on_(reads_on), in_flight_(total_workers(devices) + 1), reached_(from), next_first_(from.seeds),
      ready_up_to_(std::any_of(input.seeds.begin(), input.seeds.end(), [](const Seeds& s) { return s.dynamic; }) ? from.seeds : from.seed_limit) {
    // Images first, on every device: what is wrong with them is thrown here.
    for (const auto& device : devices) trackers_.push_back(make_tracker(input, options_, device));
    for (const auto& device : devices) device.synchronize();  // the workers have streams of their own
    calibration_arcs_ = trackers_.front()->calibration_arcs();
    for (std::size_t d = 0; d < devices.size(); ++d)
        for (int w = 0; w < workers_on(devices[d]); ++w)
            workers_.emplace_back([this, device = devices[d], tracker = trackers_[d].get()] { work(device, *tracker); });
}

ChunkQueue::~ChunkQueue() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    workers_.clear();  // joins
}

Chunk ChunkQueue::next(Chunk used) {
    std::unique_lock lock(mutex_);
    used_.push_back(std::move(used));
    changed_.wait(lock, [&] { return failure_ || done_.contains(taken_back_); });
    if (!done_.contains(taken_back_)) std::rethrow_exception(failure_);
    Chunk chunk = std::move(done_.extract(taken_back_).mapped());
    ++taken_back_;
    changed_.notify_all();
    return chunk;
}

void ChunkQueue::open(std::int64_t ready_up_to, std::span<const std::uint32_t> seed_shares) {
    const std::lock_guard lock(mutex_);
    for (const auto& tracker : trackers_) tracker->set_seed_shares(seed_shares);
    ready_up_to_ = std::min(ready_up_to, reached_.seed_limit);
    changed_.notify_all();
}

void ChunkQueue::report(std::int64_t seeds, std::int64_t accepted) {
    const std::lock_guard lock(mutex_);
    reached_.seeds = seeds;
    reached_.accepted = accepted;
}

/// Enough to fill the device, as few as the number still wanted suggests.
std::int64_t ChunkQueue::size_of_next(const Device& device) const {
    if (options_.chunk > 0) return options_.chunk;
    // A GPU's thread that tracks alone should have many streamlines before the last of the launch; each of them takes some kilobytes of vertices.
    const std::int64_t room = device.free_memory() >> 15, full = !device.is_cuda() ? 2048 : trackers_.front()->team_lanes() > 1 ? 1 << 18 : 1 << 19;
    const std::int64_t most = std::clamp<std::int64_t>(room, 1, full);
    const std::int64_t least = std::min<std::int64_t>(most, device.is_cuda() ? 1 << 14 : 64);
    if (options_.select == 0) return most;
    const double rate = (static_cast<double>(reached_.accepted) + 1) / (static_cast<double>(reached_.seeds) + 2);
    const double needed = static_cast<double>(options_.select - reached_.accepted) / rate - static_cast<double>(next_first_ - reached_.seeds);
    return std::clamp(static_cast<std::int64_t>(std::min(needed / static_cast<double>(in_flight_), 1e9)), least, most);
}

ChunkQueue::Job ChunkQueue::take(const Device& device) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
        return stop_ || failure_ || next_first_ >= reached_.seed_limit || (handed_out_ - taken_back_ < in_flight_ && next_first_ < ready_up_to_);
    });
    if (stop_ || failure_ || next_first_ >= reached_.seed_limit) return {};
    const std::int64_t count = std::min(size_of_next(device), ready_up_to_ - next_first_);
    Job job{handed_out_++, next_first_, count};
    next_first_ += count;
    if (!used_.empty()) {
        job.chunk = std::move(used_.back());
        used_.pop_back();
    }
    return job;
}

void ChunkQueue::work(const Device& device, const Tracker& tracker) {
    try {
        Workspace workspace(device, tracker, options_, reads_on_ && reads_on_->is_same(device));
        for (;;) {
            Job job = take(device);
            if (job.number < 0) return;
            workspace.track(job.first, job.count, job.chunk);
            const std::lock_guard lock(mutex_);
            done_.emplace(job.number, std::move(job.chunk));
            changed_.notify_all();
        }
    } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
        changed_.notify_all();
    }
}

}  // namespace arcuate::tracking
