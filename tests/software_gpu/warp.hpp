// A warp: 32 threads of a kernel, which execute PTX on the host.
//
// Threads that are at the same place go on together. Of groups of threads that went apart, the one that is furthest behind goes first, so that they meet again where their ways join; with
// a seed (Launch::seed) groups are chosen, cut in pieces and stopped at random, as threads of a real device may be. What all threads of a mask do together (shuffles, votes,
// __syncwarp) happens when all of them are there; where some never come, that is an error, and so are reads of memory that nobody wrote, and addresses outside of the device's memory.
#pragma once

#include "memory.hpp"
#include "ptx.hpp"

#include <bit>
#include <cstring>
#include <memory>
#include <random>
#include <stdexcept>

namespace arcuate::software_gpu {

template <class Do>
void for_lanes(std::uint32_t mask, const Do& run) {
    for (; mask; mask &= mask - 1) run(std::countr_zero(mask));
}

/// What is wrong with a kernel, with its name, the line of PTX and the thread.
class KernelError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Launch {
    const Function* kernel = nullptr;
    std::vector<std::byte> parameters;
    std::uint32_t blocks = 1, threads = 1;
    std::shared_ptr<const Allocations> memory;
    std::uint64_t seed = 0;  ///< of the threads' order; 0: those behind first
};

/// Runs one warp after the other. A thread of the host has its own.
class Warp {
  public:
    Warp();
    ~Warp();
    Warp(const Warp&) = delete;
    Warp& operator=(const Warp&) = delete;

    /// Warp `warp` of a block, from start to end. Throws KernelError.
    void run(const Launch& launch, std::uint32_t block, std::uint32_t warp);

    // --- for instructions (instructions.cpp) ---
    template <class T>
    const T* in(std::int32_t operand) const {
        return reinterpret_cast<const T*>(operand >= 0 ? registers_ + operand : constants_ + ~operand);
    }
    template <class T>
    T* out(std::int32_t operand) const {
        return reinterpret_cast<T*>(registers_ + operand);
    }
    std::uint32_t active() const { return active_; }
    std::uint32_t special(std::int64_t which, int lane) const;
    std::uintptr_t address(const Instruction& i, int lane) const {
        switch (i.base) {
            case Base::reg:
                return static_cast<std::uintptr_t>(in<std::uint64_t>(i.a)[lane] + static_cast<std::uint64_t>(i.offset));
            case Base::local:
                return local_address(lane) + static_cast<std::uintptr_t>(i.offset);
            default:
                return reinterpret_cast<std::uintptr_t>(launch_->parameters.data()) + static_cast<std::uintptr_t>(i.offset);
        }
    }
    /// The place, if the lane may read it (write, if `write`) and somebody wrote what is read.
    template <class T>
    T* place(const Instruction& i, int lane, std::size_t count, bool write) {
        const auto at = address(i, lane);
        const auto bytes = sizeof(T) * count;  // a power of two
        if (at & (bytes - 1)) fail(i, lane, at, bytes, "are not aligned");
        if (at - lane_memory(lane) < lane_bytes) return reinterpret_cast<T*>(at);
        auto& seen = seen_[static_cast<std::size_t>(i.line) % 16];
        if (at < seen.begin || at + bytes > seen.end) {
            const auto parameters = reinterpret_cast<std::uintptr_t>(launch_->parameters.data());
            if (!write && at >= parameters && at + bytes <= parameters + launch_->parameters.size()) return reinterpret_cast<T*>(at);
            const auto* found = find_allocation(*launch_->memory, at);
            if (!found || at + bytes > found->end) fail(i, lane, at, bytes, write ? "are not the device's to write" : "are not the device's to read");
            seen = *found;
        }
        // A word of marks, of as many bytes, at a time.
        auto* marks = seen.written + (at - seen.begin);
        for (std::size_t k = 0; k < count; ++k, marks += sizeof(T)) {
            std::uint64_t now = 0;
            if (write)
                std::memcpy(marks, &every_byte, sizeof(T));
            else if (std::memcpy(&now, marks, sizeof(T)); now != every_byte >> (64 - 8 * sizeof(T)))
                fail(i, lane, at, bytes, "are read, but nobody wrote them");
        }
        return reinterpret_cast<T*>(at);
    }
    /// What lanes do together: an operand of each of them, wherever their groups are.
    template <class T>
    void gather(std::int32_t operand, T* values) const {
        for_lanes(active_, [&](int lane) { values[lane] = reinterpret_cast<const T*>(together_[lane]->at(operand))[lane]; });
    }
    template <class T>
    void scatter(std::int32_t operand, const T* values) const {
        for_lanes(active_, [&](int lane) { reinterpret_cast<T*>(together_[lane]->registers + operand)[lane] = values[lane]; });
    }
    std::uint32_t gather_predicate(std::int32_t operand) const {
        std::uint32_t bits = 0;
        for_lanes(active_, [&](int lane) { bits |= *reinterpret_cast<const std::uint32_t*>(together_[lane]->at(operand)) & 1u << lane; });
        return bits;
    }
    void scatter_predicate(std::int32_t operand, std::uint32_t bits) const {
        for_lanes(active_, [&](int lane) {
            auto& word = *reinterpret_cast<std::uint32_t*>(together_[lane]->registers + operand);
            word = (word & ~(1u << lane)) | (bits & 1u << lane);
        });
    }
    [[noreturn]] void fail(const Instruction& i, int lane, const std::string& what) const;
    [[noreturn]] void fail(const Instruction& i, int lane, std::uintptr_t at, std::size_t bytes, const char* what) const;

  private:
    static constexpr std::uint64_t every_byte = 0x0101010101010101;
    static constexpr std::size_t lane_bytes = 1 << 19;  ///< of local memory, for all of its functions

    /// A function while it is executed, by the lanes that called it together.
    struct Frame {
        const Function* function = nullptr;
        Frame* caller = nullptr;
        const Call* call = nullptr;
        std::size_t local = 0;  ///< where its memory starts in its lanes'
        int depth = 0, users = 0;
        std::byte* registers = nullptr;
        std::vector<std::byte> storage;

        const std::byte* at(std::int32_t operand) const { return operand >= 0 ? registers + operand : function->constants.data() + ~operand; }
    };
    struct Group {
        std::uint32_t mask = 0;
        std::int64_t at = 0;
        Frame* frame = nullptr;
        bool waits = false;
    };

    std::uintptr_t lane_memory(int lane) const { return reinterpret_cast<std::uintptr_t>(local_) + lane_bytes * static_cast<std::size_t>(lane); }
    std::uintptr_t local_address(int lane) const { return lane_memory(lane) + frame_->local; }
    Frame* enter(const Function& function, Frame* caller, const Call* call, std::uint32_t mask);
    void give_back(Frame* frame, std::uint32_t mask);
    bool choose();
    void execute();
    void branch(const Instruction& i);
    void call(const Instruction& i);
    void leave();
    void together(const Instruction& i);
    bool meet(const Instruction& i, std::uint32_t mask, std::uint32_t needed, const Function* function, std::int64_t at);
    void become(std::size_t group);
    [[noreturn]] void never_met() const;

    const Launch* launch_ = nullptr;
    std::uint32_t block_ = 0, warp_ = 0;
    std::uint32_t active_ = 0;  ///< lanes that execute now
    std::uint32_t gone_ = 0;    ///< lanes that have come to the kernel's end
    std::int64_t at_ = 0;       ///< their next instruction
    std::int64_t stop_ = 0;     ///< where others of their function wait
    std::int64_t budget_ = 0;   ///< instructions until others get a turn
    Frame* frame_ = nullptr;
    std::byte* registers_ = nullptr;
    const std::byte* constants_ = nullptr;
    std::byte* local_ = nullptr;
    std::vector<Group> groups_;  ///< the others
    std::vector<std::unique_ptr<Frame>> frames_;
    std::vector<Frame*> free_frames_;
    Frame* together_[warp_lanes] = {};
    Allocation seen_[16];
    std::mt19937_64 random_;
    bool shuffled_ = false;
};

}  // namespace arcuate::software_gpu
