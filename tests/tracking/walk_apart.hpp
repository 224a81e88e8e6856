// Trackers as a GPU's teams run them; compiled apart (walk_apart.cpp), since the same functions are other code there.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

/// All take a kernels::TrackStreamline of the algorithm and n items of it.
void walk_ifod2_apart(const void* kernel, std::int64_t n, bool backwards);
void walk_ifod1_apart(const void* kernel, std::int64_t n, bool backwards);
void walk_ptt_apart(const void* kernel, std::int64_t n, bool backwards);
void walk_discrete_fod_apart(const void* kernel, std::int64_t n, bool backwards);

/// What a team's lanes read before and after a store of the next number: pairs, lane by lane.
std::vector<std::pair<int, int>> store_apart(int number, bool backwards);
