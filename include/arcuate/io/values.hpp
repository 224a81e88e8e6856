// One number per line, in the order of the streamlines: weights, coefficients.
#pragma once

#include <string>
#include <vector>

namespace arcuate::io {

/// Each value in the fewest digits that read back as the same. The file is whole or absent; throws OutputError.
void write_values(const std::string& path, const std::vector<float>& values, bool overwrite);

}  // namespace arcuate::io
