// Reading and writing small text files: lines, cells and numbers, the same in every locale.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace arcuate::io {

/// The whole file. Throws InputError where it cannot be read. A UTF-8 byte order mark is dropped.
std::string read_text(const std::string& path);

/// Lines without their ends (LF or CRLF).
std::vector<std::string_view> split_lines(std::string_view text);

/// Cells between separators; empty ones are kept.
std::vector<std::string_view> split_at(std::string_view line, char separator);

/// Words between any run of blanks and tabs.
std::vector<std::string_view> split_words(std::string_view line);

std::string_view trimmed(std::string_view text);

/// The whole of `word` as a number; "nan" and "inf" in any case count as numbers, "n/a" does not.
std::optional<double> parse_double(std::string_view word);

/// True where `path` ends in `extension`, e.g. ".csv"; case counts.
bool has_extension(const std::string& path, std::string_view extension);

}  // namespace arcuate::io
