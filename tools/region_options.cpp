#include "region_options.hpp"

#include "arcuate/io/nifti.hpp"

#include <charconv>

namespace arcuate::tools {

std::optional<std::vector<double>> parse_numbers(const std::string& text, std::size_t count) {
    std::vector<double> numbers;
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at < end) {
        double value = 0;
        const auto [next, error] = std::from_chars(at + (*at == '+' ? 1 : 0), end, value);
        if (error != std::errc{} || (next != end && *next != ',')) return std::nullopt;
        numbers.push_back(value);
        at = next == end ? end : next + 1;
    }
    if (numbers.size() != count || text.ends_with(',')) return std::nullopt;
    return numbers;
}

tracking::Region read_region(const std::string& text) {
    if (const auto ball = parse_numbers(text, 4)) return {text, std::nullopt, {(*ball)[0], (*ball)[1], (*ball)[2]}, (*ball)[3]};
    return {text, io::read_mask(text), {}, 0};
}

}  // namespace arcuate::tools
