// Threads of reading and writing: blocks of a gzip file are packed and unpacked side by side.
#pragma once

namespace arcuate::io {

/// How many threads, the caller's among them, a read or a write may take from now on; 0, as at the start: one per processor. Changes no byte.
void set_threads(int threads);
/// At least 1.
int threads();

}  // namespace arcuate::io
