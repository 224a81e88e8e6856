#include "arcuate/core/error.hpp"
#include "arcuate/io/tables.hpp"

#include "text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace arcuate::io {

namespace {

std::size_t column(const Table& table, const std::string& name, const std::string& path) {
    const auto& header = table.front();
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end())
        throw InputError(fmt::format("{} has no column '{}' (a BIDS label table has index and name); give the parcellation's dseg.tsv",
                                     path, name));
    return static_cast<std::size_t>(found - header.begin());
}

}  // namespace

void read_node_names(const std::string& path, Parcellation& parcellation) {
    const Table table = read_table(path);
    const std::size_t index = column(table, "index", path), name = column(table, "name", path);
    std::map<std::int32_t, Node> named;
    for (std::size_t r = 1; r < table.size(); ++r) {
        const auto label = parse_double(table[r][index]);
        if (!label || *label != std::floor(*label) || *label < 0 || *label > std::numeric_limits<std::int32_t>::max())
            throw InputError(fmt::format("{} has the index '{}' in row {} (labels are whole numbers from 0 on); repair that row", path,
                                         table[r][index], r + 1));
        if (*label == 0) continue;  // background
        Node node;
        node.label = static_cast<std::int32_t>(*label);
        node.name = table[r][name];
        node.centre = {std::nan(""), std::nan(""), std::nan("")};
        if (!named.emplace(node.label, node).second)
            throw InputError(fmt::format("{} names label {} twice (row {} again); remove one of the rows", path, node.label, r + 1));
    }
    for (const auto& node : parcellation.nodes) {
        const auto entry = named.find(node.label);
        if (entry == named.end())
            throw InputError(fmt::format("{} does not name label {} ({} voxels of the parcellation have it); add it to the table or "
                                         "give the table that belongs to the image",
                                         path, node.label, node.voxels));
        entry->second.centre = node.centre;
        entry->second.voxels = node.voxels;
    }
    parcellation.nodes.clear();
    for (auto& [label, node] : named) parcellation.nodes.push_back(std::move(node));
}

}  // namespace arcuate::io
