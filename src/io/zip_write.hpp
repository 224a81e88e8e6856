// The records of a zip archive (APPNOTE 6.3). Sizes above 2^31 - 1 are written in zip64's way, as Python's zipfile does, and smaller entries have no
// extra field: trx-python maps arrays at the place that follows from both.
#pragma once

#include "zip_read.hpp"

#include <span>
#include <string>

namespace arcuate::io {

/// Entries for which zip64 sizes are reserved: those that may exceed 2^31 - 1 bytes, compressed or not.
bool is_zip64(const ZipEntry& entry);

/// What stands before an entry's bytes; of the same length for any crc and stored_bytes.
std::string zip_local_header(const ZipEntry& entry);

/// What stands behind the last entry, at byte `at`.
std::string zip_directory(std::span<const ZipEntry> entries, std::int64_t at);

}  // namespace arcuate::io
