#include "arcuate/tract/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace arcuate::tract {

namespace {
constexpr double bin_mm = 0.01;
constexpr std::size_t bins = 200000;
}  // namespace

void Statistics::append(const TractogramView& view) {
    histogram_.resize(bins + 1, 0);
    for (std::int64_t s = 0; s < view.size(); ++s) {
        const auto p = view.streamline(s);
        const std::size_t n = p.size() / 3;
        double length = 0;
        for (std::size_t v = 0; v < n; ++v) {
            for (std::size_t i = 0; i < 3; ++i) {
                const auto x = static_cast<double>(p[3 * v + i]);
                low[i] = vertices == 0 ? x : std::min(low[i], x);
                high[i] = vertices == 0 ? x : std::max(high[i], x);
            }
            ++vertices;
            if (v == 0) continue;
            double squared = 0;
            for (std::size_t i = 0; i < 3; ++i) {
                const double d = static_cast<double>(p[3 * v + i]) - static_cast<double>(p[3 * (v - 1) + i]);
                squared += d * d;
            }
            const double step = std::sqrt(squared);
            min_step_mm = segments == 0 ? step : std::min(min_step_mm, step);
            max_step_mm = std::max(max_step_mm, step);
            ++segments;
            length += step;
        }
        empty += n < 2;
        min_mm = streamlines == 0 ? length : std::min(min_mm, length);
        max_mm = std::max(max_mm, length);
        sum_mm += length;
        ++streamlines;
        ++histogram_[length < bin_mm * static_cast<double>(bins) ? static_cast<std::size_t>(length / bin_mm) : bins];
    }
}

double Statistics::median_mm() const {
    std::int64_t below = 0;
    for (std::size_t b = 0; b < histogram_.size(); ++b) {
        below += histogram_[b];
        if (2 * below >= streamlines && below > 0) return std::clamp((static_cast<double>(b) + 0.5) * bin_mm, min_mm, max_mm);
    }
    return 0;
}

}  // namespace arcuate::tract
