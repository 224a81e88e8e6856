// Gzip as one member, compressed in independent blocks side by side (as pigz does), with the same bytes for any number of threads.
#pragma once

#include "file_stream.hpp"

#include <span>

namespace arcuate::io {

/// Writes the concatenation of `parts` as a gzip file: no name, no time.
void write_gzip(FileStream& stream, std::span<const std::span<const unsigned char>> parts);

}  // namespace arcuate::io
