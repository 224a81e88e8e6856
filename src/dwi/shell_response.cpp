#include "dwi/shell_response.hpp"

#include "arcuate/conventions.hpp"
#include "arcuate/core/error.hpp"
#include "dwi/zonal_fit.hpp"
#include "kernels/math.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace arcuate::dwi {

Response fit_isotropic(const Series& dwi, std::span<const std::int64_t> volumes, std::span<const std::int64_t> voxels) {
    constexpr double pi = 3.14159265358979323846;
    double sum = 0;
    for (const auto v : voxels)
        for (const auto k : volumes) sum += static_cast<double>(dwi.at(v, k));
    return {sum / static_cast<double>(voxels.size() * volumes.size()) * kernels::sqrt(4 * pi)};
}

Response fit_fibres(const Series& dwi, const GradientTable& gradients, std::span<const std::int64_t> volumes, std::span<const FibreVoxel> voxels,
                    int lmax) {
    if (lmax == 0) {
        std::vector<std::int64_t> indices;
        for (const auto& f : voxels) indices.push_back(f.voxel);
        return fit_isotropic(dwi, volumes, indices);
    }
    ZonalFit fit(lmax);
    for (const auto& f : voxels)
        for (const auto volume : volumes) {
            const auto& g = gradients.directions[static_cast<std::size_t>(volume)];
            double cosine = 0;
            for (std::size_t k = 0; k < 3; ++k) cosine += g[k] * static_cast<double>(f.direction[k]);
            fit.add(std::clamp(cosine, -1.0, 1.0), static_cast<double>(dwi.at(f.voxel, volume)));
        }
    return fit.solve();
}

Mask eroded(Mask mask, int passes) {
    const auto& size = mask.grid.size;
    for (int pass = 0; pass < passes; ++pass) {
        const Mask before = mask;
        for (std::int64_t z = 0; z < size[2]; ++z)
            for (std::int64_t y = 0; y < size[1]; ++y)
                for (std::int64_t x = 0; x < size[0]; ++x) {
                    const std::int64_t around[6][3] = {{x - 1, y, z}, {x + 1, y, z}, {x, y - 1, z}, {x, y + 1, z}, {x, y, z - 1}, {x, y, z + 1}};
                    for (const auto& [i, j, k] : around)
                        if (!before.grid.contains(i, j, k) || !before.at(before.grid.index(i, j, k))) mask.at(mask.grid.index(x, y, z)) = 0;
                }
    }
    return mask;
}

const Shell& nearest_shell(const std::vector<Shell>& shells, double b_value) {
    const Shell* best = nullptr;
    std::string list;
    const auto distance = [&](const Shell& s) { return s.b_value > b_value ? s.b_value - b_value : b_value - s.b_value; };
    for (const auto& s : shells) {
        if (!best || distance(s) < distance(*best)) best = &s;
        list += fmt::format("{}{:.0f}", list.empty() ? "" : ", ", s.b_value);
    }
    if (!best || !(distance(*best) <= shell_width))
        throw InputError(fmt::format("no shell lies at b = {} (the image has shells at b = {} s/mm2); choose one of these", b_value, list));
    return *best;
}

}  // namespace arcuate::dwi
