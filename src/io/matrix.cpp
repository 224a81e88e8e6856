#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/tables.hpp"

#include "cells.hpp"
#include "text.hpp"

#include <fmt/format.h>

#include <cmath>

namespace arcuate::io {

namespace {

constexpr const char* corner = "node";  ///< heading of the column of names

double cell_value(const std::string& cell, const std::string& path, std::size_t row) {
    if (cell == "n/a") return std::nan("");
    const auto value = parse_double(cell);
    if (!value) throw InputError(fmt::format("{} is no matrix of numbers (row {} holds '{}'); give a connectome", path, row + 1, cell));
    return *value;
}

}  // namespace

void write_matrix(const std::string& path, const std::vector<std::string>& labels, const std::vector<double>& matrix, bool overwrite) {
    const std::size_t n = labels.size();
    if (matrix.size() != n * n)
        throw OutputError(fmt::format("cannot write {} ({} labels for a matrix of {} values); give one label per row", path, n, matrix.size()));
    const char separator = separator_of(path);
    std::vector<std::string> cells{corner};
    cells.insert(cells.end(), labels.begin(), labels.end());
    std::string text = joined(cells, separator, path);
    for (std::size_t r = 0; r < n; ++r) {
        cells[0] = labels[r];
        for (std::size_t c = 0; c < n; ++c) cells[c + 1] = number(matrix[r * n + c]);
        text += joined(cells, separator, path);
    }
    write_text(path, text, overwrite);
}

void write_mrtrix_matrix(const std::string& path, const std::vector<Node>& nodes, const std::vector<double>& matrix, bool symmetric, bool overwrite) {
    const std::size_t n = nodes.size();
    const char separator = has_extension(path, ".csv") ? ',' : ' ';
    std::string text;
    std::size_t at = 0;  // first node that is not before this row
    for (std::int32_t row = nodes.front().label == 0 ? 0 : 1; row <= nodes.back().label; ++row) {
        const bool there = nodes[at].label == row;
        std::size_t node = 0;
        for (std::int32_t column = nodes.front().label == 0 ? 0 : 1; column <= nodes.back().label; ++column) {
            const bool both = there && nodes[node].label == column && (symmetric || column >= row);
            const double value = both ? matrix[at * n + node] : 0;
            if (column > 0 && !(column == 1 && nodes.front().label != 0)) text += separator;
            text += std::isnan(value) ? "0" : number(value);
            if (nodes[node].label == column) ++node;
        }
        text += '\n';
        if (there) ++at;
    }
    write_text(path, text, overwrite);
}

void write_mrtrix_vector(const std::string& path, const std::vector<Node>& nodes, const std::vector<double>& values, bool overwrite) {
    const char separator = has_extension(path, ".csv") ? ',' : ' ';
    std::string text;
    std::size_t node = 0;
    for (std::int32_t label = nodes.front().label == 0 ? 0 : 1; label <= nodes.back().label; ++label) {
        const bool there = nodes[node].label == label;
        if (!text.empty()) text += separator;
        text += there && !std::isnan(values[node]) ? number(values[node]) : "0";
        node += there;
    }
    write_text(path, text + '\n', overwrite);
}

void write_vector(const std::string& path, const Connectome& connectome, bool overwrite) {
    Table table{{"index", "name"}};
    for (const auto& metric : connectome.metrics) table.front().push_back(metric.name);
    for (std::size_t k = 0; k < connectome.nodes.size(); ++k) {
        auto& row = table.emplace_back(std::vector{std::to_string(connectome.nodes[k].label), connectome.nodes[k].name});
        for (const auto& metric : connectome.metrics) row.push_back(number(metric.matrix.at(k)));
    }
    write_table(path, table, overwrite);
}

LabelledMatrix read_matrix(const std::string& path) {
    const std::string text = read_text(path);
    std::vector<std::vector<std::string>> rows;
    for (const auto line : split_lines(text)) {
        if (trimmed(line).empty() || line.starts_with('#')) continue;
        if (line.find('\t') != std::string_view::npos) rows.push_back(cells_of(line, '\t'));
        else if (line.find(',') != std::string_view::npos) rows.push_back(cells_of(line, ','));
        else {
            auto& row = rows.emplace_back();
            for (const auto word : split_words(line)) row.emplace_back(word);
        }
        if (rows.back().size() > 1 && rows.back().back().empty()) rows.back().pop_back();  // a separator that ends the line
    }
    if (rows.empty()) throw InputError(fmt::format("{} is empty (it holds no number); give a matrix", path));

    LabelledMatrix out;
    const auto& first = rows.front().front();
    const std::size_t skip = first != "n/a" && !parse_double(first) ? 1 : 0;  // a name in the corner: rows and columns are labelled
    if (skip) out.labels.assign(rows.front().begin() + 1, rows.front().end());
    const std::size_t n = rows.size() - skip;
    for (std::size_t r = 0; r < n; ++r) {
        const auto& row = rows[r + skip];
        if (row.size() != n + skip)
            throw InputError(fmt::format("{} is not square (row {} has {} values, and there are {} rows); give a matrix of regions by "
                                         "regions", path,
                                         r + 1, row.size() - std::min(row.size(), skip), n));
        if (skip && (out.labels.size() != n || row[0] != out.labels[r]))
            throw InputError(fmt::format("{} has other names for rows than for columns (row {} is '{}'); give a matrix of regions by "
                                         "regions", path, r + 1, row[0]));
        for (std::size_t c = 0; c < n; ++c) out.values.push_back(cell_value(row[c + skip], path, r));
    }
    out.size = static_cast<std::int64_t>(n);
    return out;
}

}  // namespace arcuate::io
