// From streamlines to edges: sums and extremes that do not depend on the order in which streamlines arrive.
#pragma once

#include "kernels/fixed_point.hpp"

#include <cstdint>

namespace arcuate::kernels {

/// Place of an unordered pair of nodes (0: none) in a packed triangle with its diagonal.
ARCUATE_HD std::int64_t edge_of(std::int32_t a, std::int32_t b) {
    const std::int64_t low = a < b ? a : b, high = a < b ? b : a;
    return high * (high + 1) / 2 + low;
}

enum class EdgeStatistic : std::int32_t { sum, mean, min, max };

/// One metric: which quantity of a streamline, and what its streamlines' quantities make of an edge.
struct EdgeTerm {
    std::int32_t column;      ///< of the streamlines' values; -1: every streamline counts 1
    EdgeStatistic statistic;
    bool weighted;            ///< the quantity enters sums and means times the streamline's weight
    bool per_volume;          ///< the quantity times the number of the streamline's nodes, by the sum of their volumes
    double scale;             ///< of the sums; |weight x quantity| x scale < 2^31
    double weight_scale;
    std::int64_t* cells;      ///< sum (n_edges, 2), mean (n_edges, 4) with the sum of weights, both wide; extremes (n_edges), ordered bits
    std::int64_t* squares;    ///< for sampling errors, or null: of three words each, sum (n_edges, 3) (w x)^2; mean (n_edges, 9) w^2, w^2 x, w^2 x^2
    double square_scale;      ///< (w x)^2 square_scale < 2^31, and so on
    double weight_square_scale, mixed_scale;

    ARCUATE_HD static std::int32_t cells_per_edge(EdgeStatistic s) { return s == EdgeStatistic::sum ? 2 : (s == EdgeStatistic::mean ? 4 : 1); }
    ARCUATE_HD static std::int32_t squares_per_edge(EdgeStatistic s) { return s == EdgeStatistic::sum ? 3 : (s == EdgeStatistic::mean ? 9 : 0); }
};

/// One item: one streamline.
struct AddToEdges {
    const std::int32_t* nodes;     ///< 1 + the node's row, 0 for none: (n, 2) where `counts` is null; else streamline i has counts[i] from firsts[i] on
    const std::int32_t* counts;
    const std::uint64_t* firsts;
    std::uint64_t first;           ///< what firsts[] count from
    const double* values;          ///< (n, columns), NaN where undefined
    std::int32_t columns;
    const float* weights;          ///< (n) of the streamlines, or null: all 1
    const double* volumes;         ///< (n_nodes + 1) voxels of each node; of the background for none
    const EdgeTerm* terms;
    std::int32_t n_terms;

    ARCUATE_HD void operator()(std::int64_t i) const {
        const std::int32_t n = counts ? counts[i] : 2;
        const std::int32_t* const mine = counts ? nodes + (firsts[i] - first) : nodes + 2 * i;
        double volume = 0;
        for (std::int32_t a = 0; a < n; ++a) volume += volumes[mine[a]];
        const double per_volume = volume > 0 ? static_cast<double>(n) / volume : 0.0;
        if (!counts) {
            add(edge_of(mine[0], mine[1]), i, per_volume);
        } else if (n < 2) {  // all voxels: a streamline with one region or none connects nothing
            add(edge_of(0, n == 1 ? mine[0] : 0), i, per_volume);
        } else {
            for (std::int32_t a = 0; a < n; ++a)
                for (std::int32_t b = a; b < n; ++b) add(edge_of(mine[a], mine[b]), i, per_volume);
        }
    }

  private:
    ARCUATE_HD void add(std::int64_t edge, std::int64_t i, double per_volume) const {
        for (std::int32_t t = 0; t < n_terms; ++t) {
            const EdgeTerm& term = terms[t];
            double value = term.column < 0 ? 1.0 : values[i * columns + term.column];
            if (!(value == value)) continue;
            if (term.per_volume) value *= per_volume;
            const double weight = weights && term.weighted ? static_cast<double>(weights[i]) : 1.0;
            std::int64_t* const cells = term.cells + edge * EdgeTerm::cells_per_edge(term.statistic);
            switch (term.statistic) {
                case EdgeStatistic::mean: add_wide(cells + 2, weight, term.weight_scale); [[fallthrough]];
                case EdgeStatistic::sum: add_wide(cells, weight * value, term.scale); break;
                case EdgeStatistic::min: min_relaxed(cells, ordered_bits(value)); break;
                case EdgeStatistic::max: max_relaxed(cells, ordered_bits(value)); break;
            }
            if (term.squares) add_squares(term, term.squares + edge * EdgeTerm::squares_per_edge(term.statistic), weight, value);
        }
    }
    ARCUATE_HD static void add_squares(const EdgeTerm& term, std::int64_t* squares, double weight, double value) {
        if (term.statistic == EdgeStatistic::mean) {
            add_wide<3>(squares, weight * weight, term.weight_square_scale);
            add_wide<3>(squares + 3, weight * weight * value, term.mixed_scale);
            squares += 6;
        }
        const double product = weight * value;
        add_wide<3>(squares, product * product, term.square_scale);
    }
};

}  // namespace arcuate::kernels
