// Trackers as a GPU's teams run them; compiled apart (walk_apart.cpp), since the same functions are other code there.
#pragma once

#include <cstdint>

/// Both take a kernels::TrackStreamline of the algorithm and n items of it.
void walk_ifod2_apart(const void* kernel, std::int64_t n, bool backwards);
void walk_ifod1_apart(const void* kernel, std::int64_t n, bool backwards);
void walk_ptt_apart(const void* kernel, std::int64_t n, bool backwards);
