// Some of a tractogram's streamlines: by where they run, how long they are, or which they are.
#pragma once

#include "arcuate/core/region.hpp"
#include "arcuate/core/tractogram.hpp"

#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace arcuate::tract {

/// Places are asked at vertices alone, as tckedit does.
struct FilterOptions {
    std::vector<Region> include{};  ///< a streamline has a vertex in each of them
    std::vector<Region> exclude{};  ///< and in none of these
    std::vector<Region> ends_in{};  ///< one region: both ends lie in it; two: one end in each
    std::vector<Region> mask{};     ///< what lies outside any of them is cut away; every piece of two vertices or more is a streamline
    double min_length_mm = 0;     ///< after the cut
    double max_length_mm = std::numeric_limits<double>::infinity();
    std::optional<std::vector<std::uint64_t>> ids{};  ///< these alone: ascending, from 0
    std::int64_t skip = 0;                          ///< leave out the first so many of those that pass
    std::optional<std::int64_t> first{};              ///< and then take so many
};

/// Passes on what the options let through, with its data.
class Filter : public StreamlineSink {
  public:
    Filter(FilterOptions options, StreamlineSink& to) : options_(std::move(options)), to_(to) {}
    void append(const TractogramView& streamlines) override;

    /// The id in the input of every streamline passed on, ascending.
    const std::vector<std::uint32_t>& sources() const { return sources_; }
    /// Keeps sources(), which costs four bytes per streamline passed on.
    void remember_sources() { remember_ = true; }
    std::int64_t seen() const { return seen_; }
    std::int64_t passed() const { return passed_; }
    /// Whether all that the options ask for has been passed on.
    bool full() const { return options_.first && passed_ >= *options_.first; }

  private:
    bool wanted(std::span<const float> vertices, std::int64_t id);
    void take(const TractogramView& streamlines, std::int64_t s, std::size_t first, std::size_t last);

    FilterOptions options_;
    StreamlineSink& to_;
    Tractogram out_;
    std::vector<std::uint32_t> sources_;
    bool remember_ = false;
    std::int64_t seen_ = 0, skipped_ = 0, passed_ = 0;
    std::size_t next_id_ = 0;
};

}  // namespace arcuate::tract
