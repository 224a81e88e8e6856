#include "arcuate/tract/filter.hpp"

#include "arcuate/tract/vertices.hpp"

#include <algorithm>

namespace arcuate::tract {

namespace {

Vec3d vertex(std::span<const float> p, std::size_t v) {
    return {static_cast<double>(p[3 * v]), static_cast<double>(p[3 * v + 1]), static_cast<double>(p[3 * v + 2])};
}

bool enters(std::span<const float> vertices, const Region& region) {
    for (std::size_t v = 0; v < vertices.size() / 3; ++v)
        if (region.contains(vertex(vertices, v))) return true;
    return false;
}

}  // namespace

bool Filter::wanted(std::span<const float> vertices, std::int64_t id) {
    if (options_.ids) {
        const auto& ids = *options_.ids;
        while (next_id_ < ids.size() && ids[next_id_] < static_cast<std::uint64_t>(id)) ++next_id_;
        if (next_id_ == ids.size() || ids[next_id_] != static_cast<std::uint64_t>(id)) return false;
    }
    const auto in = [&](const Region& region) { return enters(vertices, region); };
    if (!std::all_of(options_.include.begin(), options_.include.end(), in) || std::any_of(options_.exclude.begin(), options_.exclude.end(), in)) return false;
    if (options_.ends_in.empty()) return true;
    if (vertices.empty()) return false;
    const Vec3d head = vertex(vertices, 0), tail = vertex(vertices, vertices.size() / 3 - 1);
    const auto& a = options_.ends_in.front();
    const auto& b = options_.ends_in.back();
    return (a.contains(head) && b.contains(tail)) || (a.contains(tail) && b.contains(head));
}

void Filter::take(const TractogramView& streamlines, std::int64_t s, std::size_t first, std::size_t last) {
    const double length = length_mm(streamlines.streamline(s).subspan(3 * first, 3 * (last - first)));
    if (length < options_.min_length_mm || length > options_.max_length_mm || full()) return;
    if (skipped_ < options_.skip) {
        ++skipped_;
        return;
    }
    append_part(streamlines, s, first, last, out_);
    ++passed_;
    if (remember_) sources_.push_back(static_cast<std::uint32_t>(seen_));
}

void Filter::append(const TractogramView& streamlines) {
    out_.clear();
    announce(streamlines, out_);
    for (std::int64_t s = 0; s < streamlines.size(); ++s, ++seen_) {
        if (full()) continue;
        const auto vertices = streamlines.streamline(s);
        if (!wanted(vertices, seen_)) continue;
        const std::size_t n = vertices.size() / 3;
        if (options_.mask.empty()) {
            take(streamlines, s, 0, n);
            continue;
        }
        const auto inside = [&](std::size_t v) {
            return std::all_of(options_.mask.begin(), options_.mask.end(), [&](const Region& region) { return region.contains(vertex(vertices, v)); });
        };
        for (std::size_t v = 0, first = 0; v <= n; ++v) {
            if (v < n && inside(v)) continue;
            if (v - first > 1) take(streamlines, s, first, v);
            first = v + 1;
        }
    }
    if (out_.size() > 0) to_.append(out_.view());
}

}  // namespace arcuate::tract
