// Cells of .tsv and .csv lines.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace arcuate::io {

/// Tab for .tsv, comma for .csv; InputError for other names.
char separator_of(const std::string& path);

/// One line with its end; .csv cells are quoted where they must be (RFC 4180).
std::string joined(const std::vector<std::string>& cells, char separator, const std::string& path);
std::vector<std::string> cells_of(std::string_view line, char separator);

}  // namespace arcuate::io
