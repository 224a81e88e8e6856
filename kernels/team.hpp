// Threads of a GPU's warp that work on one item together. All of them go the same way through its code and know the same; what differs between them is in a
// PerLane. A processor's one thread takes the lanes in turn: the same results, so tests on it hold for both.
#pragma once

#include "kernels/math.hpp"
#include "kernels/vec3.hpp"

// ARCUATE_LANES_APART: of a test, for which every lane is a thread of its own on a processor, too (tests/lanes_apart.hpp, included before).
#if defined(__CUDA_ARCH__) || defined(ARCUATE_LANES_APART)
#define ARCUATE_THREAD_PER_LANE 1
#endif

namespace arcuate::kernels {

/// A value of each lane; [lane] is for the lane's own thread alone.
template <class T, int Lanes>
struct PerLane {
#if defined(ARCUATE_THREAD_PER_LANE)
    T own;
    ARCUATE_HD T& operator[](int) { return own; }
    ARCUATE_HD const T& operator[](int) const { return own; }
#else
    T all[Lanes];
    ARCUATE_HD T& operator[](int lane) { return all[lane]; }
    ARCUATE_HD const T& operator[](int lane) const { return all[lane]; }
#endif
};

/// Lanes: 1, 2, 4, 8, 16 or 32. Of one there is nothing to do together.
template <int Lanes>
struct Team {
    static constexpr int lanes = Lanes;

    /// f(lane) of every lane.
    template <class F>
    ARCUATE_HD auto each(F f) const {
        PerLane<decltype(f(0)), Lanes> out;
#if defined(ARCUATE_THREAD_PER_LANE)
        out.own = f(lane());
#else
        for (int k = 0; k < Lanes; ++k) out.all[k] = f(k);
#endif
        return out;
    }

    /// f(i) for every i below n, in any order; what it writes is there for all when the last has come back.
    template <class F>
    ARCUATE_HD void over(int n, F f) const {
#if defined(ARCUATE_THREAD_PER_LANE)
        for (int i = lane(); i < n; i += Lanes) f(i);
        wait();
#else
        for (int i = 0; i < n; ++i) f(i);
#endif
    }
    /// f() once, for all.
    template <class F>
    ARCUATE_HD void once(F f) const {
        if (leads()) f();
        wait();
    }

    /// The value of one lane, for all. T: of four bytes or eight.
    template <class T>
    ARCUATE_HD T of(const PerLane<T, Lanes>& values, int from) const {
#if defined(ARCUATE_THREAD_PER_LANE)
        return shuffled(values.own, from);
#else
        return values.all[from];
#endif
    }
    /// To every lane the value of lane from(lane).
    template <class T, class From>
    ARCUATE_HD PerLane<T, Lanes> moved(const PerLane<T, Lanes>& values, From from) const {
        return each([&](int k) {
#if defined(ARCUATE_THREAD_PER_LANE)
            return shuffled(values.own, from(k));
#else
            return values.all[from(k)];
#endif
        });
    }

    /// Bit k: whether it is true of lane k.
    template <class Predicate>
    ARCUATE_HD unsigned which(Predicate predicate) const {
#if defined(__CUDA_ARCH__)
        return __ballot_sync(mask(), predicate(lane())) >> shift() & everyone;
#elif defined(ARCUATE_LANES_APART)
        return lanes_apart::ballot(predicate(lane()));
#else
        unsigned bits = 0;
        for (int k = 0; k < Lanes; ++k) bits |= static_cast<unsigned>(static_cast<bool>(predicate(k))) << k;
        return bits;
#endif
    }
    /// The greatest of all lanes' values, none of them NaN.
    ARCUATE_HD float greatest(PerLane<float, Lanes> values) const {
        ARCUATE_UNROLL
        for (int apart = Lanes / 2; apart > 0; apart /= 2) {
            const auto others = moved(values, [&](int k) { return k ^ apart; });
            values = each([&](int k) { return max(values[k], others[k]); });
        }
        return of(values, 0);
    }

    /// The least of all lanes' values, none of them NaN.
    ARCUATE_HD float least(const PerLane<float, Lanes>& values) const { return -greatest(each([&](int k) { return -values[k]; })); }

    /// Writes once what all know, when all have read what was there; all may read it afterwards.
    template <class T>
    ARCUATE_HD void store(T& place, const T& value) const {
        wait();
        once([&] { place = value; });
    }
    /// Until all have come here; what each has written before is there for all afterwards.
    ARCUATE_HD void wait() const {
#if defined(__CUDA_ARCH__)
        if constexpr (Lanes > 1) __syncwarp(mask());
#elif defined(ARCUATE_LANES_APART)
        if constexpr (Lanes > 1) lanes_apart::sync();
#endif
    }
    /// take_relaxed(), once for all.
    ARCUATE_HD std::int32_t take(std::int32_t* counter) const {
#if defined(ARCUATE_THREAD_PER_LANE)
        if constexpr (Lanes > 1) return shuffled(leads() ? take_relaxed(counter, 1) : 0, 0);
#endif
        return take_relaxed(counter, 1);
    }
    /// Whether this thread writes for all.
    ARCUATE_HD bool leads() const {
#if defined(ARCUATE_THREAD_PER_LANE)
        if constexpr (Lanes > 1) return lane() == 0;
#endif
        return true;
    }

  private:
    static constexpr unsigned everyone = Lanes == 32 ? 0xffffffffu : (1u << Lanes % 32) - 1u;

#if defined(__CUDA_ARCH__)
    __device__ int lane() const { return static_cast<int>(threadIdx.x % Lanes); }
    __device__ unsigned shift() const { return threadIdx.x % 32 / Lanes * Lanes; }
    __device__ unsigned mask() const { return everyone << shift(); }
    template <class T>
    __device__ T shuffled(T value, int from) const {
        return __shfl_sync(mask(), value, from, Lanes);
    }
#elif defined(ARCUATE_LANES_APART)
    int lane() const { return Lanes > 1 ? lanes_apart::lane() : 0; }
    template <class T>
    T shuffled(T value, int from) const {
        return lanes_apart::shuffled(value, from);
    }
#endif
};

/// A vector that one lane knows, for all.
template <class Team, class Get>
ARCUATE_HD Vec3 vector_of(const Team& team, int lane, Get get) {
    return {team.of(team.each([&](int k) { return get(k).x; }), lane), team.of(team.each([&](int k) { return get(k).y; }), lane), team.of(team.each([&](int k) { return get(k).z; }), lane)};
}

/// Of a GPU's thread, so that twelve warps of a multiprocessor take turns, which is faster than eight that have all registers they can use.
inline constexpr int few_registers = 168;

/// Who works on an item for which a GPU has `Lanes` threads: those, or a processor's one.
#if defined(ARCUATE_THREAD_PER_LANE)
template <int Lanes>
using Crew = Team<Lanes>;
#else
template <int>
using Crew = Team<1>;
#endif

}  // namespace arcuate::kernels
