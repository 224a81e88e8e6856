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

enum class EdgeStatistic : std::int32_t { sum, mean, sd, min, max };

/// One metric: which quantity of a streamline, and what its streamlines' quantities make of an edge. Weights w are the streamline's, times its share where it belongs
/// to the edge in part.
struct EdgeTerm {
    std::int32_t column;      ///< of the streamlines' values; -1: every streamline counts 1
    std::int32_t times;       ///< another column that multiplies it, or -1
    EdgeStatistic statistic;
    bool weighted;            ///< by the streamline's weight
    bool per_volume;          ///< the quantity times the number of the streamline's nodes, by the sum of their volumes
    double scale;             ///< of the sums; |w x| scale < 2^31, and so on
    double weight_scale, weight_square_scale, spread_scale;
    std::int64_t* cells;      ///< sum (n_edges, 2) w x; mean (n_edges, 4) and sum of w, of two words each; sd (n_edges, 10) and sums of w^2 and w x^2, of three each;
                              ///< extremes (n_edges), ordered bits
    std::int64_t* squares;    ///< for sampling errors, or null: of three words each, sum (n_edges, 3) (w x)^2; mean (n_edges, 9) w^2, w^2 x, w^2 x^2
    double square_scale, mixed_scale;

    ARCUATE_HD static std::int32_t cells_per_edge(EdgeStatistic s) { return s == EdgeStatistic::sum ? 2 : (s == EdgeStatistic::mean ? 4 : (s == EdgeStatistic::sd ? 10 : 1)); }
    ARCUATE_HD static std::int32_t squares_per_edge(EdgeStatistic s) { return s == EdgeStatistic::sum ? 3 : (s == EdgeStatistic::mean ? 9 : 0); }
};

/// What streamlines bring, and the edges' metrics that take it.
struct EdgeTerms {
    const double* values;  ///< (n, columns) of the streamlines, NaN where undefined
    std::int32_t columns;
    const float* weights;  ///< (n), or null: all 1
    const EdgeTerm* terms;
    std::int32_t count;

    /// Streamline i into an edge, to which it belongs with this share. `per_volume`: the number of its nodes by the sum of their volumes.
    ARCUATE_HD void add(std::int64_t edge, std::int64_t i, double per_volume, double share) const {
        for (std::int32_t t = 0; t < count; ++t) {
            const EdgeTerm& term = terms[t];
            double value = term.column < 0 ? 1.0 : values[i * columns + term.column];
            if (term.times >= 0) value *= values[i * columns + term.times];
            if (!(value == value)) continue;
            if (term.per_volume) value *= per_volume;
            const double weight = weights && term.weighted ? static_cast<double>(weights[i]) * share : share;
            std::int64_t* const cells = term.cells + edge * EdgeTerm::cells_per_edge(term.statistic);
            switch (term.statistic) {
                case EdgeStatistic::sd:
                    add_wide<3>(cells + 4, weight * weight, term.weight_square_scale);
                    add_wide<3>(cells + 7, weight * value * value, term.spread_scale);
                    [[fallthrough]];
                case EdgeStatistic::mean: add_wide(cells + 2, weight, term.weight_scale); [[fallthrough]];
                case EdgeStatistic::sum: add_wide(cells, weight * value, term.scale); break;
                case EdgeStatistic::min: min_relaxed(cells, ordered_bits(value)); break;
                case EdgeStatistic::max: max_relaxed(cells, ordered_bits(value)); break;
            }
            if (term.squares) add_squares(term, term.squares + edge * EdgeTerm::squares_per_edge(term.statistic), weight, value);
        }
    }

  private:
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

/// The number of nodes by the sum of their volumes.
ARCUATE_HD double nodes_per_volume(double nodes, double volume) { return volume > 0 ? nodes / volume : 0.0; }

/// One item: one streamline.
struct AddToEdges {
    const std::int32_t* nodes;     ///< 1 + the node's row, 0 for none: (n, 2) where `counts` is null; else streamline i has counts[i] from firsts[i] on
    const std::int32_t* counts;
    const std::uint64_t* firsts;
    std::uint64_t first;           ///< what firsts[] count from
    bool vector;                   ///< every region alone makes an edge, with 0; of two ends the last counts
    const double* volumes;         ///< (n_nodes + 1) voxels of each node; of the background for none
    EdgeTerms edges;

    ARCUATE_HD void operator()(std::int64_t i) const {
        const std::int32_t n = counts ? counts[i] : 2;
        const std::int32_t* const mine = counts ? nodes + (firsts[i] - first) : nodes + 2 * i;
        double volume = 0;
        for (std::int32_t a = 0; a < n; ++a) volume += volumes[mine[a]];
        const double per_volume = nodes_per_volume(static_cast<double>(n), volume);
        if (n == 0) {
            edges.add(0, i, per_volume, 1.0);
        } else if (vector && !counts) {
            edges.add(edge_of(0, mine[1]), i, per_volume, 1.0);
        } else if (vector || n == 1) {  // a streamline with one region connects nothing
            for (std::int32_t a = 0; a < n; ++a) edges.add(edge_of(0, mine[a]), i, per_volume, 1.0);
        } else if (!counts) {
            edges.add(edge_of(mine[0], mine[1]), i, per_volume, 1.0);
        } else {
            for (std::int32_t a = 0; a < n; ++a)
                for (std::int32_t b = a; b < n; ++b) edges.add(edge_of(mine[a], mine[b]), i, per_volume, 1.0);
        }
    }
};

/// The part of a place that belongs to a node.
struct NodeShare {
    std::int32_t node;  ///< 1 + its row; 0 for what belongs to none
    float share;
};

/// Lists of shares, each ascending by node and together 1.
struct ShareLists {
    const std::int64_t* offsets;  ///< (lists + 1)
    const NodeShare* shares;

    struct List {
        const NodeShare *first, *last;
        ARCUATE_HD const NodeShare* begin() const { return first; }
        ARCUATE_HD const NodeShare* end() const { return last; }
        /// 0 where the node is not in the list.
        ARCUATE_HD double of(std::int32_t node) const {
            for (const NodeShare& s : *this)
                if (s.node == node) return static_cast<double>(s.share);
            return 0;
        }
    };
    ARCUATE_HD List operator[](std::int32_t list) const { return {shares + offsets[list], shares + offsets[list + 1]}; }
};

/// One item: one streamline, whose ends belong to several nodes. It belongs to the edge of k and l with p_k q_l + p_l q_k, p and q the shares at its ends, and to
/// that of k with itself with p_k q_k.
struct AddSharesToEdges {
    const std::int32_t* ends;  ///< (n, 2) lists of shares
    ShareLists lists;
    bool vector;  ///< the last end's nodes alone make edges, with 0
    const double* volumes;
    EdgeTerms edges;

    ARCUATE_HD void operator()(std::int64_t i) const {
        const auto p = lists[ends[2 * i]], q = lists[ends[2 * i + 1]];
        if (vector) {
            for (const NodeShare& b : q) {
                double per_volume = 0;
                for (const NodeShare& a : p) per_volume += static_cast<double>(a.share) * nodes_per_volume(2.0, volumes[a.node] + volumes[b.node]);
                edges.add(edge_of(0, b.node), i, per_volume, static_cast<double>(b.share));
            }
            return;
        }
        for (const NodeShare& a : p)
            for (const NodeShare& b : q) {
                double share = static_cast<double>(a.share) * static_cast<double>(b.share);
                if (a.node != b.node) {
                    const double turned = p.of(b.node) * q.of(a.node);
                    if (turned > 0 && a.node > b.node) continue;  // both are added at once, where a is the lower
                    share += turned;
                }
                edges.add(edge_of(a.node, b.node), i, nodes_per_volume(2.0, volumes[a.node] + volumes[b.node]), share);
            }
    }
};

}  // namespace arcuate::kernels
