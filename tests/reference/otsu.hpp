// Otsu's threshold by trying every one and computing both variances from scratch.
#pragma once

#include <algorithm>
#include <vector>

namespace arcuate::reference {

/// Of 255 thresholds between least and greatest, the one with the smallest variance within classes (Otsu 1979: the largest between them). Finite values only.
/// Values count as the middle of their bin.
inline double otsu_threshold(const std::vector<double>& values) {
    const double least = *std::min_element(values.begin(), values.end()), width = (*std::max_element(values.begin(), values.end()) - least) / 256;
    std::vector<double> binned;
    for (const double value : values) binned.push_back(std::min(255.0, static_cast<double>(static_cast<int>((value - least) / width))) + 0.5);
    double best = -1, threshold = 0;
    for (int t = 1; t < 256; ++t) {
        double within = 0;
        for (const bool dark : {true, false}) {
            std::vector<double> side;
            for (const double b : binned)
                if ((b < t) == dark) side.push_back(b);
            double mean = 0;
            for (const double b : side) mean += b / static_cast<double>(side.size());
            for (const double b : side) within += (b - mean) * (b - mean);
        }
        if (best < 0 || within < best * (1 - 1e-12)) {
            best = within;
            threshold = least + width * t;
        }
    }
    return threshold;
}

}  // namespace arcuate::reference
