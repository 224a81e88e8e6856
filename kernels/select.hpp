// Order statistics of a row, found in place.
#pragma once

#include "kernels/macros.hpp"

namespace arcuate::kernels {

/// Reorders the row so that a[k] is the value it would have if sorted, none before it larger and none behind it smaller (Hoare 1961, algorithm 65).
ARCUATE_HD float select(float* a, int n, int k) {
    int left = 0, right = n - 1;
    while (left < right) {
        const float pivot = a[k];
        int i = left, j = right;
        do {
            while (a[i] < pivot) ++i;
            while (pivot < a[j]) --j;
            if (i <= j) {
                const float swapped = a[i];
                a[i++] = a[j];
                a[j--] = swapped;
            }
        } while (i <= j);
        if (j < k) left = i;
        if (k < i) right = j;
    }
    return a[k];
}

/// The values of a sorted row on either side of position numerator / denominator of its length, and how far between them the position lies.
struct Quantile {
    float below, above, part;
    ARCUATE_HD float value() const { return below + part * (above - below); }
};

/// Between order statistics k and k+1, k = (n - 1) numerator / denominator (Hyndman & Fan 1996, definition 7). Reorders the row.
ARCUATE_HD Quantile quantile(float* a, int n, int numerator, int denominator) {
    const int place = (n - 1) * numerator, k = place / denominator;
    const float below = select(a, n, k);
    float above = below;
    if (k + 1 < n) {
        above = a[k + 1];
        for (int i = k + 2; i < n; ++i)
            if (a[i] < above) above = a[i];
    }
    return {below, above, static_cast<float>(place - k * denominator) / static_cast<float>(denominator)};
}

}  // namespace arcuate::kernels
