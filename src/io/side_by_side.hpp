// A loop whose iterations run on several threads: plain threads, because io knows no device.
#pragma once

#include <cstddef>
#include <functional>

namespace arcuate::io {

/// Calls `work(i)` for every i below `n`, each once, on at most threads() threads; throws what the first of them to fail threw, once all have ended.
void side_by_side(std::size_t n, const std::function<void(std::size_t)>& work);

}  // namespace arcuate::io
