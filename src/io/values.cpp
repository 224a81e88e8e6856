#include "arcuate/io/values.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

namespace arcuate::io {

void write_values(const std::string& path, const std::vector<float>& values, bool overwrite) {
    OutputFile output(path, overwrite);
    std::ofstream file(output.partial(), std::ios::binary);
    std::string text;
    constexpr std::size_t block = 1 << 16;
    for (std::size_t i = 0; i < values.size(); ++i) {
        fmt::format_to(std::back_inserter(text), "{}\n", values[i]);
        if (text.size() < block && i + 1 < values.size()) continue;
        file << text;
        text.clear();
    }
    if (!file.flush()) throw OutputError(fmt::format("cannot write {} (is the disk full?); free some space", path));
    output.commit();
}

}  // namespace arcuate::io
