// MRtrix .tck tractograms.
#pragma once

#include "arcuate/core/tractogram.hpp"

#include <memory>
#include <string>

namespace arcuate::io {

/// Reads a whole .tck of any of its four datatypes. Throws InputError where it is truncated or is none.
Tractogram read_tck(const std::string& path);

/// Calls `sink` with batches of streamlines; memory does not grow with the file. Returns the header's properties.
std::map<std::string, std::string> stream_tck(const std::string& path, StreamlineSink& sink, std::int64_t batch = 10000);

/// Writes a .tck as it comes, Float32LE; whole or absent: commit() fixes the counts in the header and renames it into place.
class TckWriter : public StreamlineSink {
  public:
    TckWriter(const std::string& path, const std::map<std::string, std::string>& properties, bool overwrite);
    ~TckWriter() override;
    void append(const TractogramView& streamlines) override;
    /// `total_count`: seeds that started a streamline, accepted or not.
    void commit(std::int64_t total_count);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace arcuate::io
