#include "warp.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <new>

namespace arcuate::software_gpu {
namespace {

constexpr std::int64_t nowhere = INT64_MAX;
constexpr int poison = 0xcb;  // in memory and registers that nobody wrote

}  // namespace

Warp::Warp() {
    void* const memory = mmap(nullptr, lane_bytes * warp_lanes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    local_ = static_cast<std::byte*>(memory);
}

Warp::~Warp() { munmap(local_, lane_bytes * warp_lanes); }

std::uint32_t Warp::special(std::int64_t which, int lane) const {
    const auto thread = warp_ * warp_lanes + static_cast<std::uint32_t>(lane);
    const std::uint32_t values[] = {thread, block_, launch_->threads, launch_->blocks, static_cast<std::uint32_t>(lane)};
    return values[which];
}

void Warp::fail(const Instruction& i, int lane, const std::string& what) const {
    throw KernelError("block " + std::to_string(block_) + ", thread " + std::to_string(special(0, lane)) + ", line " + std::to_string(i.line) + " of its PTX: " + what + ", in " +
                      frame_->function->name + (frame_->function == launch_->kernel ? "" : " of " + launch_->kernel->name));
}

void Warp::fail(const Instruction& i, int lane, std::uintptr_t at, std::size_t bytes, const char* what) const {
    char text[80];
    std::snprintf(text, sizeof(text), "%zu bytes at 0x%zx %s", bytes, static_cast<std::size_t>(at), what);
    fail(i, lane, text);
}

Warp::Frame* Warp::enter(const Function& function, Frame* caller, const Call* call, std::uint32_t mask) {
    if (free_frames_.empty()) {
        frames_.push_back(std::make_unique<Frame>());
        free_frames_.push_back(frames_.back().get());
    }
    // One that this function used before, so that its registers are in the cache.
    const auto same = std::find_if(free_frames_.rbegin(), free_frames_.rend(), [&](const Frame* f) { return f->function == &function; });
    if (same != free_frames_.rend()) std::swap(*same, free_frames_.back());
    Frame* const frame = free_frames_.back();
    free_frames_.pop_back();
    const auto bytes = static_cast<std::size_t>(function.register_bytes);
    if (frame->storage.size() < bytes + 64) frame->storage.assign(bytes + 64, std::byte{poison});
    frame->registers = frame->storage.data() + (64 - reinterpret_cast<std::uintptr_t>(frame->storage.data()) % 64) % 64;
    frame->function = &function;
    frame->caller = caller;
    frame->call = call;
    frame->depth = caller ? caller->depth + 1 : 0;
    frame->local = caller ? caller->local + (static_cast<std::size_t>(caller->function->local_bytes) + 15) / 16 * 16 : 0;
    frame->users = std::popcount(mask);
    if (frame->local + static_cast<std::size_t>(function.local_bytes) > lane_bytes) throw KernelError("more local memory than a lane has, in " + function.name);
    for_lanes(mask, [&](int lane) { std::memset(reinterpret_cast<void*>(lane_memory(lane) + frame->local), poison, static_cast<std::size_t>(function.local_bytes)); });
    return frame;
}

void Warp::give_back(Frame* frame, std::uint32_t mask) {
    frame->users -= std::popcount(mask);
    if (frame->users == 0) free_frames_.push_back(frame);
}

void Warp::become(std::size_t group) {
    active_ = groups_[group].mask;
    at_ = groups_[group].at;
    frame_ = groups_[group].frame;
    registers_ = frame_->registers;
    constants_ = frame_->function->constants.data();
    groups_.erase(groups_.begin() + static_cast<std::ptrdiff_t>(group));
}

bool Warp::choose() {
    // Those at one place are one group.
    for (std::size_t a = 0; a < groups_.size(); ++a)
        for (std::size_t b = groups_.size() - 1; b > a; --b)
            if (groups_[a].frame == groups_[b].frame && groups_[a].at == groups_[b].at && !groups_[a].waits && !groups_[b].waits) {
                groups_[a].mask |= groups_[b].mask;
                groups_.erase(groups_.begin() + static_cast<std::ptrdiff_t>(b));
            }
    std::size_t best = groups_.size(), ready = 0;
    for (std::size_t g = 0; g < groups_.size(); ++g) {
        if (groups_[g].waits) continue;
        ++ready;
        const auto& now = groups_[g];
        const bool before = best == groups_.size() || now.frame->depth > groups_[best].frame->depth || (now.frame->depth == groups_[best].frame->depth && now.at < groups_[best].at);
        if (shuffled_ ? random_() % ready == 0 : before) best = g;
    }
    if (best == groups_.size()) {
        if (groups_.empty()) return false;
        // Waits do not count threads that have come to the kernel's end.
        for (const auto& g : std::vector(groups_)) {
            const auto& i = g.frame->function->code[static_cast<std::size_t>(g.at)];
            if (i.flow != Flow::wait) continue;
            const int first = std::countr_zero(g.mask);
            const auto mask = reinterpret_cast<const std::uint32_t*>(g.frame->at(i.mask))[first];
            if (meet(i, mask, mask & ~gone_, g.frame->function, g.at)) return choose();
        }
        never_met();
    }
    become(best);
    stop_ = nowhere;
    budget_ = nowhere;
    if (shuffled_) {
        budget_ = static_cast<std::int64_t>(16 << random_() % 8);
        const auto part = static_cast<std::uint32_t>(random_()) & active_;
        if (random_() % 2 && part && part != active_) {
            groups_.push_back({active_ & ~part, at_, frame_, false});
            active_ = part;
        }
    } else {
        for (const auto& other : groups_)
            if (other.frame == frame_ && !other.waits) stop_ = std::min(stop_, other.at);
    }
    return true;
}

void Warp::run(const Launch& launch, std::uint32_t block, std::uint32_t warp) {
    launch_ = &launch;
    block_ = block;
    warp_ = warp;
    shuffled_ = launch.seed != 0;
    random_.seed(launch.seed + (std::uint64_t{block} << 8 | warp));
    for (auto& seen : seen_) seen = {};
    const auto threads = std::min<std::uint32_t>(warp_lanes, launch.threads - warp * warp_lanes);
    const auto mask = threads == warp_lanes ? ~0u : (1u << threads) - 1;
    gone_ = 0;
    groups_.clear();
    free_frames_.clear();  // after a kernel that failed, some are not given back
    for (const auto& frame : frames_) free_frames_.push_back(frame.get());
    frame_ = enter(*launch.kernel, nullptr, nullptr, mask);
    groups_.push_back({mask, 0, frame_, false});
    while (choose()) execute();
}

void Warp::execute() {
    while (active_) {
        const Instruction& i = frame_->function->code[static_cast<std::size_t>(at_)];
        if (--budget_ == 0) {
            groups_.push_back({active_, at_, frame_, false});
            return;
        }
        switch (i.flow) {
            case Flow::next: {
                ++at_;
                if (!i.guarded) {
                    i.run(*this, i);
                } else {
                    const auto all = active_, guard = *in<std::uint32_t>(i.guard);
                    active_ &= i.negated ? ~guard : guard;
                    if (active_) i.run(*this, i);
                    active_ = all;
                }
                break;
            }
            case Flow::branch:
                branch(i);
                break;
            case Flow::call:
                call(i);
                return;
            case Flow::leave:
                leave();
                return;
            case Flow::exchange:
            case Flow::wait:
                together(i);
                break;
        }
        if (at_ >= stop_) {
            groups_.push_back({active_, at_, frame_, false});
            return;
        }
    }
}

void Warp::branch(const Instruction& i) {
    const auto guard = i.guarded ? *in<std::uint32_t>(i.guard) : 0;
    const auto taken = i.guarded ? active_ & (i.negated ? ~guard : guard) : active_;
    if (taken == active_) {
        at_ = i.offset;
    } else {
        if (taken) {
            groups_.push_back({active_ & ~taken, at_ + 1, frame_, false});
            if (!shuffled_ && i.offset > at_ + 1) {  // those behind first
                groups_.back() = {taken, i.offset, frame_, false};
                active_ &= ~taken;
                stop_ = std::min(stop_, i.offset);
                ++at_;
                return;
            }
            if (!shuffled_) stop_ = std::min(stop_, at_ + 1);
            active_ = taken;
            at_ = i.offset;
        } else {
            ++at_;
        }
    }
}

void Warp::call(const Instruction& i) {
    if (i.guarded) throw KernelError("a call that some threads make is not known here");
    const Call& call = frame_->function->calls[static_cast<std::size_t>(i.call)];
    Frame* const callee = enter(*call.function, frame_, &call, active_);
    for_lanes(active_, [&](int lane) {
        for (std::size_t p = 0; p < call.arguments.size(); ++p)
            std::memcpy(reinterpret_cast<void*>(lane_memory(lane) + callee->local + static_cast<std::size_t>(call.function->parameters[p].at)),
                        reinterpret_cast<const void*>(local_address(lane) + static_cast<std::size_t>(call.arguments[p].at)), static_cast<std::size_t>(call.arguments[p].bytes));
    });
    groups_.push_back({active_, 0, callee, false});
    active_ = 0;
}

void Warp::leave() {
    if (frame_->caller) {
        Frame* const caller = frame_->caller;
        const Call& call = *frame_->call;
        for_lanes(active_, [&](int lane) {
            for (std::size_t r = 0; r < call.results.size(); ++r)
                std::memcpy(reinterpret_cast<void*>(lane_memory(lane) + caller->local + static_cast<std::size_t>(call.results[r].at)),
                            reinterpret_cast<const void*>(local_address(lane) + static_cast<std::size_t>(call.function->results[r].at)), static_cast<std::size_t>(call.results[r].bytes));
        });
        groups_.push_back({active_, call.back, caller, false});
    }
    if (!frame_->caller) gone_ |= active_;
    give_back(frame_, active_);
    active_ = 0;
}

void Warp::together(const Instruction& i) {
    if (i.guarded) throw KernelError("a shuffle, vote or wait under a predicate is not known here, in " + frame_->function->name);
    const auto* const masks = in<std::uint32_t>(i.mask);
    bool whole = true;  // one team, and all of it is here
    for_lanes(active_, [&](int lane) { whole = whole && masks[lane] == active_; });
    if (whole) {
        std::fill(std::begin(together_), std::end(together_), frame_);
        i.run(*this, i);
        ++at_;
        return;
    }
    // Several teams may come at once, each with the mask of its own.
    const Frame* const frame = frame_;
    const auto at = at_;
    for (auto left = active_; left;) {
        const int first = std::countr_zero(left);
        const auto mask = masks[first];
        std::uint32_t team = 0;
        for_lanes(left, [&](int lane) { team |= std::uint32_t{masks[lane] == mask} << lane; });
        if (team & ~mask) fail(i, first, "a mask that does not name all threads that come with it");
        left &= ~team;
        groups_.push_back({team, at, frame_, true});
        meet(i, mask, mask, frame->function, at);
    }
    active_ = 0;
}

bool Warp::meet(const Instruction& i, std::uint32_t mask, std::uint32_t needed, const Function* function, std::int64_t at) {
    const auto here = [&](const Group& g) { return g.waits && g.at == at && g.frame->function == function && (g.mask & needed); };
    std::uint32_t present = 0;
    for (const auto& g : groups_)
        if (here(g)) {
            present |= g.mask;
            for_lanes(g.mask, [&](int lane) { together_[lane] = g.frame; });
        }
    if ((present & needed) != needed) return false;
    const auto all = active_;
    active_ = needed;
    std::uint32_t masks[warp_lanes];
    gather(i.mask, masks);
    for_lanes(needed, [&](int lane) {
        if (masks[lane] != mask) fail(i, lane, "a mask that differs between its threads");
    });
    i.run(*this, i);
    active_ = all;
    // Each part goes on where it is.
    for (auto& g : groups_)
        if (here(g)) {
            g.waits = false;
            ++g.at;
        }
    return true;
}

void Warp::never_met() const {
    const auto& g = groups_.front();
    const auto& i = g.frame->function->code[static_cast<std::size_t>(g.at)];
    throw KernelError("block " + std::to_string(block_) + ", warp " + std::to_string(warp_) + ", line " + std::to_string(i.line) +
                      " of its PTX: threads wait for others that never come, in " + launch_->kernel->name);
}

}  // namespace arcuate::software_gpu
