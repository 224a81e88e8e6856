#include "dwi/shell.hpp"

#include "arcuate/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace arcuate::dwi {

std::int64_t distinct_directions(const std::vector<Vec3d>& directions) {
    constexpr double cos_squared = 0.99992;  // of half a degree
    std::vector<Vec3d> kept;
    for (const auto& d : directions) {
        bool is_new = true;
        for (const auto& k : kept) {
            const double cosine = d[0] * k[0] + d[1] * k[1] + d[2] * k[2];
            is_new = is_new && cosine * cosine < cos_squared;
        }
        if (is_new) kept.push_back(d);
    }
    return static_cast<std::int64_t>(kept.size());
}

std::int64_t distinct_weighted_directions(const GradientTable& gradients) {
    std::vector<Vec3d> directions;
    for (std::size_t v = 0; v < gradients.b_values.size(); ++v)
        if (gradients.b_values[v] > b_zero_threshold) directions.push_back(gradients.directions[v]);
    return distinct_directions(directions);
}

double largest_b_value(const GradientTable& gradients) {
    const auto largest = std::max_element(gradients.b_values.begin(), gradients.b_values.end());
    if (largest == gradients.b_values.end() || !(*largest > b_zero_threshold))
        throw InputError("no volume is diffusion-weighted (every b-value is 0); check that the b-values belong to this image");
    return *largest;
}

WorkingShell largest_shell(const GradientTable& gradients) {
    const auto shells = find_shells(gradients);
    if (shells.empty() || shells.back().b_value <= b_zero_threshold)
        throw InputError("no volume is diffusion-weighted (every b-value is 0); check that the b-values belong to this image");
    return working_shell(gradients, shells.back());
}

WorkingShell working_shell(const GradientTable& gradients, const Shell& shell) {
    if (shell.b_value <= b_zero_threshold) throw InputError("the shell at b = 0 shows no direction of a fibre; choose one that is diffusion-weighted");
    WorkingShell out{shell.b_value, shell.volumes, {}};
    for (const auto v : out.volumes) out.directions.push_back(gradients.directions[static_cast<std::size_t>(v)]);
    const auto n = distinct_directions(out.directions);
    if (n < 6)
        throw InputError(fmt::format("the shell at b = {:.0f} has {} distinct directions (spherical deconvolution needs at least 6); "
                                     "check the b-values, or acquire more directions",
                                     out.b_value, n));
    return out;
}

std::vector<std::int64_t> volumes_of_shells(const GradientTable& gradients, const std::vector<double>& b_values) {
    std::vector<std::int64_t> volumes;
    if (b_values.empty()) {
        volumes.resize(static_cast<std::size_t>(gradients.size()));
        std::iota(volumes.begin(), volumes.end(), 0);
        return volumes;
    }
    const auto shells = find_shells(gradients);
    const auto away = [](const Shell& shell, double b) { return shell.b_value < b ? b - shell.b_value : shell.b_value - b; };
    for (const double b : b_values) {
        const auto nearest = std::min_element(shells.begin(), shells.end(), [&](const Shell& l, const Shell& r) { return away(l, b) < away(r, b); });
        if (nearest == shells.end() || !(away(*nearest, b) < shell_width)) {
            std::string present;
            for (const auto& shell : shells) present += fmt::format("{}{:.0f}", present.empty() ? "" : ", ", shell.b_value);
            throw InputError(fmt::format("there is no shell at b = {:.0f} s/mm2 (the gradient table has shells at {}); name shells that are there", b, present));
        }
        volumes.insert(volumes.end(), nearest->volumes.begin(), nearest->volumes.end());
    }
    std::sort(volumes.begin(), volumes.end());
    volumes.erase(std::unique(volumes.begin(), volumes.end()), volumes.end());
    return volumes;
}

GradientTable choose(const GradientTable& gradients, const std::vector<std::int64_t>& volumes) {
    GradientTable out;
    for (const auto v : volumes) {
        out.directions.push_back(gradients.directions[static_cast<std::size_t>(v)]);
        out.b_values.push_back(gradients.b_values[static_cast<std::size_t>(v)]);
    }
    return out;
}

void require_consistent(const Series& dwi, const GradientTable& gradients, const Mask& mask) {
    if (gradients.size() != dwi.volumes)
        throw InputError(fmt::format("the gradient table has {} entries but the image has {} volumes (was a volume removed from one of them only?); "
                                     "give the table of this image",
                                     gradients.size(), dwi.volumes));
    require_same_grid(mask.grid, "the mask", dwi.grid, "the diffusion image");
}

}  // namespace arcuate::dwi
