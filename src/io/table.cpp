#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/tables.hpp"

#include "cells.hpp"
#include "text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace arcuate::io {

std::string number(double value) {
    if (std::isnan(value)) return "n/a";
    char text[32];
    return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

char separator_of(const std::string& path) {
    if (has_extension(path, ".tsv")) return '\t';
    if (has_extension(path, ".csv")) return ',';
    throw InputError(fmt::format("{} is no table by its name (tables end in .tsv or .csv); rename it", path));
}

std::string joined(const std::vector<std::string>& cells, char separator, const std::string& path) {
    std::string line;
    for (std::size_t c = 0; c < cells.size(); ++c) {
        if (c > 0) line += separator;
        const auto& cell = cells[c];
        if (cell.find_first_of(separator == '\t' ? "\t\r\n" : "\r\n") != std::string::npos)
            throw OutputError(fmt::format("cannot write {} (the cell '{}' holds a tab or a line break); rename it", path, cell));
        if (separator == ',' && cell.find_first_of(",\"") != std::string::npos) {
            line += '"';  // RFC 4180: quotes inside quotes are doubled
            for (const char ch : cell) line += ch == '"' ? std::string("\"\"") : std::string(1, ch);
            line += '"';
        } else {
            line += cell;
        }
    }
    return line + '\n';
}

std::vector<std::string> cells_of(std::string_view line, char separator) {
    std::vector<std::string> cells;
    if (separator != ',' || line.find('"') == std::string_view::npos) {
        for (const auto cell : split_at(line, separator)) cells.emplace_back(trimmed(cell));
        return cells;
    }
    std::string cell;
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') cell += line[i++];
        else if (line[i] == '"') quoted = !quoted;
        else if (line[i] == ',' && !quoted) cells.push_back(std::move(cell)), cell.clear();
        else cell += line[i];
    }
    cells.push_back(std::move(cell));
    return cells;
}

Table read_table(const std::string& path) {
    const char separator = separator_of(path);
    Table table;
    const std::string text = read_text(path);
    for (const auto line : split_lines(text)) {
        if (trimmed(line).empty()) continue;
        table.push_back(cells_of(line, separator));
        if (table.back().size() != table.front().size())
            throw InputError(fmt::format("{} is ragged (row {} has {} cells, the header has {}); repair that row", path, table.size(),
                                         table.back().size(), table.front().size()));
    }
    if (table.empty()) throw InputError(fmt::format("{} is empty (not even a header row); give a table", path));
    return table;
}

void write_table(const std::string& path, const Table& table, bool overwrite) {
    const char separator = separator_of(path);
    std::string text;
    for (const auto& row : table) text += joined(row, separator, path);
    write_text(path, text, overwrite);
}

std::vector<std::vector<double>> read_numbers(const std::string& path) {
    std::vector<std::vector<double>> rows;
    const std::string text = read_text(path);
    for (auto line : split_lines(text)) {
        line = line.substr(0, line.find('#'));
        std::string spaced(line);
        std::replace(spaced.begin(), spaced.end(), ',', ' ');
        std::vector<double> row;
        for (const auto word : split_words(spaced)) {
            const auto value = parse_double(word);
            if (!value) throw InputError(fmt::format("{} is no table of numbers (it holds '{}'); check that it is the right file", path, word));
            row.push_back(*value);
        }
        if (!row.empty()) rows.push_back(std::move(row));
    }
    if (rows.empty()) throw InputError(fmt::format("{} is empty (it holds no number); check that it is the right file", path));
    return rows;
}

std::vector<Vec3d> read_points(const std::string& path) {
    const std::string text = read_text(path);
    std::vector<Vec3d> points;
    std::size_t number = 0;
    for (const auto line : split_lines(text)) {
        ++number;
        std::string spaced(line);
        std::replace(spaced.begin(), spaced.end(), ',', ' ');
        const auto words = split_words(spaced);
        if (words.empty() || words[0].starts_with('#')) continue;
        Vec3d point{};
        bool fine = words.size() == 3;
        for (std::size_t k = 0; fine && k < 3; ++k) {
            const auto value = parse_double(words[k]);
            fine = value && std::isfinite(*value);
            if (fine) point[k] = *value;
        }
        if (!fine) throw InputError(fmt::format("line {} of {} is no point ('{}'); give x y z in mm", number, path, line));
        points.push_back(point);
    }
    return points;
}

}  // namespace arcuate::io
