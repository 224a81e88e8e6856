// What accumulates for one parcellation, and what comes of it.
#pragma once

#include "backend/buffer.hpp"
#include "connectome/assigner.hpp"
#include "kernels/add_to_edges.hpp"

#include <optional>
#include <span>
#include <vector>

namespace arcuate::connectome {

/// Sums and extremes of every pair of regions, of no region and one, and of none at all.
struct Edges {
    /// `terms`: without places in memory, the count first.
    Edges(const Parcellation& parcellation, const std::vector<kernels::EdgeTerm>& terms, const ConnectomeOptions& options, const Device& device);

    kernels::ShareLists lists() const { return {list_offsets.data(), shares.data()}; }
    /// The regions of a streamline, for assignments().
    void keep(std::span<const std::int32_t> found, bool last_alone);

    std::vector<Node> nodes;
    bool soft;
    std::vector<kernels::EdgeTerm> plan;     ///< the terms, still without places
    std::optional<Assigner> assigner;        ///< of a soft parcellation to lists of shares
    Buffer<std::int64_t> list_offsets;
    Buffer<kernels::NodeShare> shares;
    std::vector<std::int32_t> largest;       ///< node of each list
    std::int64_t n_edges;
    Buffer<double> volumes;
    std::vector<std::size_t> firsts, first_squares;  ///< of each term
    Buffer<std::int64_t> cells, squares;
    Buffer<kernels::EdgeTerm> terms;
    Assignments assignments;

  private:
    void add_volumes(const Grid& grid, const Device& device);
};

/// An edge's value of one metric, and its sampling error; NaN where undefined.
struct Accumulated {
    kernels::EdgeStatistic statistic;
    const kernels::EdgeTerm& term;
    const std::int64_t *cells, *squares;
    double streamlines;

    double value(std::int64_t edge) const;
    double sampling_error(std::int64_t edge) const;
    bool has_error() const { return statistic == kernels::EdgeStatistic::sum || statistic == kernels::EdgeStatistic::mean; }

  private:
    double weights(std::int64_t edge) const { return kernels::value_of_wide(cells + 4 * edge + 2, term.weight_scale); }
};

}  // namespace arcuate::connectome
