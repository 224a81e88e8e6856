// Tables that name the regions of a parcellation.
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

using Names = std::map<std::int32_t, std::string>;

/// Adds a row to what a table says; `where` is "row 3" or the like.
void add(Names& names, const std::string& path, const std::string& where, const std::string& label, const std::string& name) {
    const auto index = parse_double(label);
    if (!index || *index != std::floor(*index) || *index < 0 || *index > std::numeric_limits<std::int32_t>::max())
        throw InputError(fmt::format("{} has the index '{}' in {} (labels are whole numbers from 0 on); repair it", path, label, where));
    if (*index == 0) return;  // background
    if (!names.emplace(static_cast<std::int32_t>(*index), name).second)
        throw InputError(fmt::format("{} names label {} twice ({} again); remove one of the two", path, label, where));
}

std::size_t column(const Table& table, const std::string& name, const std::string& path) {
    const auto& header = table.front();
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end())
        throw InputError(fmt::format("{} has no column '{}' (a BIDS label table has index and name); give the parcellation's dseg.tsv",
                                     path, name));
    return static_cast<std::size_t>(found - header.begin());
}

Names read_bids_table(const std::string& path) {
    const Table table = read_table(path);
    const std::size_t index = column(table, "index", path), name = column(table, "name", path);
    Names names;
    for (std::size_t r = 1; r < table.size(); ++r) add(names, path, fmt::format("row {}", r + 1), table[r][index], table[r][name]);
    return names;
}

/// Words between blanks; what stands in double quotes is one word.
std::vector<std::string> quoted_words(std::string_view line) {
    std::vector<std::string> words;
    const auto parts = split_at(line, '"');
    for (std::size_t p = 0; p < parts.size(); ++p) {
        if (p % 2) words.emplace_back(parts[p]);
        else for (const auto word : split_words(parts[p])) words.emplace_back(word);
    }
    return words;
}

/// FreeSurfer's table: index, name, red, green, blue, alpha. MRtrix's has a short name before the name. Both may do without the colours.
Names read_lookup_table(const std::string& path) {
    const std::string text = read_text(path);
    Names names;
    std::size_t number = 0, columns = 0;
    for (const auto line : split_lines(text)) {
        ++number;
        const auto words = quoted_words(line);
        if (words.empty() || words[0].starts_with('#')) continue;
        if (columns == 0) columns = words.size();
        if (words.size() != columns || (columns != 2 && columns != 3 && columns != 6 && columns != 7))
            throw InputError(fmt::format("line {} of {} is none of a look-up table ('{}'; FreeSurfer's have an index, a name and four numbers of colour, MRtrix's a short name before the name); "
                                         "give a dseg.tsv or such a table", number, path, line));
        add(names, path, fmt::format("line {}", number), words[0], words[columns == 2 || columns == 6 ? 1 : 2]);
    }
    return names;
}

}  // namespace

void read_node_names(const std::vector<std::string>& paths, Parcellation& parcellation) {
    Names all, own;  // own: of tables that belong to this image
    std::map<std::int32_t, std::string> from;
    for (const auto& path : paths) {
        const bool bids = has_extension(path, ".tsv");
        for (const auto& [label, name] : bids ? read_bids_table(path) : read_lookup_table(path)) {
            const auto [known, is_new] = all.emplace(label, name);
            if (!is_new && known->second != name)
                throw InputError(fmt::format("two tables disagree on label {} ({} calls it '{}', {} '{}'); give the one that belongs to the image", label, from[label], known->second, path, name));
            from.emplace(label, path);
            if (bids) own.emplace(label, name);
        }
    }
    std::map<std::int32_t, Node> nodes;
    for (const auto& [label, name] : own) nodes[label] = {.label = label, .name = name, .centre = {std::nan(""), std::nan(""), std::nan("")}};
    for (auto& node : parcellation.nodes) {
        const auto entry = all.find(node.label);
        if (entry == all.end())
            throw InputError(fmt::format("{} does not name label {} ({} voxels of the parcellation have it); add it to the table or "
                                         "give the table that belongs to the image",
                                         fmt::join(paths, ", "), node.label, node.voxels));
        node.name = entry->second;
        nodes[node.label] = node;
    }
    parcellation.nodes.clear();
    for (auto& [label, node] : nodes) parcellation.nodes.push_back(std::move(node));
}

}  // namespace arcuate::io
