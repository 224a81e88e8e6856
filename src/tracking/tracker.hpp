// One algorithm with its images on one device: what the table of algorithms makes, and what the pipeline runs.
#pragma once

#include "arcuate/tracking/track.hpp"
#include "backend/launch.hpp"
#include "tracking/field.hpp"
#include "tracking/scene.hpp"

#include <memory>

namespace arcuate::tracking {

class Tracker {
  public:
    virtual ~Tracker() = default;
    /// Tracks the streamlines of ids [first_id, first_id + n). `on`: the tracker's device, or the same with another stream.
    virtual void run(const Device& on, std::uint64_t first_id, std::int64_t n, const kernels::VertexPool& pool, kernels::StreamlineRecord* records, const kernels::Trace& trace) const = 0;
    /// Threads of a GPU that track a streamline together.
    virtual int team_lanes() const = 0;
    /// Of dynamic seeds: 2^32 times the cumulated share of each fixel, minus one.
    virtual void set_seed_shares(std::span<const std::uint32_t> up_to) = 0;
    /// Evaluated at every step before candidates are drawn, for the summary.
    virtual int calibration_arcs() const { return 0; }
};

/// Owns the images of an algorithm: `Images` has `view()`, which gives the kernel's struct.
template <class Images>
class KernelTracker : public Tracker {
  public:
    KernelTracker(Images images, const TrackInput& input, const TrackOptions& options, const Device& device)
        : images_(std::move(images)), scene_(input, options, device) {}

    void run(const Device& on, std::uint64_t first_id, std::int64_t n, const kernels::VertexPool& pool, kernels::StreamlineRecord* records, const kernels::Trace& trace) const override {
        const auto algorithm = images_.view(scene_.rules());
        launch(on, n, kernels::TrackStreamline<std::remove_const_t<decltype(algorithm)>>{algorithm, scene_.rules(), first_id, pool, records, trace}, 1);
    }
    int team_lanes() const override { return decltype(images_.view(scene_.rules()))::team_lanes; }
    void set_seed_shares(std::span<const std::uint32_t> up_to) override { scene_.set_seed_shares(up_to); }
    int calibration_arcs() const override { return images_.calibration_arcs(); }

  private:
    Images images_;
    Scene scene_;
};

template <class Images>
std::unique_ptr<Tracker> kernel_tracker(Images images, const TrackInput& input, const TrackOptions& options, const Device& device) {
    return std::make_unique<KernelTracker<Images>>(std::move(images), input, options, device);
}

/// Calls `make` with the lowest order of `Orders` that holds a series of `lmax`, as a type.
template <int... Orders, class Make>
std::unique_ptr<Tracker> with_order(int lmax, const Make& make) {
    std::unique_ptr<Tracker> made;
    ((!made && lmax <= Orders ? void(made = make(std::integral_constant<int, Orders>{})) : void()), ...);
    return made;
}

// One function per algorithm, each in its own source. `options` are resolved.
using MakeTracker = std::unique_ptr<Tracker>(const TrackInput& input, const TrackOptions& options, const Device& device);
MakeTracker make_ifod2, make_ifod1, make_sd_stream, make_ptt, make_discrete_fod, make_tensor_tracking, make_fact, make_null_distribution1, make_null_distribution2;

std::unique_ptr<Tracker> make_tracker(const TrackInput& input, const TrackOptions& options, const Device& device);

}  // namespace arcuate::tracking
