// Regions as a command line names them.
#pragma once

#include "arcuate/core/region.hpp"

#include <string>

namespace arcuate::io {

/// "x,y,z,r" is a sphere (scanner RAS+, mm); anything else is the path of a mask.
Region read_region(const std::string& text);

}  // namespace arcuate::io
