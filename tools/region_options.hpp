// Options that name a place: an image, or a ball as x,y,z,radius in mm.
#pragma once

#include "arcuate/tracking/track.hpp"

#include <string>
#include <vector>

namespace arcuate::tools {

/// `count` numbers separated by commas, or nothing where the text is something else.
std::optional<std::vector<double>> parse_numbers(const std::string& text, std::size_t count);

/// Reads the mask, or makes the ball. Throws InputError where the file is missing.
tracking::Region read_region(const std::string& text);

}  // namespace arcuate::tools
