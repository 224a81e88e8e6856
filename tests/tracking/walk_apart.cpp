// Compiled with ARCUATE_LANES_APART, under another name for the kernels' namespace: its functions must not meet those of the rest of the program.
#include "walk_apart.hpp"

#include "lanes_apart.hpp"

#define ARCUATE_LANES_APART
#define kernels kernels_apart
#include "kernels/discrete_fod.hpp"
#include "kernels/ifod1.hpp"
#include "kernels/ifod2.hpp"
#include "kernels/ptt.hpp"
#include "kernels/track_streamline.hpp"
#include "kernels/walk_items.hpp"

#include <cstring>

namespace {

using namespace arcuate::kernels_apart;

template <class Algorithm>
void walk(const void* kernel, std::int64_t n, bool backwards) {
    static_assert(Algorithm::team_lanes > 1);
    TrackStreamline<Algorithm> run;
    std::memcpy(&run, kernel, sizeof run);
    lanes_apart::run(Algorithm::team_lanes, backwards, [&] { walk_items(run, n); });
}

}  // namespace

void walk_ifod2_apart(const void* kernel, std::int64_t n, bool backwards) { walk<Ifod2<8>>(kernel, n, backwards); }
void walk_ifod1_apart(const void* kernel, std::int64_t n, bool backwards) { walk<Ifod1<8>>(kernel, n, backwards); }
void walk_ptt_apart(const void* kernel, std::int64_t n, bool backwards) { walk<Ptt<8>>(kernel, n, backwards); }
void walk_discrete_fod_apart(const void* kernel, std::int64_t n, bool backwards) { walk<DiscreteFod<8>>(kernel, n, backwards); }

std::vector<std::pair<int, int>> store_apart(int number, bool backwards) {
    std::vector<std::pair<int, int>> read(8);
    lanes_apart::run(8, backwards, [&] {
        auto& [before, after] = read[static_cast<std::size_t>(lanes_apart::lane())];
        before = number;
        Team<8>{}.store(number, before + 1);
        after = number;
    });
    return read;
}
