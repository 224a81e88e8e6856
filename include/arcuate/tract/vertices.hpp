// Other vertices for the same streamlines: resampled, thinned out, compressed.
#pragma once

#include "arcuate/core/tractogram.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace arcuate::tract {

/// A place on a polyline: this part of the way from vertex `vertex` to the next.
struct Place {
    std::size_t vertex;
    double fraction = 0;
};

/// Sum over the segments, first to last [mm].
double length_mm(std::span<const float> vertices);

/// Every `step_mm` along the polyline from its first vertex, and its last vertex.
std::vector<Place> places_by_step(std::span<const float> vertices, double step_mm);
/// `count` places (2 or more) at equal distances along the polyline, both ends included.
std::vector<Place> places_by_count(std::span<const float> vertices, std::int64_t count);
/// Every `n`-th vertex, and the last.
std::vector<Place> every_nth(std::span<const float> vertices, std::int64_t n);
/// As few vertices as Ramer's method finds such that no point of the old polyline is farther than `tolerance_mm` from the new one, nor the other way round.
std::vector<Place> compressed(std::span<const float> vertices, double tolerance_mm);

/// Appends streamline s with vertices at `places`; data per vertex are interpolated linearly, data per streamline stay. `to` has the arrays of `from`.
void append_at(const TractogramView& from, std::int64_t s, std::span<const Place> places, Tractogram& to);
/// Appends vertices first to last - 1 of streamline s, with their data.
void append_part(const TractogramView& from, std::int64_t s, std::size_t first, std::size_t last, Tractogram& to);
/// The names and types of `from`'s data, without values.
void announce(const TractogramView& from, Tractogram& to);

}  // namespace arcuate::tract
