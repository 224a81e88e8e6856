// Tracking as a pipeline: workers on every device track, pack and copy chunks of ids while the caller writes what came before. Chunks are handed out
// in id order and taken back in id order.
#pragma once

#include "tracking/tracker.hpp"

#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

namespace arcuate::tracking {

/// Room for the vertices of a launch, on a device.
class Pool {
  public:
    Pool(const Device& device, std::int32_t pages);
    /// With every page free.
    kernels::VertexPool view() const;
    /// As the last launch left it.
    kernels::VertexPool view_taken() const;
    std::int32_t pages() const { return pages_; }

  private:
    std::int32_t pages_;
    mutable Buffer<kernels::Vec3> vertices_;
    mutable Buffer<std::int32_t> next_, previous_, counters_;
};

/// Pages that the longest streamline could need.
std::int32_t most_pages(const TrackOptions& resolved);

/// Streamlines of consecutive ids.
struct Chunk {
    std::vector<kernels::StreamlineRecord> records;  ///< of every seed
    std::vector<float> positions;                    ///< (vertices, 3) of the accepted ones, in id order [mm]; empty where they are on the device
    Buffer<kernels::Vec3> on_device;                 ///< (vertices at least), where `stays`
    bool stays = false;
    std::vector<std::uint64_t> offsets;              ///< (accepted + 1)

    /// Of no streamlines; the memory stays.
    void clear() {
        stays = false;
        records.clear();
        positions.clear();
        offsets.assign(1, 0);
    }
};

/// Where the caller stands.
struct Reached {
    std::int64_t seeds, accepted, seed_limit;
};

class ChunkQueue {
  public:
    /// `reads_on`: the caller takes vertices there, where that is the device that tracked them; null: on the host alone.
    ChunkQueue(const TrackInput& input, const TrackOptions& resolved, std::span<const Device> devices, Reached from, const Device* reads_on = nullptr);
    ~ChunkQueue();
    ChunkQueue(const ChunkQueue&) = delete;
    ChunkQueue& operator=(const ChunkQueue&) = delete;

    /// The next chunk; waits for it. Throws what a worker threw. `used`: one that is done with, whose memory serves again: to ask the system for as much, and to clear it, would take as long as to fill it.
    Chunk next(Chunk used);
    /// Before the seeds of a generation can be tracked: those up to `ready_up_to` have these shares. No chunk is under way.
    void open(std::int64_t ready_up_to, std::span<const std::uint32_t> seed_shares);
    /// What the caller has taken so far: the size of further chunks follows from it.
    void report(std::int64_t seeds, std::int64_t accepted);
    int calibration_arcs() const { return calibration_arcs_; }

  private:
    struct Job {
        std::int64_t number = -1, first = 0, count = 0;
        Chunk chunk{};  ///< to be filled
    };
    Job take(const Device& device);
    std::int64_t size_of_next(const Device& device) const;
    void work(const Device& device, const Tracker& tracker);

    const TrackOptions options_;
    const Device* const reads_on_;
    const std::int64_t in_flight_;   ///< chunks that may be tracked ahead of the caller
    Reached reached_;
    std::int64_t handed_out_ = 0;    ///< chunks
    std::int64_t next_first_;
    std::int64_t ready_up_to_;       ///< ids before this may be tracked; of dynamic seeds, a generation
    std::int64_t taken_back_ = 0;
    int calibration_arcs_ = 0;
    bool stop_ = false;
    std::exception_ptr failure_;
    std::map<std::int64_t, Chunk> done_;
    std::vector<Chunk> used_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::unique_ptr<Tracker>> trackers_;
    std::vector<std::jthread> workers_;
};

}  // namespace arcuate::tracking
