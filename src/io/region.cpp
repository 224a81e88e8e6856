#include "arcuate/io/region.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/io/nifti.hpp"

#include "text.hpp"

#include <fmt/format.h>

namespace arcuate::io {

Region read_region(const std::string& text) {
    const auto cells = split_at(text, ',');
    double values[4] = {};
    bool is_sphere = cells.size() == 4;
    for (std::size_t i = 0; is_sphere && i < 4; ++i) {
        const auto value = parse_double(trimmed(cells[i]));
        is_sphere = value.has_value() && std::isfinite(*value);
        if (is_sphere) values[i] = *value;
    }
    if (!is_sphere) return Region(read_mask(text), text);
    if (!(values[3] > 0)) throw InputError(fmt::format("the sphere {} has a radius of {} mm (it holds nothing); give x,y,z,r with r above 0", text, values[3]));
    return Region(Sphere{{values[0], values[1], values[2]}, values[3]}, text);
}

}  // namespace arcuate::io
