#include "arcuate/tract/vertices.hpp"

#include "arcuate/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace arcuate::tract {

namespace {

struct Point {
    double x, y, z;
};

Point point(std::span<const float> vertices, std::size_t v) {
    return {static_cast<double>(vertices[3 * v]), static_cast<double>(vertices[3 * v + 1]), static_cast<double>(vertices[3 * v + 2])};
}
Point operator-(const Point& a, const Point& b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
double dot(const Point& a, const Point& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }

/// Length of the segment from vertex v to the next [mm].
double segment(std::span<const float> vertices, std::size_t v) {
    const Point d = point(vertices, v + 1) - point(vertices, v);
    return std::sqrt(dot(d, d));
}

double squared_distance(const Point& p, const Point& a, const Point& b) {
    const Point ab = b - a, ap = p - a;
    const double squared = dot(ab, ab);
    const double t = squared > 0 ? std::clamp(dot(ap, ab) / squared, 0.0, 1.0) : 0.0;
    const Point d{ap.x - t * ab.x, ap.y - t * ab.y, ap.z - t * ab.z};
    return dot(d, d);
}

/// The places at these distances [mm] from the first vertex, ascending, none beyond the end.
template <class Distance>
void walk(std::span<const float> vertices, std::int64_t count, Distance distance_of, std::vector<Place>& places) {
    const std::size_t n = vertices.size() / 3;
    std::size_t v = 0;
    double begin = 0, step = n > 1 ? segment(vertices, 0) : 0;
    for (std::int64_t i = 0; i < count; ++i) {
        const double distance = distance_of(i);
        while (v + 2 < n && begin + step < distance) {
            begin += step;
            step = segment(vertices, ++v);
        }
        places.push_back({v, step > 0 ? std::clamp((distance - begin) / step, 0.0, 1.0) : 0.0});
    }
}

void append_rows(std::span<const DataArray> from, std::size_t first, std::size_t last, std::vector<DataArray>& to) {
    for (std::size_t i = 0; i < to.size(); ++i) {
        const auto c = static_cast<std::size_t>(from[i].columns);
        const auto* values = from[i].values.data();
        to[i].values.insert(to[i].values.end(), values + c * first, values + c * last);
    }
}

}  // namespace

double length_mm(std::span<const float> vertices) {
    double sum = 0;
    for (std::size_t v = 0; 3 * (v + 1) < vertices.size(); ++v) sum += segment(vertices, v);
    return sum;
}

std::vector<Place> places_by_step(std::span<const float> vertices, double step_mm) {
    std::vector<Place> places;
    const std::size_t n = vertices.size() / 3;
    if (n == 0) return places;
    const double length = length_mm(vertices);
    if (!(length / step_mm < 1e8))
        throw InputError(fmt::format("a streamline of {} mm would get more than 100 million vertices {} mm apart; choose a longer step", length, step_mm));
    // A last step shorter than a ten thousandth of the others is rounding of the length.
    const auto whole = static_cast<std::int64_t>(std::floor(length / step_mm - 1e-4)) + 1;
    walk(vertices, std::max<std::int64_t>(whole, 1), [&](std::int64_t i) { return static_cast<double>(i) * step_mm; }, places);
    if (n > 1) places.push_back({n - 1});
    return places;
}

std::vector<Place> places_by_count(std::span<const float> vertices, std::int64_t count) {
    std::vector<Place> places;
    const std::size_t n = vertices.size() / 3;
    if (n == 0) return places;
    const double length = length_mm(vertices);
    walk(vertices, count - 1, [&](std::int64_t i) { return length * static_cast<double>(i) / static_cast<double>(count - 1); }, places);
    places.push_back({n - 1});
    return places;
}

std::vector<Place> every_nth(std::span<const float> vertices, std::int64_t n) {
    std::vector<Place> places;
    const std::size_t all = vertices.size() / 3;
    for (std::size_t v = 0; v < all; v += static_cast<std::size_t>(n)) places.push_back({v});
    if (all > 0 && places.back().vertex != all - 1) places.push_back({all - 1});
    return places;
}

// Ramer 1972, Computer Graphics and Image Processing 1:244. Where every dropped vertex lies within the tolerance of the segment that replaces it, so
// does everything between them, because distance to a segment is convex; and every point of that segment is the nearest one to some point of the old
// polyline, because the nearest point moves from one end to the other without a jump.
std::vector<Place> compressed(std::span<const float> vertices, double tolerance_mm) {
    const std::size_t n = vertices.size() / 3;
    std::vector<Place> places;
    if (n == 0) return places;
    std::vector<char> keep(n, 0);
    keep.front() = keep.back() = 1;
    std::vector<std::pair<std::size_t, std::size_t>> spans{{0, n - 1}};
    while (!spans.empty()) {
        const auto [first, last] = spans.back();
        spans.pop_back();
        double worst = tolerance_mm * tolerance_mm;
        std::size_t at = 0;
        for (std::size_t v = first + 1; v < last; ++v)
            if (const double d = squared_distance(point(vertices, v), point(vertices, first), point(vertices, last)); d > worst) {
                worst = d;
                at = v;
            }
        if (at == 0) continue;
        keep[at] = 1;
        spans.emplace_back(first, at);
        spans.emplace_back(at, last);
    }
    for (std::size_t v = 0; v < n; ++v)
        if (keep[v]) places.push_back({v});
    return places;
}

void announce(const TractogramView& from, Tractogram& to) {
    const auto copy = [](std::span<const DataArray> arrays, std::vector<DataArray>& out) {
        out.resize(arrays.size());
        for (std::size_t i = 0; i < arrays.size(); ++i) static_cast<DataField&>(out[i]) = arrays[i];
    };
    copy(from.per_streamline, to.per_streamline);
    copy(from.per_vertex, to.per_vertex);
}

void append_at(const TractogramView& from, std::int64_t s, std::span<const Place> places, Tractogram& to) {
    const auto vertices = from.streamline(s);
    const auto first = static_cast<std::size_t>(from.offsets[static_cast<std::size_t>(s)]);
    const auto between = [](double a, double b, double fraction) { return fraction == 0 ? a : a + fraction * (b - a); };
    for (const auto& [v, fraction] : places) {
        const std::size_t next = fraction > 0 ? v + 1 : v;
        for (std::size_t i = 0; i < 3; ++i)
            to.positions.push_back(static_cast<float>(between(static_cast<double>(vertices[3 * v + i]), static_cast<double>(vertices[3 * next + i]), fraction)));
        for (std::size_t a = 0; a < to.per_vertex.size(); ++a) {
            const auto& array = from.per_vertex[a];
            const auto c = static_cast<std::size_t>(array.columns);
            for (std::size_t i = 0; i < c; ++i)
                to.per_vertex[a].values.push_back(between(array.values[(first + v) * c + i], array.values[(first + next) * c + i], fraction));
        }
    }
    to.offsets.push_back(to.positions.size() / 3);
    append_rows(from.per_streamline, static_cast<std::size_t>(s), static_cast<std::size_t>(s) + 1, to.per_streamline);
}

void append_part(const TractogramView& from, std::int64_t s, std::size_t first, std::size_t last, Tractogram& to) {
    const auto base = static_cast<std::size_t>(from.offsets[static_cast<std::size_t>(s)]);
    to.append(from.streamline(s).subspan(3 * first, 3 * (last - first)));
    append_rows(from.per_vertex, base + first, base + last, to.per_vertex);
    append_rows(from.per_streamline, static_cast<std::size_t>(s), static_cast<std::size_t>(s) + 1, to.per_streamline);
}

}  // namespace arcuate::tract
