#include "arcuate/core/gradient_table.hpp"

#include <algorithm>
#include <numeric>

namespace arcuate {

std::vector<Shell> find_shells(const GradientTable& table) {
    std::vector<std::int64_t> order(table.b_values.size());
    std::iota(order.begin(), order.end(), 0);
    const auto b = [&](std::int64_t v) { return table.b_values[static_cast<std::size_t>(v)]; };
    std::stable_sort(order.begin(), order.end(), [&](auto i, auto j) { return b(i) < b(j); });

    // Single-linkage clusters along the b axis; b=0 is kept apart whatever its distance.
    std::vector<Shell> shells;
    for (std::size_t i = 0; i < order.size(); ++i) {
        const bool zero = b(order[i]) <= b_zero_threshold;
        const bool joins = i > 0 && (zero ? b(order[i - 1]) <= b_zero_threshold
                                          : b(order[i - 1]) > b_zero_threshold && b(order[i]) - b(order[i - 1]) < shell_width);
        if (!joins) shells.emplace_back();
        shells.back().volumes.push_back(order[i]);
    }
    for (auto& shell : shells) {
        std::sort(shell.volumes.begin(), shell.volumes.end());
        double sum = 0;
        for (auto v : shell.volumes) sum += b(v);
        shell.b_value = sum / static_cast<double>(shell.volumes.size());
    }
    return shells;
}

}  // namespace arcuate
