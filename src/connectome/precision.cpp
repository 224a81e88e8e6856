#include "arcuate/connectome/precision.hpp"

#include "arcuate/connectome/build.hpp"
#include "arcuate/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace arcuate::connectome {

Precision precision_of(const Connectome& connectome, const std::string& metric, double cv, std::span<const EdgeRows> chosen) {
    if (connectome.vector) throw InputError("a vector has no edges to be sure of (it has a value per region); make a matrix");
    const auto& count = connectome.metric("count").matrix;
    const auto& value = connectome.metric(metric).matrix;
    const auto& error = connectome.metric(metric + sampling_error_suffix).matrix;
    const std::size_t n = connectome.nodes.size();
    Precision out;
    const auto look = [&](std::size_t edge) {
        ++out.edges;
        out.sure += error[edge] < cv * std::fabs(value[edge]);  // false where either is undefined
    };
    for (const auto& [a, b] : chosen) look(a * n + b);
    if (chosen.empty())
        for (std::size_t a = 0; a < n; ++a)
            for (std::size_t b = a; b < n; ++b)
                if (count[a * n + b] > 0) look(a * n + b);
    return out;
}

std::vector<EdgeRows> edges_named(const std::vector<std::string>& edges, const std::vector<Node>& nodes) {
    const auto row_of = [&](const std::string& edge, const char* from, const char* to) {
        std::int32_t label = 0;
        if (const auto [at, error] = std::from_chars(from, to, label); from == to || error != std::errc{} || at != to)
            throw InputError(fmt::format("'{}' is no edge (two labels with a - between them); write for instance 8-49", edge));
        const auto node = std::find_if(nodes.begin(), nodes.end(), [&](const Node& of) { return of.label == label; });
        if (node == nodes.end()) throw InputError(fmt::format("the edge {} has the label {}, which the parcellation lacks; choose labels that it has", edge, label));
        return static_cast<std::size_t>(node - nodes.begin());
    };
    std::vector<EdgeRows> rows;
    for (const auto& edge : edges) {
        const char *const begin = edge.data(), *const end = begin + edge.size(), *const dash = std::find(begin, end, '-');
        rows.push_back({row_of(edge, begin, dash), row_of(edge, dash == end ? end : dash + 1, end)});
    }
    return rows;
}

}  // namespace arcuate::connectome
