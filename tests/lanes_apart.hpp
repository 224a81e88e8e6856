// A GPU's warp on a processor: every lane is a thread with a stack of its own, and none goes past a place where all meet before all are there. So code for teams
// is tried as a GPU runs it: a lane that goes another way than the others, or reads what another has overwritten, is found.
#pragma once

#include <bit>
#include <cstdint>
#include <functional>

namespace lanes_apart {

enum class Meeting : std::uint8_t { sync, ballot, shuffle };

/// Runs `body` by every lane, one after the other from meeting to meeting; the last lane first where `backwards`. Ends the program with a sentence where lanes do not all come to the same meetings.
void run(int lanes, bool backwards, const std::function<void()>& body);

int lane();
/// Waits for all lanes; the value that lane `from` brought.
std::uint32_t meet(Meeting what, std::uint32_t value, int from);
std::uint32_t meet_all(std::uint32_t bit);  ///< bit k: that of lane k

inline void sync() { meet(Meeting::sync, 0, 0); }
inline unsigned ballot(bool predicate) { return meet_all(predicate); }
template <class T>
T shuffled(T value, int from) {
    if constexpr (sizeof(T) == 8) {
        const auto bits = std::bit_cast<std::uint64_t>(value);
        const std::uint64_t low = shuffled(static_cast<std::uint32_t>(bits), from), high = shuffled(static_cast<std::uint32_t>(bits >> 32), from);
        return std::bit_cast<T>(high << 32 | low);
    } else {
        static_assert(sizeof(T) == 4);
        return std::bit_cast<T>(meet(Meeting::shuffle, std::bit_cast<std::uint32_t>(value), from));
    }
}

}  // namespace lanes_apart
