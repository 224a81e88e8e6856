#include "dwi/otsu.hpp"

#include <algorithm>

namespace arcuate::dwi {

double otsu_threshold(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const auto n = values.size();
    double total = 0;
    for (const double v : values) total += v;
    const double mean = total / static_cast<double>(n);
    double below = 0, best = 0, threshold = values.back();
    for (std::size_t k = 1; k < n; ++k) {
        below += values[k - 1] - mean;
        if (!(values[k - 1] < values[k])) continue;
        // With the mean at 0, the classes' sums are below and -below: w0 w1 (m0 - m1)^2 = below^2 / (k (n - k)).
        const double between = below * below / (static_cast<double>(k) * static_cast<double>(n - k));
        if (between > best) {
            best = between;
            threshold = values[k - 1];
        }
    }
    return threshold;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const auto n = values.size();
    return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

}  // namespace arcuate::dwi
