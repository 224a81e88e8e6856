#include "lanes_apart.hpp"

#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace lanes_apart {

namespace {

constexpr std::size_t stack_bytes = 256 << 10;

struct Lane {
    ucontext_t context;
    std::vector<std::byte> stack;
    std::uint64_t meetings = 0;  ///< that it has come to
    bool done = false;
};

struct Warp {
    std::vector<Lane> lanes;
    ucontext_t outside;
    int current = 0;
    const std::function<void()>* body = nullptr;
    // Of this meeting and of the next: a lane may come to that before all have left this one.
    std::array<std::array<std::uint32_t, 32>, 2> brought;
    std::array<std::array<Meeting, 32>, 2> what;
};
Warp* warp = nullptr;

[[noreturn]] void fail(const char* sentence) {
    std::fprintf(stderr, "lanes_apart: %s\n", sentence);
    std::abort();
}

void enter() {
    (*warp->body)();
    warp->lanes[static_cast<std::size_t>(warp->current)].done = true;
}

/// Comes to the next meeting and waits there; which of the two it was.
std::size_t wait(Meeting kind, std::uint32_t value) {
    const auto here = static_cast<std::size_t>(warp->current);
    Lane& me = warp->lanes[here];
    const std::size_t at = me.meetings++ % 2;
    warp->brought[at][here] = value;
    warp->what[at][here] = kind;
    while (std::any_of(warp->lanes.begin(), warp->lanes.end(), [&](const Lane& l) { return l.meetings < me.meetings; })) swapcontext(&me.context, &warp->outside);
    for (std::size_t k = 0; k < warp->lanes.size(); ++k)
        if (warp->what[at][k] != kind) fail("lanes meet for different things");
    return at;
}

}  // namespace

int lane() { return warp->current; }

std::uint32_t meet(Meeting kind, std::uint32_t value, int from) { return warp->brought[wait(kind, value)][static_cast<std::size_t>(from)]; }

std::uint32_t meet_all(std::uint32_t bit) {
    const std::size_t at = wait(Meeting::ballot, bit);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < warp->lanes.size(); ++k) bits |= warp->brought[at][k] << k;
    return bits;
}

void run(int lanes, bool backwards, const std::function<void()>& body) {
    Warp here;
    here.lanes.resize(static_cast<std::size_t>(lanes));
    here.body = &body;
    warp = &here;
    for (auto& lane : here.lanes) {
        lane.stack.resize(stack_bytes);
        getcontext(&lane.context);
        lane.context.uc_stack.ss_sp = lane.stack.data();
        lane.context.uc_stack.ss_size = lane.stack.size();
        lane.context.uc_link = &here.outside;
        makecontext(&lane.context, enter, 0);
    }
    for (bool all_done = false; !all_done;) {
        all_done = true;
        for (int k = 0; k < lanes; ++k) {
            here.current = backwards ? lanes - 1 - k : k;
            Lane& lane = here.lanes[static_cast<std::size_t>(here.current)];
            if (lane.done) continue;
            const auto before = lane.meetings;
            swapcontext(&here.outside, &lane.context);
            all_done = all_done && lane.done;
            if (!lane.done && lane.meetings == before && std::any_of(here.lanes.begin(), here.lanes.end(), [](const Lane& l) { return l.done; }))
                fail("a lane waits for one that has ended");
        }
    }
    warp = nullptr;
}

}  // namespace lanes_apart
